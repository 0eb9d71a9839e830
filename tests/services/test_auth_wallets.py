"""Contract wallets sign in: asked on a real chain, before and after they exist; and nothing that they do hurts (L50).

The chain is anvil; a node that lies, dawdles or talks nonsense is a stand-in.
"""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_defunct
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine
from web3 import Web3

from backend.auth.client import ContractWallets
from backend.auth.signature import EIP6492_SUFFIX, WalletSignature
from backend.core.errors import Unavailable
from backend.core.ids import address
from backend.core.keccak import keccak256
from backend.demo.waiting import wait_for
from backend.local import rpc

ORIGIN = "http://127.0.0.1:8000"
SALT = bytes(31) + b"\x07"
FACTORY = "0x4e59b44847b379578588920ca78fbf26c0b4956c"    # the deterministic deployer that every chain has, anvil too
ANYWHERE = Web3.to_checksum_address("0x" + "c0de" * 10)
MAGIC = bytes.fromhex("1626ba7e")


@cache
def wallet_code() -> bytes:
    """Creation code of contracts/testing/ContractWallet.vy."""
    from vyper.cli.vyper_compile import compile_files  # takes a second to import

    root = Path(__file__).resolve().parents[2]
    output = compile_files([str(root / "contracts/testing/ContractWallet.vy")], ["bytecode"], paths=[str(root)])
    (artifact,) = output.values()
    return bytes.fromhex(str(artifact["bytecode"]).removeprefix("0x"))


@dataclass
class Smart:
    """A contract wallet that answers for the key of a role, at the address where the deployer will put it."""

    owner: Any

    @property
    def creation(self) -> bytes:
        return wallet_code() + encode(["address"], [self.owner.address])

    @property
    def address(self) -> str:
        """EIP-1014."""
        digest = keccak256(b"\xff" + bytes.fromhex(FACTORY[2:]) + SALT + keccak256(self.creation))
        return Web3.to_checksum_address("0x" + digest[12:].hex())

    def message(self, nonce: str, at: str = "") -> str:
        """The owner's message, in the name of the contract."""
        text: str = self.owner.message(nonce)
        return text.replace(self.owner.account.address, at or self.address)

    def sign(self, message: str) -> bytes:
        return bytes(self.owner.account.sign_message(encode_defunct(text=message)).signature)

    def wrapped(self, signature: bytes, *, factory: str = FACTORY, creation: bytes | None = None) -> str:
        """EIP-6492: how to make the wallet, then the signature."""
        data = SALT + (self.creation if creation is None else creation)
        return hex_of(encode(["address", "bytes", "bytes"], [factory, data, signature]) + EIP6492_SUFFIX)

    def deploy(self, rpc_url: str) -> None:
        rpc(rpc_url, "anvil_setBalance", ANYWHERE, hex(10**20))
        rpc(rpc_url, "anvil_impersonateAccount", ANYWHERE)
        call = {"from": ANYWHERE, "to": FACTORY, "data": hex_of(SALT + self.creation)}
        sent = rpc(rpc_url, "eth_sendTransaction", call)
        wait_for("the block", lambda: rpc(rpc_url, "eth_getTransactionReceipt", sent), seconds_max=120)
        assert rpc(rpc_url, "eth_getCode", self.address, "latest") != "0x"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """How busy this machine is decides no test; what is not answered in that time is AWAY."""
    monkeypatch.setattr("backend.auth.client.ANSWER_SECONDS_MAX", 60.0)
    monkeypatch.setattr("backend.auth.client.CONNECT_SECONDS_MAX", 60.0)


def hex_of(value: bytes) -> str:
    return "0x" + value.hex()


@pytest.fixture
def smart(wallet: Any) -> Smart:
    return Smart(wallet("treasurer"))


