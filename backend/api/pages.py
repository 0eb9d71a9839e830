"""GET /: the status page, one file without any request to another host."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, Request, Response

PAGE = Path(__file__).resolve().parents[2] / "web" / "status" / "index.html"


def content_policy(page: str) -> str:
    """A Content-Security-Policy for a page that carries everything inside: its own script and style by hash, no other.

    The only place it may talk to is where it came from (CSP level 3, hash sources).
    """
    return (
        f"default-src 'none'; script-src {_hashes('script', page)}; style-src {_hashes('style', page)}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(tag: str, page: str) -> str:
    blocks = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks]
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"


def router(page: Path = PAGE) -> APIRouter:
    """Routes that serve `page`, read once at start. Raises FileNotFoundError when the page is missing."""
    content = page.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {
        "Content-Security-Policy": content_policy(content.decode()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
        "ETag": etag,
    }
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=["GET", "HEAD"])
    def status_page(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/html; charset=utf-8", headers=headers)

    return routes
