"""The pages that the law asks for: there, complete, from this host alone, and made from the code."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from backend.api import pages
from backend.api.session import PLAIN_COOKIE, SECURE_COOKIE
from backend.privacy.record import filled, markdown, page_table
from backend.privacy.retention.terms import TERMS

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("privacy", "cookies", "processing")


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(pages.router(operator="Harbour & Sons", contact="privacy@example.org"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


@pytest.mark.parametrize("name", NAMES)
async def test_legal__page__is_there_and_asks_no_other_host(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.get(f"/legal/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "set-cookie" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert not re.search(r'(?:src|action)="|url\(|@import|<script', answer.text)
    assert {link for link in re.findall(r'href="([^"]+)"', answer.text) if not link.startswith("data:")} <= {
        "/", "#text", "mailto:privacy@example.org", *(f"/legal/{other}" for other in NAMES)
    }
    again = await browser.get(f"/legal/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await browser.head(f"/legal/{name}")).status_code == 200


async def test_legal__names__are_the_operators_and_escaped(browser: httpx.AsyncClient) -> None:
    text = (await browser.get("/legal/privacy")).text
    assert "Harbour &amp; Sons" in text
    assert "{{" not in text


async def test_legal__links__lead_from_the_status_page(browser: httpx.AsyncClient) -> None:
    footer = (await browser.get("/")).text.split("<footer>")[1]
    assert all(f'href="/legal/{name}"' in footer for name in NAMES)


def test_legal__tables__are_what_the_code_does() -> None:
    """`make generated` was run: a new term or table of data is told to the people it concerns."""
    for name in ("web/legal/privacy.html", "web/legal/processing.html"):
        page = (ROOT / name).read_text()
        assert filled(page, page_table) == page
        assert all(term.why in page.replace("&#x27;", "'") for term in TERMS)
    page = (ROOT / "docs/privacy.md").read_text()
    assert filled(page, markdown) == page


def test_legal__cookie__is_named_as_the_browser_sees_it() -> None:
    page = (ROOT / "web/legal/cookies.html").read_text()
    assert f"<code>{SECURE_COOKIE}</code>" in page
    assert f"<code>{PLAIN_COOKIE}</code>" in page