@pytest.fixture
async def browse(
    keep_app: Callable[..., FastAPI], rpc_url: str, accounts_app: FastAPI
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has not signed in, before an API that knows a chain. `accounts_app` clears the tables."""
    app = keep_app(rpc_url=rpc_url)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


async def nonce_of(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/auth/nonce")).json()["nonce"])


async def verify(client: httpx.AsyncClient, message: str, signature: str) -> tuple[int, str]:
    """Status, and the wallet or the code of the refusal."""
    answer = await client.post("/v1/auth/verify", json={"message": message, "signature": signature})
    client.cookies.clear()
    return answer.status_code, answer.json().get("wallet") or answer.json()["code"]


REFUSED = (401, "siwe_signature_invalid")
AWAY = (503, "chain_unavailable")


# --- wallets that are there -------------------------------------------------------------------------------------


async def test_contract_wallet__its_key_signed__opens_a_session(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str
) -> None:
    """L50."""
    smart.deploy(rpc_url)
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, hex_of(smart.sign(message))) == (200, smart.address.lower())


async def test_contract_wallet__same_message_again__is_refused(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str
) -> None:
    """L50: the nonce is burnt for contracts too."""
    smart.deploy(rpc_url)
    message = smart.message(await nonce_of(browse))
    assert (await verify(browse, message, hex_of(smart.sign(message))))[0] == 200
    assert await verify(browse, message, hex_of(smart.sign(message))) == (401, "siwe_nonce_unknown")


async def test_contract_wallet__signed_by_a_stranger__is_refused(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str, wallet: Any
) -> None:
    smart.deploy(rpc_url)
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, hex_of(Smart(wallet("stranger")).sign(message))) == REFUSED


async def test_contract_wallet__signature_for_another_message__is_refused(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str
) -> None:
    smart.deploy(rpc_url)
    earlier = smart.sign(smart.message(await nonce_of(browse)))
    assert await verify(browse, smart.message(await nonce_of(browse)), hex_of(earlier)) == REFUSED


def returning(word: bytes, size: int = 32) -> bytes:
    """Runtime code that answers everything with `word`, padded to `size` bytes."""
    return b"\x7f" + word.ljust(32, b"\x00") + b"\x5f\x52" + b"\x62" + size.to_bytes(3, "big") + b"\x5f\xf3"


ODD = {
    "has no code": b"",
    "stops": bytes.fromhex("00"),
    "reverts": bytes.fromhex("5f5ffd"),
    "reverts with the right answer": returning(MAGIC)[:-1] + b"\xfd",
    "is no instruction": bytes.fromhex("fe"),
    "burns all gas": bytes.fromhex("5b5f56"),
    "says no": returning(b"\xff\xff\xff\xff"),
    "says nothing": returning(bytes(32)),
    "says true": returning(bytes(31) + b"\x01"),
    "says code that no contract may have": returning(b"\xef" * 32),
    "answers too shortly": returning(MAGIC, 31),
    "adds dirt to the answer": returning(MAGIC + bytes(27) + b"\x01"),
    "answers with half a megabyte of no": returning(b"\xff", 500_000),
    "writes before it agrees": bytes.fromhex("60015f55") + returning(MAGIC),
    "destroys itself": bytes.fromhex("5fff"),
    "calls itself without end": bytes.fromhex("5f5f5f5f30" "5afa50") + returning(b"\xff"),
}


@pytest.mark.parametrize("code", ODD.values(), ids=ODD.keys())
async def test_contract_wallet__that_misbehaves__is_refused_in_time(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str, code: bytes
) -> None:
    """L50: whatever a contract does, the answer is no, not an error and not a wait."""
    rpc(rpc_url, "anvil_setCode", ANYWHERE, hex_of(code))
    message = smart.message(await nonce_of(browse), ANYWHERE)
    assert await verify(browse, message, hex_of(smart.sign(message))) == REFUSED


async def test_contract_wallet__that_takes_everything__opens_its_own_account_only(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str
) -> None:
    rpc(rpc_url, "anvil_setCode", ANYWHERE, hex_of(returning(MAGIC, 100_000)))
    message = smart.message(await nonce_of(browse), ANYWHERE)
    assert await verify(browse, message, "0x00") == (200, ANYWHERE.lower())


@pytest.mark.parametrize("number", range(1, 11))
async def test_precompile__asked_as_a_wallet__does_not_agree(
    browse: httpx.AsyncClient, smart: Smart, number: int
) -> None:
    """The one at address 4 repeats its input, which begins with the right answer."""
    at = Web3.to_checksum_address(f"0x{number:040x}")
    message = smart.message(await nonce_of(browse), at)
    assert await verify(browse, message, hex_of(smart.sign(message))) == REFUSED


@pytest.mark.parametrize("size", [1, 64, 8_192])
async def test_contract_wallet__signature_of_any_size__is_passed_on(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str, size: int
) -> None:
    """The wallet agrees exactly when `size` bytes of signature arrive: it returns magic if CALLDATASIZE is right."""
    expected = 4 + 96 + (size + 31) // 32 * 32
    code = b"\x36\x61" + expected.to_bytes(2, "big") + bytes.fromhex("14600b575f5ffd5b") + returning(MAGIC)
    assert code[0x0B] == 0x5B
    rpc(rpc_url, "anvil_setCode", ANYWHERE, hex_of(code))
    message = smart.message(await nonce_of(browse), ANYWHERE)
    assert await verify(browse, message, "0x" + "ab" * size) == (200, ANYWHERE.lower())
    message = smart.message(await nonce_of(browse), ANYWHERE)
    assert (await verify(browse, message, "0x" + "ab" * (size + 32)))[0] in (400, 401, 422)


# --- wallets that are not there yet -----------------------------------------------------------------------------


async def test_future_wallet__its_key_signed__opens_a_session_and_deploys_nothing(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str
) -> None:
    """L50: EIP-6492."""
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, smart.wrapped(smart.sign(message))) == (200, smart.address.lower())
    assert rpc(rpc_url, "eth_getCode", smart.address, "latest") == "0x"


async def test_future_wallet__deployed_since__opens_a_session(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str
) -> None:
    """The wrapper stays valid: the factory is not called where there is code."""
    smart.deploy(rpc_url)
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, smart.wrapped(smart.sign(message))) == (200, smart.address.lower())


async def test_future_wallet__signature_not_wrapped__is_refused(browse: httpx.AsyncClient, smart: Smart) -> None:
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, hex_of(smart.sign(message))) == REFUSED


async def test_future_wallet__signed_by_a_stranger__is_refused(
    browse: httpx.AsyncClient, smart: Smart, wallet: Any
) -> None:
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, smart.wrapped(Smart(wallet("stranger")).sign(message))) == REFUSED


async def test_future_wallet__of_another_key_at_this_address__is_refused(
    browse: httpx.AsyncClient, smart: Smart, wallet: Any
) -> None:
    """A factory puts other code at another address, so nobody can make somebody else's wallet their own."""
    thief = Smart(wallet("stranger"))
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, smart.wrapped(thief.sign(message), creation=thief.creation)) == REFUSED


