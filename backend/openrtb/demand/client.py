"""Posts bid requests to strangers' servers: only to public addresses (L58), never longer or more than was asked for."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from backend.net.addresses import LOCALHOST, FetchRefused, Target, check_addresses, literal, target_of

ADDRESS_SECONDS = 60.0          # how long an answer of the name servers is used
RESOLVE_SECONDS = 5.0
ANSWER_BYTES_MAX = 65_536
CONNECTIONS_MAX = 128           # to one name
USER_AGENT = "Sightline/1"

Resolve = Callable[[str, float], list[str]]
"""Addresses of a name, within a number of seconds; see `backend.net.client`. Raises FetchRefused."""


class BidderUnreachable(Exception):
    """No answer: the place is not allowed, nobody is there, or the answer is too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class BidderClient:
    """Connections are kept, since a bidder is asked all the time. Use it from one event loop at a time.

    `trust` checks certificates, by default with the authorities that httpx knows.
    """

    def __init__(self, resolve: Resolve, *, allow_local: bool, trust: ssl.SSLContext | None = None) -> None:
        self._resolve = resolve
        self._trust = trust
        self._allow_local = allow_local
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._addresses: dict[str, tuple[float, str]] = {}
        self._resolving: dict[str, asyncio.Task[str]] = {}

    async def post(self, endpoint: str, body: bytes, headers: Mapping[str, str], seconds_max: float) -> Answer:
        """The answer, within so many seconds altogether. Raises TimeoutError or BidderUnreachable."""
        try:
            async with asyncio.timeout(seconds_max):
                target = target_of(endpoint, allow_local=self._allow_local)
                return await self._send(target, await self._address(target.host), body, headers)
        except TimeoutError:            # an OSError, too
            raise
        except FetchRefused as error:
            raise BidderUnreachable(str(error)) from error
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise BidderUnreachable(type(error).__name__) from error

    async def aclose(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _send(self, target: Target, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """To the address that was checked; the name is told in TLS and in Host, and not looked up again."""
        host = f"[{address}]" if ":" in address else address
        url = f"{'https' if target.tls else 'http'}://{host}:{target.port}{target.path}"
        sent = {**headers, "Host": target.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        client, named = self._client(target.authority), {"sni_hostname": target.host}
        async with client.stream("POST", url, content=body, headers=sent, extensions=named) as answer:
            parts, length = [], 0
            async for part in answer.aiter_raw():
                length += len(part)
                if length > ANSWER_BYTES_MAX:
                    raise BidderUnreachable("the answer is too long")
                parts.append(part)
            return Answer(answer.status_code, b"".join(parts))

    def _client(self, authority: str) -> httpx.AsyncClient:
        """Of one name alone: connections are kept by address, and two names at one address have two certificates."""
        client = self._clients.get(authority)
        if client is None:
            self._trust = self._trust or httpx.create_ssl_context(trust_env=False)
            limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
            client = self._clients[authority] = httpx.AsyncClient(
                trust_env=False, follow_redirects=False, limits=limits, timeout=RESOLVE_SECONDS, verify=self._trust,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),     # none: they would only add up
            )
        return client

    def _look_at_loop(self) -> None:
        """Connections and tasks belong to one event loop; those of another are let go."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._clients, self._resolving = loop, {}, {}

    async def _address(self, host: str) -> str:
        """A checked address of the host. Whoever has no time to wait for it leaves it to the next one."""
        self._look_at_loop()
        loop = asyncio.get_running_loop()
        known = self._addresses.get(host)
        if known is not None and loop.time() < known[0]:
            return known[1]
        task = self._resolving.get(host)
        if task is None:
            task = self._resolving[host] = loop.create_task(self._resolved(host))
            task.add_done_callback(lambda done: self._done(host, done))
        return await asyncio.shield(task)

    async def _resolved(self, host: str) -> str:
        own = literal(host) or ("127.0.0.1" if host == LOCALHOST and self._allow_local else None)
        found = [own] if own else await asyncio.to_thread(self._resolve, host, RESOLVE_SECONDS)
        address = check_addresses(found, allow_local=self._allow_local)[0]
        self._addresses[host] = (asyncio.get_running_loop().time() + ADDRESS_SECONDS, address)
        return address

    def _done(self, host: str, task: asyncio.Task[str]) -> None:
        self._resolving.pop(host, None)
        if not task.cancelled():
            task.exception()            # seen: whoever waited has it too
