"""The fetcher for strangers' URLs against real servers that misbehave (L58)."""

import socket
import time
from collections.abc import Callable, Iterator
from functools import partialmethod

import pytest
from strangers_kit import HOST, Authority, NameServer, Server, naming, raw, reply, serving

from backend.net.addresses import FetchRefused, Refusal
from backend.net.client import Dns, SafeFetcher


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    with serving(authority.context(HOST)) as server:
        yield server


class Names:
    """A resolver that answers each time with the next list, and then with the last one again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _seconds_max: float) -> list[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Patient(SafeFetcher):
    """How busy this machine is decides no test."""

    fetch = partialmethod(SafeFetcher.fetch, seconds_max=60.0)  # type: ignore[assignment]


def local(authority: Authority, *answers: list[str]) -> SafeFetcher:
    """A fetcher of a local stack, for which every name leads to this machine."""
    return Patient(resolver=Names(*(answers or (["127.0.0.1"],))), allow_local=True, trust=authority.trust)


def refused(fetch: Callable[[], object]) -> Refusal:
    with pytest.raises(FetchRefused) as caught:
        fetch()
    return caught.value.reason


def test_fetch__get__status_headers_and_body(authority: Authority, server: Server) -> None:
    server.answer = reply(b"sightline-verify=1", **{"X-One": "1"})
    answer = local(authority).fetch("GET", server.url("/.well-known/sightline.txt?a=b"))
    assert (answer.status, answer.headers["x-one"], answer.body) == (200, "1", b"sightline-verify=1")
    assert server.heads[0][0] == "GET /.well-known/sightline.txt?a=b HTTP/1.1"
    assert f"Host: {HOST}:{server.port}" in server.heads[0]
    assert server.names == [HOST]


def test_fetch__post__body_and_headers_arrive(authority: Authority, server: Server) -> None:
    server.answer = reply(status="204 No Content", body=b"")
    answer = local(authority).fetch("POST", server.url("/hook"), headers={"X-Signature": "abc"}, body=b'{"a":1}')
    assert (answer.status, answer.body) == (204, b"")
    assert "X-Signature: abc" in server.heads[0]
    assert server.requests[0].endswith(b'\r\n\r\n{"a":1}')


def test_fetch__answer_is_an_error__status_is_given(authority: Authority, server: Server) -> None:
    server.answer = reply(status="500 Internal Server Error")
    assert local(authority).fetch("GET", server.url()).status == 500


def test_fetch__chunked_answer__body_is_whole(authority: Authority, server: Server) -> None:
    server.answer = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert local(authority).fetch("GET", server.url()).body == b"abcde"


def test_fetch__plain_http_on_loopback__only_where_local_is_allowed(authority: Authority) -> None:
    with serving(None) as server:
        url = server.url(host="localhost", scheme="http")
        assert local(authority).fetch("GET", url).body == b"hello"
        assert refused(lambda: SafeFetcher(trust=authority.trust).fetch("GET", url)) is Refusal.URL
        assert server.connections == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "64:ff9b::7f00:1", "10.0.0.1"])
def test_fetch__name_leads_inside__nothing_is_connected(authority: Authority, server: Server, address: str) -> None:
    fetcher = SafeFetcher(resolver=Names([address]), trust=authority.trust)
    assert refused(lambda: fetcher.fetch("GET", f"https://{HOST}/")) is Refusal.ADDRESS
    assert server.connections == 0


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/"])
def test_fetch__url_is_a_local_address__refused_without_asking_a_resolver(authority: Authority, url: str) -> None:
    names = Names(["1.1.1.1"])
    assert refused(lambda: SafeFetcher(resolver=names).fetch("GET", url)) is Refusal.ADDRESS
    assert names.asked == []


def test_fetch__one_of_several_addresses_is_private__refused(authority: Authority) -> None:
    fetcher = SafeFetcher(resolver=Names(["93.184.215.14", "10.0.0.1"]), trust=authority.trust)
    assert refused(lambda: fetcher.fetch("GET", f"https://{HOST}/")) is Refusal.ADDRESS


def test_fetch__name_that_changes_its_address__connects_to_the_one_that_was_checked(authority: Authority) -> None:
    """DNS rebinding: whoever resolves twice checks the first answer and connects to the second."""
    with serving(authority.context(HOST), "127.0.0.1") as checked:
        with serving(authority.context(HOST), "127.0.0.2", checked.port) as other:
            names = Names(["127.0.0.1"], ["127.0.0.2"])
            fetcher = SafeFetcher(resolver=names, allow_local=True, trust=authority.trust)
            assert fetcher.fetch("GET", checked.url()).status == 200
            assert names.asked == [HOST]
            assert (checked.connections, other.connections) == (1, 0)


def test_fetch__first_address_is_dead__next_one_is_used(authority: Authority) -> None:
    with serving(authority.context(HOST), "127.0.0.2") as server:
        assert local(authority, ["127.0.0.3", "127.0.0.2"]).fetch("GET", server.url()).status == 200


def test_fetch__nobody_listens__connection_refused(authority: Authority, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert refused(lambda: local(authority).fetch("GET", f"https://{HOST}:{port}/")) is Refusal.CONNECTION


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "https://169.254.169.254/latest", "/elsewhere"])
def test_fetch__redirect__is_not_followed(authority: Authority, server: Server, target: str) -> None:
    server.answer = reply(status="302 Found", Location=target)
    assert refused(lambda: local(authority).fetch("GET", server.url())) is Refusal.REDIRECT
    assert server.connections == 1


def test_fetch__certificate_of_another_host__refused(authority: Authority) -> None:
    with serving(authority.context("other.example")) as server:
        assert refused(lambda: local(authority).fetch("GET", server.url())) is Refusal.CERTIFICATE
        assert server.requests == []


def test_fetch__certificate_of_an_unknown_authority__refused(authority: Authority) -> None:
    with serving(Authority().context(HOST)) as server:
        assert refused(lambda: local(authority).fetch("GET", server.url())) is Refusal.CERTIFICATE


def test_fetch__server_speaks_no_tls__refused(authority: Authority) -> None:
    with serving(None) as server:
        reason = refused(lambda: local(authority).fetch("GET", server.url(), seconds_max=0.2))
        assert reason in (Refusal.CONNECTION, Refusal.TIMEOUT)
        assert server.requests == []


def test_fetch__body_longer_than_announced_limit__refused_unread(authority: Authority, server: Server) -> None:
    server.answer = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n")
    assert refused(lambda: local(authority).fetch("GET", server.url(), bytes_max=1_000)) is Refusal.TOO_LARGE


def test_fetch__endless_body__cut_off_at_the_limit(authority: Authority, server: Server) -> None:
    sent = 0

    def pour(link: socket.socket) -> None:
        nonlocal sent
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 50_000_000:
            sent += link.send(b"x" * 65_536)

    server.answer = pour
    assert refused(lambda: local(authority).fetch("GET", server.url(), bytes_max=100_000)) is Refusal.TOO_LARGE
    assert sent < 10_000_000


def test_fetch__body_of_exactly_the_limit__whole(authority: Authority, server: Server) -> None:
    server.answer = reply(b"x" * 1_000)
    assert len(local(authority).fetch("GET", server.url(), bytes_max=1_000).body) == 1_000
    assert refused(lambda: local(authority).fetch("GET", server.url(), bytes_max=999)) is Refusal.TOO_LARGE


def test_fetch__body_shorter_than_announced__refused(authority: Authority, server: Server) -> None:
    server.answer = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    assert refused(lambda: local(authority).fetch("GET", server.url())) is Refusal.ANSWER


def test_fetch__endless_headers__refused(authority: Authority, server: Server) -> None:
    server.answer = raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500)
    assert refused(lambda: local(authority).fetch("GET", server.url())) is Refusal.ANSWER


def test_fetch__answer_is_not_http__refused(authority: Authority, server: Server) -> None:
    server.answer = raw(b"SSH-2.0-OpenSSH_9.6\r\n")
    assert refused(lambda: local(authority).fetch("GET", server.url())) is Refusal.ANSWER


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_fetch__server_that_drips__cut_off_by_one_limit_for_everything(
    authority: Authority, server: Server, start: bytes
) -> None:
    """Each byte comes sooner than any limit per read; only a limit for the whole ends it."""

    sent = 0

    def drip(link: socket.socket) -> None:
        nonlocal sent
        link.sendall(start)
        for _ in range(200):
            link.sendall(b"X")
            sent += 1
            time.sleep(0.02)        # the server's pace, not a wait of the test

    server.answer = drip
    assert refused(lambda: local(authority).fetch("GET", server.url(), seconds_max=0.2)) is Refusal.TIMEOUT
    assert sent < 200, "cut off before the end"


def test_fetch__tls_never_completes__timeout(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://{HOST}:{silent.getsockname()[1]}/"
        assert refused(lambda: local(authority).fetch("GET", url, seconds_max=0.2)) is Refusal.TIMEOUT


def test_fetch__proxy_in_the_environment__ignored(
    authority: Authority, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(None) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url(host="127.0.0.1", scheme="http"))
        assert local(authority).fetch("GET", server.url()).status == 200
        assert proxy.connections == 0


@pytest.mark.parametrize("headers", [{"Host": "inside"}, {"transfer-encoding": "chunked"}, {"X": "a\r\nHost: inside"}])
def test_fetch__header_that_is_ours_or_breaks_the_line__value_error(
    authority: Authority, server: Server, headers: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match="header"):
        local(authority).fetch("GET", server.url(), headers=headers)
    assert server.requests == []


def test_fetch__other_method__value_error(authority: Authority) -> None:
    with pytest.raises(ValueError, match="method"):
        local(authority).fetch("DELETE", f"https://{HOST}/")


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def names() -> Iterator[NameServer]:
    with naming() as server:
        yield server


def test_dns__addresses__ipv4_then_ipv6(names: NameServer) -> None:
    names.records = {(HOST, "A"): ["93.184.215.14"], (HOST, "AAAA"): ["2606:4700::1111"]}
    assert Dns([names.place]).addresses(HOST, 60) == ["93.184.215.14", "2606:4700::1111"]


def test_dns__texts__parts_are_joined(names: NameServer) -> None:
    names.records = {(HOST, "TXT"): ['"sightline-" "verify=1"', '"v=spf1 -all"']}
    assert set(Dns([names.place]).texts(HOST, 60)) == {"sightline-verify=1", "v=spf1 -all"}


def test_dns__unknown_name__nothing(names: NameServer) -> None:
    assert Dns([names.place]).addresses("nobody.example", 60) == []
    assert Dns([names.place]).texts("nobody.example", 60) == []


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "." * 300])
def test_dns__not_a_name__refused(names: NameServer, name: str) -> None:
    assert refused(lambda: Dns([names.place]).addresses(name, 60)) is Refusal.NAME


def test_dns__server_is_silent__timeout(names: NameServer) -> None:
    names.silent = True
    assert refused(lambda: Dns([names.place]).addresses(HOST, 0.2)) is Refusal.TIMEOUT


def test_fetch__name_of_a_real_name_server__is_asked_once_for_each_family(
    authority: Authority, server: Server, names: NameServer
) -> None:
    names.records = {(HOST, "A"): ["127.0.0.1"]}
    fetcher = SafeFetcher(resolver=Dns([names.place]).addresses, allow_local=True, trust=authority.trust)
    assert fetcher.fetch("GET", server.url()).status == 200
    assert names.asked == [(HOST, "A"), (HOST, "AAAA")]