@pytest.mark.parametrize("code", [ODD["reverts"], ODD["burns all gas"], ODD["stops"], returning(MAGIC)],
                         ids=["reverts", "burns all gas", "does nothing", "answers in the wallet's place"])
async def test_future_wallet__factory_that_makes_nothing__is_refused(
    browse: httpx.AsyncClient, smart: Smart, rpc_url: str, code: bytes
) -> None:
    rpc(rpc_url, "anvil_setCode", ANYWHERE, hex_of(code))
    message = smart.message(await nonce_of(browse))
    assert await verify(browse, message, smart.wrapped(smart.sign(message), factory=ANYWHERE)) == REFUSED


async def test_future_wallet__made_to_burn_all_gas__is_refused(browse: httpx.AsyncClient, smart: Smart) -> None:
    """The wallet exists for the length of one call, and loops."""
    runtime = ODD["burns all gas"]
    creation = bytes([0x62]) + runtime + bytes.fromhex("5f52") + bytes([0x60, len(runtime), 0x60, 29, 0xF3])
    digest = keccak256(b"\xff" + bytes.fromhex(FACTORY[2:]) + SALT + keccak256(creation))
    at = Web3.to_checksum_address("0x" + digest[12:].hex())
    message = smart.message(await nonce_of(browse), at)
    assert await verify(browse, message, smart.wrapped(smart.sign(message), creation=creation)) == REFUSED


async def test_ordinary_account__wrapped_signature__is_not_by_its_key(
    browse: httpx.AsyncClient, wallet: Any
) -> None:
    person = wallet("advertiser")
    message = person.message(await nonce_of(browse))
    signature = Smart(person).wrapped(bytes.fromhex(person.sign(message)[2:]))
    assert await verify(browse, message, signature) == REFUSED


# --- nodes that cannot be trusted -------------------------------------------------------------------------------


DAWDLES_SECONDS = 30


