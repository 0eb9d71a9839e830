"""Where settlements are published: reads what waits for attestations, downloads bundles, sends attestations."""

from typing import TypeVar

import httpx
import msgspec

from backend.core.errors import Conflict, Unavailable
from backend.settlement.statement import EVENTS_FILE, STATEMENT_FILE
from backend.settlement.verify import Bundle

READ_SECONDS = 30
FILE_BYTES_MAX = 1024**3
Answer = TypeVar("Answer")


class PendingSettlement(msgspec.Struct, frozen=True):
    """An entry of GET /v1/settlements/pending, as much as an attestor needs."""

    epoch: int
    attempt: int
    chain_id: int
    attested_by: list[str] = []


class _Settlements(msgspec.Struct, frozen=True):
    settlements: list[PendingSettlement]


class Refusal(Exception):
    """The server did not take our attestation; `detail` is its problem+json."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


class SettlementClient:
    """The public API. Raises Unavailable `settlement_unavailable` when it does not answer."""

    def __init__(self, url: str, http: httpx.Client | None = None) -> None:
        self._http = http or httpx.Client(base_url=url.rstrip("/"), timeout=READ_SECONDS)

    def pending(self) -> list[PendingSettlement]:
        """Settlements that wait for attestations."""
        return self._get("/v1/settlements/pending", _Settlements).settlements

    def bundle(self, chain_id: int, epoch: int, attempt: int) -> Bundle:
        """Both files of a bundle."""
        base = f"/bundles/{chain_id}/{epoch}/{attempt}"
        return Bundle(self._file(f"{base}/{STATEMENT_FILE}"), self._file(f"{base}/{EVENTS_FILE}"))

    def attest(self, epoch: int, attempt: int, attestor: str, signature: str, digest: str) -> None:
        """Send an attestation. Raises Refusal with the server's reason."""
        body = {"attestor": attestor, "signature": signature, "digest": digest}
        try:
            answer = self._http.post(f"/v1/settlements/{epoch}/{attempt}/attestations", json=body)
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        if answer.status_code >= 500:
            raise Unavailable("settlement_unavailable", f"answered {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            raise Refusal(answer.status_code, answer.text[:500])

    def _file(self, path: str) -> bytes:
        content = bytearray()
        try:
            with self._http.stream("GET", path) as answer:
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > FILE_BYTES_MAX:
                        raise Conflict("bundle_too_large", f"{path} is larger than {FILE_BYTES_MAX} bytes")
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        return bytes(content)

    def _get(self, path: str, kind: type[Answer]) -> Answer:
        try:
            answer = self._http.get(path)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=kind)
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable("settlement_unavailable", f"{type(error).__name__}: {error}")
