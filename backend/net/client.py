"""Talks to strangers' servers: resolves the name once, checks every address, connects to the address that was checked.

No redirects, no proxies, no cookies, one time limit for everything, and never more bytes than were asked for.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import dns.exception
import dns.rdatatype
import dns.resolver

from backend.net.addresses import LOCALHOST, FetchRefused, Refusal, Target, check_addresses, literal, target_of

METHODS = ("GET", "POST")
USER_AGENT = "Sightline/1"
ADDRESSES_TRIED_MAX = 3
CHUNK_BYTES = 65_536
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"})

Resolve = Callable[[str, float], list[str]]
"""Addresses of a name, within a number of seconds. Raises FetchRefused."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer that is no redirect; header names are lowercase."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Dns:
    """Asks the resolvers at `servers` (`address` or `address:port`); those of the machine when there are none."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = tuple(servers)
        self._resolver: dns.resolver.Resolver | None = None

    def addresses(self, host: str, seconds_max: float) -> list[str]:
        """IPv4 addresses of a name, then its IPv6 addresses; none when it has none. Raises FetchRefused."""
        deadline = time.monotonic() + seconds_max
        return [
            answer
            for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)
            for answer in self._ask(host, kind, deadline)
        ]

    def texts(self, name: str, seconds_max: float) -> list[str]:
        """TXT records of a name, their parts joined (RFC 7208 §3.3); none when it has none. Raises FetchRefused."""
        return self._ask(name, dns.rdatatype.TXT, time.monotonic() + seconds_max)

    def _ask(self, name: str, kind: dns.rdatatype.RdataType, deadline: float) -> list[str]:
        try:
            answers = self._asking().resolve(
                name + ".", kind, lifetime=_left(deadline), raise_on_no_answer=False, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.Timeout as error:
            raise FetchRefused(Refusal.TIMEOUT, "the name was not resolved in time") from error
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise FetchRefused(Refusal.NAME, "the name cannot be resolved") from error
        if kind is dns.rdatatype.TXT:
            return [b"".join(answer.strings).decode("ascii", "replace") for answer in answers]
        return [answer.address for answer in answers]

    def _asking(self) -> dns.resolver.Resolver:
        """Made on first use: a process that fetches nothing needs no resolver."""
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                self._resolver.nameservers = [_nameserver(server) for server in self._servers]
        return self._resolver


def _nameserver(server: str) -> dns.nameserver.Nameserver:
    host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "53")
    return dns.nameserver.Do53Nameserver(host, int(port))


class SafeFetcher:
    """Fetches from URLs that strangers gave us (L58).

    `resolver` is asked once per fetch; `allow_local` is for local stacks (http, other ports, loopback); `trust` checks
    certificates, by default with the authorities of the machine. Has no state between fetches: safe in threads.
    """

    def __init__(
        self, *, resolver: Resolve | None = None, allow_local: bool = False, trust: ssl.SSLContext | None = None
    ) -> None:
        self._resolve = resolver or Dns().addresses
        self._allow_local = allow_local
        self._trust = trust or ssl.create_default_context()

    def fetch(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None,
        bytes_max: int = 65_536, seconds_max: float = 5.0,
    ) -> Fetched:
        """The answer to one request. Raises FetchRefused; ValueError for other methods or headers of ours.

        `bytes_max` limits the answer's body, `seconds_max` everything together from resolving to the last byte.
        """
        _check_request(method, headers or {})
        deadline = time.monotonic() + seconds_max
        target = target_of(url, allow_local=self._allow_local)
        addresses = check_addresses(self._addresses(target.host, seconds_max), allow_local=self._allow_local)
        try:
            with closing(self._connect(target, addresses, deadline)) as link:
                return _exchange(link, target, method, headers or {}, body, bytes_max, deadline)
        except ssl.SSLCertVerificationError as error:
            raise FetchRefused(Refusal.CERTIFICATE, error.verify_message) from error
        except TimeoutError as error:
            raise FetchRefused(Refusal.TIMEOUT, f"took longer than {seconds_max} s") from error
        except http.client.HTTPException as error:
            raise FetchRefused(Refusal.ANSWER, "the answer is not HTTP") from error
        except OSError as error:
            raise FetchRefused(Refusal.CONNECTION, "the connection failed") from error

    def _addresses(self, host: str, seconds_max: float) -> list[str]:
        address = literal(host)
        if address is not None:
            return [address]
        if host == LOCALHOST and self._allow_local:     # resolvers need not know it
            return ["127.0.0.1"]
        return self._resolve(host, seconds_max)

    def _connect(self, target: Target, addresses: Sequence[str], deadline: float) -> socket.socket:
        """Connect to the first address that answers; the name is only told inside TLS and never resolved again."""
        for place, address in enumerate(addresses[:ADDRESSES_TRIED_MAX], start=1):
            try:
                plain = socket.create_connection((address, target.port), timeout=_left(deadline))
                break
            except OSError:
                if place == min(len(addresses), ADDRESSES_TRIED_MAX):
                    raise
        if not target.tls:
            return plain
        try:
            plain.settimeout(_left(deadline))
            return self._trust.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def _check_request(method: str, headers: Mapping[str, str]) -> None:
    if method not in METHODS:
        raise ValueError(f"the method must be one of {METHODS}")
    taken = _OURS & {name.lower() for name in headers}
    if taken:
        raise ValueError(f"these headers are ours: {sorted(taken)}")


def _exchange(
    link: socket.socket, target: Target, method: str, headers: Mapping[str, str], body: bytes | None, bytes_max: int,
    deadline: float,
) -> Fetched:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = _DeadlineSocket(link, deadline)    # all of a socket that it uses
    connection.request(method, target.path, body=body, headers={
        **headers, "Host": target.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity",
        "Connection": "close",
    })
    answer = connection.getresponse()
    if 300 <= answer.status < 400:
        raise FetchRefused(Refusal.REDIRECT, "redirects are not followed")
    if answer.length is not None and answer.length > bytes_max:
        raise FetchRefused(Refusal.TOO_LARGE, f"more than {bytes_max} bytes")
    received = {name.lower(): value for name, value in answer.getheaders()}
    return Fetched(answer.status, received, _read(answer, bytes_max))


def _read(answer: http.client.HTTPResponse, bytes_max: int) -> bytes:
    """The body, read no further than one byte too many."""
    parts: list[bytes] = []
    left = bytes_max
    while part := answer.read(min(CHUNK_BYTES, left + 1)):
        left -= len(part)
        if left < 0:
            raise FetchRefused(Refusal.TOO_LARGE, f"more than {bytes_max} bytes")
        parts.append(part)
    if answer.length:               # http.client calls the end of a cut connection the end of the body
        raise FetchRefused(Refusal.ANSWER, "the answer ended before its end")
    return b"".join(parts)


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _DeadlineSocket:
    """What http.client needs of a socket, with one deadline: a server that drips is cut off like a silent one."""

    def __init__(self, link: socket.socket, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._link.settimeout(_left(self._deadline))
        self._link.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._link, self._deadline))

    def close(self) -> None:
        """The link is closed by who opened it."""


class _DeadlineReader(io.RawIOBase):
    def __init__(self, link: socket.socket, deadline: float) -> None:
        self._link = link
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._link.settimeout(_left(self._deadline))
        return self._link.recv_into(buffer)
