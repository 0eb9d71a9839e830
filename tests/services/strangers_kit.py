"""Servers of strangers: HTTPS servers that misbehave on request, and a name server, all on this machine."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import trustme

HOST = "world.example"
Answer = Callable[[socket.socket], None]
"""What a server does once it has read a request."""


def reply(body: bytes = b"hello", status: str = "200 OK", **headers: str) -> Answer:
    """A well-behaved answer."""
    lines = {"Content-Length": str(len(body)), **headers}
    head = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return raw(head.encode() + b"\r\n" + body)


def raw(data: bytes) -> Answer:
    return lambda link: link.sendall(data)


@dataclass
class Server:
    """A server with one answer for everything. `requests` keeps what was received, `names` what TLS asked for."""

    port: int = 0
    answer: Answer = field(default_factory=reply)
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", host: str = HOST, scheme: str = "https") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def heads(self) -> list[list[str]]:
        """Lines of each request's head."""
        return [request.partition(b"\r\n\r\n")[0].decode().split("\r\n") for request in self.requests]


class Authority:
    """A certificate authority that the fetcher under test trusts, and no other."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    @property
    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context

    def context(self, *hosts: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*hosts).configure_cert(context)
        return context


@contextmanager
def serving(context: ssl.SSLContext | None, address: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """A server on `address`; without `context` it speaks plain HTTP."""
    server = Server()
    if context:
        context.sni_callback = lambda _link, name, _context: server.names.append(name)
    with socket.create_server((address, port)) as listening:
        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=_accept, args=(listening, context, server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listening: socket.socket, context: ssl.SSLContext | None, server: Server) -> None:
    """One connection after the other, until the listening socket is shut."""
    while True:
        try:
            link, _ = listening.accept()
        except OSError:
            return
        server.connections += 1
        with suppress(OSError), link:
            link.settimeout(60)
            with context.wrap_socket(link, server_side=True) if context else link as talking:
                server.requests.append(_request(talking))
                server.answer(talking)


def _request(link: socket.socket) -> bytes:
    """A request with its body, as Content-Length says."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := link.recv(65_536)):
            raise ConnectionResetError
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    announced = re.search(rb"content-length: (\d+)", head.lower())
    length = int(announced[1]) if announced else 0
    while len(body) < length:
        body += link.recv(65_536)
    return head + b"\r\n\r\n" + body


@dataclass
class NameServer:
    """Answers from `records`: (name, kind) to texts; `asked` counts. A name without any record does not exist."""

    port: int
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    silent: bool = False

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def naming() -> Iterator[NameServer]:
    """A name server on UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        server = NameServer(link.getsockname()[1])
        thread = threading.Thread(target=_resolve, args=(link, server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", ("127.0.0.1", server.port))
            thread.join()


def _resolve(link: socket.socket, server: NameServer) -> None:
    while (received := link.recvfrom(4_096))[0] != b"end":
        if server.silent:
            continue
        query = dns.message.from_wire(received[0])
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        server.asked.append((name, kind))
        answer = dns.message.make_response(query, recursion_available=True)
        found = server.records.get((name, kind), [])
        if found:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in server.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        link.sendto(answer.to_wire(), received[1])
