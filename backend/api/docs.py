"""/docs: Swagger UI over our OpenAPI, from files of our own host, so that it works offline and tells nobody."""

import hashlib
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from backend.api.problems import problem

MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "start.js": "text/javascript"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, displayRequestDuration: true,
  defaultModelsExpandDepth: 0, docExpansion: "list", validatorUrl: null,
});
"""


def router(title: str) -> APIRouter:
    """The page and its three files, read once at start."""
    folder = Path(fastapi_offline.__file__).parent / "static"
    files = {name: (folder / name).read_bytes() for name in MEDIA_TYPES if name != "start.js"} | {"start.js": _START}
    api = APIRouter(include_in_schema=False)

    @api.get("/docs")
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.format(title=title))

    @api.get("/docs/{name}")
    def file(request: Request, name: str) -> Response:
        if name not in files:
            return problem(request, 404, "not_found", f"there is no file {name} in the documentation")
        etag = f'"{hashlib.sha256(files[name]).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        headers = {"ETag": etag, "Cache-Control": "public, max-age=3600"}
        return Response(files[name], media_type=MEDIA_TYPES[name], headers=headers)

    return api
