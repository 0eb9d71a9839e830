"""GET / and /legal/…: the status page and what the law wants to be said; files without a request to another host."""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request, Response

WEB = Path(__file__).resolve().parents[2] / "web"
PAGE = WEB / "status" / "index.html"
LEGAL = {f"/legal/{name}": WEB / "legal" / f"{name}.html" for name in ("privacy", "cookies", "processing")}
NOBODY = "The operator of this Sightline"


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


def router(page: Path = PAGE, *, operator: str = NOBODY, contact: str = "") -> APIRouter:
    """Routes that serve `page` and the legal pages, read once at start. Raises FileNotFoundError when one is missing.

    `operator` and `contact` (an e-mail address) say on the legal pages who is responsible.
    """
    names = {"{{operator}}": html.escape(operator), "{{contact}}": _contact(contact)}
    routes = APIRouter(include_in_schema=False)
    for path, file in {"/": page, **LEGAL}.items():
        text = file.read_text()
        for name, value in names.items():
            text = text.replace(name, value)
        routes.add_api_route(path, _served(text), methods=["GET", "HEAD"])
    return routes


def _contact(address: str) -> str:
    written = html.escape(address)
    return f'<a href="mailto:{written}">{written}</a>' if address else "the address from which your invoices come"


def _served(text: str) -> Callable[[Request], Response]:
    """A route that answers with `text`, or that it has not changed."""
    content = text.encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {
        "Content-Security-Policy": content_policy(text),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
        "ETag": etag,
    }

    def served(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/html; charset=utf-8", headers=headers)

    return served
