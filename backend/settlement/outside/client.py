"""Reads bundles from a folder or over HTTP, by the place of one of them."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx

from backend.core.errors import NotFound, Unavailable
from backend.settlement.history import OnChain
from backend.settlement.statement import EVENTS_FILE, STATEMENT_FILE
from backend.settlement.verify import Bundle

READ_SECONDS = 60


class BundleSource:
    """Knows where the bundles around a given statement are: `…/<epoch>-<attempt>/` or `…/<epoch>/<attempt>/`."""

    def __init__(self, statement: str) -> None:
        """`statement` is the path or URL of a statement.json, or of the folder that holds it."""
        self._base = statement.removesuffix(STATEMENT_FILE).rstrip("/")
        is_url = statement.startswith(("http://", "https://"))
        self._read: Callable[[str], bytes] = _download if is_url else _read_file

    def bundle(self) -> Bundle:
        """The bundle that was named. Raises NotFound or Unavailable."""
        return self._bundle(self._base)

    def other(self, epoch: int, known: OnChain) -> Bundle:
        """The bundle of another epoch at the same place. Raises NotFound when the place does not name epochs."""
        base, changed = re.subn(r"\d+([-/])\d+$", rf"{epoch}\g<1>{known.attempt}", self._base)
        if not changed:
            raise NotFound("bundle_unknown", f"cannot tell where epoch {epoch} is from {self._base}")
        return self._bundle(base)

    def _bundle(self, base: str) -> Bundle:
        return Bundle(self._read(f"{base}/{STATEMENT_FILE}"), self._read(f"{base}/{EVENTS_FILE}"))


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise NotFound("bundle_unknown", f"{path}: {error.strerror}") from error


def _download(url: str) -> bytes:
    try:
        answer = httpx.get(url, timeout=READ_SECONDS, follow_redirects=True)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise NotFound("bundle_unknown", f"{url}: answered {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise Unavailable("settlement_unavailable", f"{url}: {type(error).__name__}") from error
    return answer.content
