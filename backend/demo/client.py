"""How the demo's people reach the API: one client for a person with a wallet, one for viewers by the thousand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from siwe import SiweMessage

from backend.demo.waiting import DemoError

HTTP_SECONDS_MAX = 20.0
SIGN_IN_MINUTES = 5

Json = dict[str, Any]


class ApiClient:
    """A person with a browser: signs in with a wallet and talks JSON. Raises DemoError for any answer but success."""

    def __init__(self, base_url: str, account: LocalAccount | None = None) -> None:
        self.account = account
        self._http = httpx.Client(base_url=base_url, timeout=HTTP_SECONDS_MAX)

    def sign_in(self) -> None:
        """Sign-In with Ethereum (EIP-4361), then a bearer token for everything that follows."""
        assert self.account is not None
        offer = self.post("/v1/auth/nonce")
        now = datetime.now(UTC).replace(microsecond=0)
        message = SiweMessage(
            domain=offer["domain"], address=self.account.address, statement="Sign in to Sightline.", uri=offer["uri"],
            version="1", chain_id=offer["chain_id"], nonce=offer["nonce"], issued_at=_iso(now),
            expiration_time=_iso(now + timedelta(minutes=SIGN_IN_MINUTES)),
        ).prepare_message()
        signature = self.account.sign_message(encode_defunct(text=message)).signature.hex()
        answer = self.post("/v1/auth/verify", {"message": message, "signature": "0x" + signature.removeprefix("0x")})
        self._http.headers["Authorization"] = f"Bearer {answer['token']}"

    def get(self, path: str) -> Json:
        return self._answer(self._http.get(path))

    def find(self, path: str) -> Json | None:
        """As `get`, None for what does not exist (yet)."""
        response = self._http.get(path)
        return None if response.status_code == 404 else self._answer(response)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        return self._answer(self._http.post(path, json=body))

    def patch(self, path: str, body: Mapping[str, object]) -> Json:
        return self._answer(self._http.patch(path, json=body))

    def status_of(self, path: str) -> int | None:
        """HTTP status of a GET, None when nobody answers."""
        try:
            return self._http.get(path).status_code
        except httpx.TransportError:
            return None

    def close(self) -> None:
        self._http.close()

    def _answer(self, response: httpx.Response) -> Json:
        if not response.is_success:
            asked = f"{response.request.method} {response.request.url}"
            raise DemoError(f"{asked} → {response.status_code} {response.text}")
        answer: Json = response.json()
        return answer


class AdClient:
    """What worlds and viewers send, many at a time. Answers are None when the server asks to come back later."""

    def __init__(self, base_url: str, connections_max: int) -> None:
        limits = httpx.Limits(max_connections=connections_max, max_keepalive_connections=connections_max)
        self._http = httpx.AsyncClient(base_url=base_url, timeout=HTTP_SECONDS_MAX, limits=limits)

    async def decide(self, placement: int, viewer_key: str, user_agent: str) -> Json | None:
        """The answer of POST /v1/decisions."""
        return await self._post("/v1/decisions", {"placement_id": placement, "viewer_key": viewer_key}, user_agent)

    async def report(self, events: Sequence[Mapping[str, object]], user_agent: str) -> list[Json] | None:
        """One verdict per event; they are stored when this returns."""
        answer = await self._post("/v1/events", {"events": events}, user_agent)
        return None if answer is None else answer["results"]

    async def close(self) -> None:
        await self._http.aclose()

    async def _post(self, path: str, body: Json, user_agent: str) -> Json | None:
        try:
            response = await self._http.post(path, json=body, headers={"User-Agent": user_agent})
        except httpx.TransportError:
            return None
        if not response.is_success:
            return None
        answer: Json = response.json()
        return answer


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