@contextmanager
def node(
    answer: Callable[[str], bytes], *, wait: threading.Event | None = None, drip_seconds: float = 0
) -> Iterator[tuple[str, list[str]]]:
    """A stand-in for a node: `answer` makes the body for a method. Gives its URL, and the methods it was asked."""
    asked: list[str] = []
    pause = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            method = json.loads(self.rfile.read(int(self.headers["content-length"])))["method"]
            asked.append(method)
            body = answer(method)
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):         # who asked may have hung up
                if drip_seconds:
                    self.drip(body)
                self.wfile.write(body[: len(body) // 2])
                if wait:
                    wait.wait(DAWDLES_SECONDS)
                self.wfile.write(body[len(body) // 2 :])

        def drip(self, body: bytes) -> None:
            for byte in body * 20:          # for longer than DAWDLES_SECONDS
                self.wfile.write(bytes([byte]))
                pause.wait(drip_seconds)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        if wait:
            wait.set()
        server.shutdown()
        thread.join()
        server.server_close()


def saying(result: object, chain_id: str = "0x7a69") -> Callable[[str], bytes]:
    return lambda method: json.dumps({"id": 1, "result": chain_id if method == "eth_chainId" else result}).encode()


YES = "0x" + "00" * 31 + "01"


async def attempt(app: FastAPI, wallet: Any, *, by_key: bool) -> tuple[int, str]:
    person = wallet("advertiser")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        message = person.message(await nonce_of(client))
        return await verify(client, message, person.sign(message) if by_key else "0x1234")


async def test_lying_node__about_an_account_with_a_key__is_not_asked(
    engine: Engine, redis_client: Redis, clock: Any, make_app: Callable[..., FastAPI], wallet: Any,
    accounts_app: FastAPI,
) -> None:
    """L50: its key decides without the chain, and once it did, nobody is asked about that account again."""
    with node(saying(YES)) as (url, asked):
        app = make_app(engine, redis_client, clock, rpc_url=url)
        assert (await attempt(app, wallet, by_key=True))[0] == 200
        assert await attempt(app, wallet, by_key=False) == REFUSED
        assert asked == []


SPOILT: dict[str, tuple[Callable[[str], bytes], str]] = {
    "another chain": (saying(YES, "0x1"), "wrong_chain"),
    "no JSON": (lambda _: b"<html>", "chain_unavailable"),
    "an error": (lambda _: b'{"id":1,"error":{"code":-32000,"message":"busy"}}', "chain_unavailable"),
    "null": (saying(None), "chain_unavailable"),
    "a number": (saying(1), "chain_unavailable"),
    "no word": (saying("0x1626ba7e"), "chain_unavailable"),
    "no hex": (saying("0xzz"), "chain_unavailable"),
    "another word": (saying("0x" + "00" * 31 + "02"), "chain_unavailable"),
    "two megabytes": (saying("0x" + "00" * 1_000_000), "chain_unavailable"),
    "a list": (lambda _: b"[]", "chain_unavailable"),
    "nothing": (lambda _: b"", "chain_unavailable"),
}


def ask(url: str) -> bool:
    return ContractWallets(url, 31_337).signed(address(ANYWHERE), bytes(32), WalletSignature(b"\x12"))


def test_node__answers_as_it_should__is_believed() -> None:
    with node(saying(YES)) as (url, asked):
        assert ask(url)
    assert asked == ["eth_chainId", "eth_call"]


@pytest.mark.parametrize(("answer", "code"), SPOILT.values(), ids=SPOILT.keys())
def test_node__talks_nonsense__is_unavailable(answer: Callable[[str], bytes], code: str) -> None:
    with node(answer) as (url, _), pytest.raises(Unavailable, match=code):
        ask(url)


def test_node__says_half_and_dawdles__is_unavailable_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.auth.client.ANSWER_SECONDS_MAX", 0.5)
    started = time.monotonic()
    with node(saying(YES), wait=threading.Event()) as (url, _), pytest.raises(Unavailable, match="chain_unavailable"):
        ask(url)
    assert time.monotonic() - started < DAWDLES_SECONDS


def test_node__drips_without_end__is_unavailable_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time; all of them never do."""
    monkeypatch.setattr("backend.auth.client.ANSWER_SECONDS_MAX", 0.5)
    started = time.monotonic()
    with node(saying(YES), drip_seconds=0.05) as (url, _), pytest.raises(Unavailable, match="chain_unavailable"):
        ask(url)
    assert time.monotonic() - started < DAWDLES_SECONDS


async def test_node__is_down__keys_sign_in_and_contracts_wait(accounts_app: FastAPI, wallet: Any) -> None:
    assert await attempt(accounts_app, wallet, by_key=False) == AWAY
    assert (await attempt(accounts_app, wallet, by_key=True))[0] == 200


async def test_node__is_down__answer_says_when_to_come_back_and_names_no_node(
    accounts_app: FastAPI, wallet: Any
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(accounts_app), base_url=ORIGIN) as client:
        person = wallet("advertiser")
        message = person.message(await nonce_of(client))
        answer = await client.post("/v1/auth/verify", json={"message": message, "signature": "0x12"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "127.0.0.1" not in answer.text
