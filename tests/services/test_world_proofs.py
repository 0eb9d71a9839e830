"""A world is proved over real DNS, HTTP and a chain, and unverified when its proof is gone (L57, L58)."""

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from fastapi import FastAPI
from sqlalchemy import Engine, text
from strangers_kit import HOST, Authority, NameServer, naming, reply, serving
from web3 import Web3

from backend.core.errors import TooMany, Unavailable, Unprocessable
from backend.core.ids import Address, WorldId
from backend.local import rpc
from backend.net.client import Dns, SafeFetcher
from backend.placements.proofs.client import LandClient
from backend.placements.proofs.proof import Method, land_id, name_id
from backend.placements.proofs.service import LOOKS_AT_ONCE, ProofService
from backend.placements.world import Name, Parcel

HERE = Path(__file__).parent
LAND, ESTATES, NAMES = ("0x" + digit * 40 for digit in "bcd")
NOBODY = "0x" + "00" * 20
PLACE = Parcel(12, -34)
WEB = {"name": "Harbour", "engine": "three", "category": "games", "url": f"https://{HOST}/"}
SCENE = {
    "name": "Plaza", "engine": "decentraland", "category": "social", "place": "12,-34",
    "url": "https://play.decentraland.org/?position=12,-34",
}


# --- the stage ------------------------------------------------------------------------------------------------------


class Land:
    """The contracts of Decentraland's land on the test chain, as far as they are asked."""

    def __init__(self, rpc_url: str, code: str, abi: Any) -> None:
        self.rpc_url = rpc_url
        self._abi = Web3().eth.contract(abi=abi)
        for contract in (LAND, ESTATES, NAMES):
            rpc(rpc_url, "anvil_setCode", contract, code)
        rpc(rpc_url, "anvil_setBalance", LAND, hex(10**18))
        rpc(rpc_url, "anvil_impersonateAccount", LAND)

    def give(self, contract: str, token: int, owner: str, operator: str = NOBODY, estate: int = 0) -> None:
        addresses = [Web3.to_checksum_address(one) for one in (owner, operator)]
        data = self._abi.encode_abi("give", [token, *addresses, estate])
        call = {"from": LAND, "to": contract, "data": data, "gas": hex(500_000)}
        receipt = rpc(self.rpc_url, "eth_sendTransactionSync", call)  # answers when it is in a block
        assert receipt["status"] == "0x1"

    def client(self) -> LandClient:
        return LandClient(self.rpc_url, LAND, ESTATES, NAMES)


@pytest.fixture(scope="session")
def land_code() -> tuple[str, Any]:
    from vyper.cli.vyper_compile import compile_files  # takes a second to import

    output = compile_files([str(HERE / "land.vy")], ["bytecode_runtime", "abi"], paths=[str(HERE)])
    artifact = next(iter(output.values()))
    return artifact["bytecode_runtime"], artifact["abi"]


@pytest.fixture
def land(rpc_url: str, land_code: tuple[str, Any]) -> Land:
    return Land(rpc_url, *land_code)


@pytest.fixture(scope="module")
def name_server() -> Iterator[NameServer]:
    with naming() as server:
        yield server


@pytest.fixture
def names(name_server: NameServer) -> NameServer:
    """Knows no name until a test gives it some."""
    name_server.records = {}
    return name_server


@pytest.fixture
def app(
    accounts_app: FastAPI, keep_app: Callable[..., FastAPI], names: NameServer, rpc_url: str
) -> FastAPI:
    """An API that requires proof; `accounts_app` cleans up behind it."""
    return keep_app(
        require_proof=True, fetch_local=True, dns_servers=(names.place,), land_rpc_url=rpc_url, land_contract=LAND,
        estate_contract=ESTATES, names_contract=NAMES,
    )


@pytest.fixture
async def seller(app: FastAPI, sign_in: Callable[..., Awaitable[httpx.AsyncClient]]) -> httpx.AsyncClient:
    return await sign_in(app, "publisher")


async def world_of(client: httpx.AsyncClient, **terms: Any) -> int:
    answer = await client.post("/v1/worlds", json={**WEB, **terms})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def ways(client: httpx.AsyncClient, world: int) -> dict[str, dict[str, Any]]:
    return {way["method"]: way for way in (await client.get(f"/v1/worlds/{world}/proof")).json()["ways"]}


async def prove(client: httpx.AsyncClient, world: int, method: str, **more: str) -> httpx.Response:
    return await client.post(f"/v1/worlds/{world}/proof", json={"method": method, **more})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def noticed(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(text("select kind from notice order by id")).scalars())


def sign(message: str, account: Any) -> str:
    return "0x" + account.sign_message(encode_defunct(text=message)).signature.hex().removeprefix("0x")


# --- on the web -----------------------------------------------------------------------------------------------------


async def test_prove__dns__verifies_once_the_record_is_there(
    seller: httpx.AsyncClient, names: NameServer, engine: Engine
) -> None:
    world = await world_of(seller)
    way = (await ways(seller, world))["dns"]
    assert refusal(await prove(seller, world, "dns")) == (422, "proof_not_found")
    names.records = {(way["at"], "TXT"): [f'"{way["content"]}"']}
    answer = await prove(seller, world, "dns")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verified"], answer.json()["method"], answer.json()["required"]) == (True, "dns", True)
    assert (await seller.get(f"/v1/worlds/{world}")).json()["verified"] is True
    assert noticed(engine) == ["world.verified"]


async def test_prove__file_on_the_host__verifies_and_reads_world_ads_txt(seller: httpx.AsyncClient) -> None:
    with serving(None) as server:
        url = server.url(host="127.0.0.1", scheme="http")
        world = await world_of(seller, url=url)
        offered = await ways(seller, world)
        assert set(offered) == {"file", "wallet_file"}      # an address has no DNS record of its own
        server.answer = reply(offered["file"]["content"].encode())
        assert (await prove(seller, world, "file")).json()["world_ads_txt"]["state"] == "wrong"
        wanted = (await seller.get(f"/v1/worlds/{world}/world-ads.txt")).text
        server.answer = reply(f"{offered['file']['content']}\n{wanted}".encode())
        assert (await prove(seller, world, "file")).json()["world_ads_txt"]["state"] == "listed"
        paths = [head[0].split()[1] for head in server.heads]
        assert paths == ["/.well-known/sightline.txt", "/world-ads.txt"] * 2


async def test_prove__signature_of_the_publisher_in_the_file__verifies(seller: httpx.AsyncClient, wallet: Any) -> None:
    with serving(None) as server:
        world = await world_of(seller, url=server.url(host="127.0.0.1", scheme="http"), engine="unity")
        way = (await ways(seller, world))["wallet_file"]
        server.answer = reply(f"sightline-signature={sign(way['message'], wallet('stranger').account)}".encode())
        assert refusal(await prove(seller, world, "wallet_file")) == (422, "proof_not_found")
        server.answer = reply(f"sightline-signature={sign(way['message'], wallet('publisher').account)}".encode())
        assert (await prove(seller, world, "wallet_file")).status_code == 200


@pytest.mark.parametrize("answer", [
    reply(b"", status="404 Not Found"), reply(b"", status="302 Found", Location="http://127.0.0.1:1/"),
    reply(b"x" * 100_000), reply(b"sightline-verify=" + b"0" * 32),
])
async def test_prove__file_is_not_there_or_no_file__refused(seller: httpx.AsyncClient, answer: Any) -> None:
    with serving(None) as server:
        server.answer = answer
        world = await world_of(seller, url=server.url(host="127.0.0.1", scheme="http"))
        assert refusal(await prove(seller, world, "file")) == (422, "proof_not_found")
        assert (await seller.get(f"/v1/worlds/{world}")).json()["verified"] is False


async def test_prove__host_leads_inside__nothing_is_connected(seller: httpx.AsyncClient, names: NameServer) -> None:
    """L58: whoever names the world does not choose where our servers connect."""
    with serving(None, "127.0.0.1") as server:
        names.records = {(HOST, "A"): ["10.0.0.1", "127.0.0.1"]}
        world = await world_of(seller, url=f"https://{HOST}:{server.port}/")
        answer = await prove(seller, world, "file")
        assert refusal(answer) == (422, "proof_not_found")
        assert "address" in answer.json()["detail"]
        assert server.connections == 0


async def test_prove__strangers_hold_every_place__others_are_told_to_wait(
    seller: httpx.AsyncClient, names: NameServer, engine: Engine, clock: Any, wallet: Any
) -> None:
    world = WorldId(await world_of(seller))
    service, held = proofs(engine, names), threading.Event()
    inside = threading.Semaphore(0)

    class Slow(Dns):
        """A name server that answers when the test says so."""

        def texts(self, _name: str, _seconds_max: float) -> list[str]:
            inside.release()
            held.wait(60)
            return []

    slow = ProofService(
        engine, SafeFetcher(), Slow([names.place]), None, public_url=service.public_url, required=True
    )
    me = Address(wallet("publisher").address)
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        looks = [pool.submit(slow.prove, me, world, Method.DNS, None, clock.now) for _ in range(LOOKS_AT_ONCE)]
        for _ in looks:
            assert inside.acquire(timeout=60)
        with pytest.raises(TooMany):
            slow.prove(me, world, Method.DNS, None, clock.now)
        held.set()
        for look in looks:
            with pytest.raises(Unprocessable):
                look.result()
    with pytest.raises(Unprocessable):          # all places are free again
        slow.prove(me, world, Method.DNS, None, clock.now)


async def test_change_world__moves_to_another_host__has_to_be_proved_again(
    seller: httpx.AsyncClient, names: NameServer
) -> None:
    """L57: a proof of one host is no proof of another."""
    world = await world_of(seller)
    way = (await ways(seller, world))["dns"]
    names.records = {(way["at"], "TXT"): [f'"{way["content"]}"']}
    await prove(seller, world, "dns")
    renamed = await seller.patch(f"/v1/worlds/{world}", json={"name": "Port"})
    assert renamed.json()["verified"] is True
    moved = await seller.patch(f"/v1/worlds/{world}", json={"url": "https://elsewhere.example/"})
    assert moved.json()["verified"] is False
    assert (await seller.get(f"/v1/worlds/{world}/proof")).json()["method"] is None


async def test_proof__of_somebody_else__looks_like_an_unknown_world(
    app: FastAPI, seller: httpx.AsyncClient, sign_in: Callable[..., Awaitable[httpx.AsyncClient]]
) -> None:
    world = await world_of(seller)
    stranger = await sign_in(app, "stranger")
    assert refusal(await stranger.get(f"/v1/worlds/{world}/proof")) == (404, "world_unknown")
    assert refusal(await prove(stranger, world, "dns")) == (404, "world_unknown")


async def test_prove__token_of_another_world_on_the_same_host__refused(
    seller: httpx.AsyncClient, names: NameServer
) -> None:
    first, second = await world_of(seller), await world_of(seller)
    way = (await ways(seller, first))["dns"]
    names.records = {(way["at"], "TXT"): [f'"{way["content"]}"']}
    assert refusal(await prove(seller, second, "dns")) == (422, "proof_not_found")


# --- in Decentraland ------------------------------------------------------------------------------------------------


async def test_prove__land__by_a_signature_of_its_owner_for_this_publisher(
    seller: httpx.AsyncClient, land: Land, wallet: Any
) -> None:
    owner, stranger = Account.create(), Account.create()
    land.give(LAND, land_id(PLACE), owner.address)
    world = await world_of(seller, **SCENE)
    message = (await ways(seller, world))["land"]["message"]
    assert refusal(await prove(seller, world, "land")) == (400, "signature_missing")
    assert refusal(await prove(seller, world, "land", signature=sign(message, stranger))) == (422, "proof_not_found")
    assert refusal(await prove(seller, world, "land", signature=sign("yes", owner))) == (422, "proof_not_found")
    answer = await prove(seller, world, "land", signature=sign(message, owner))
    assert (answer.status_code, answer.json()["method"]) == (200, "land")
    other = await world_of(seller, **SCENE)
    assert refusal(await prove(seller, other, "land", signature=sign(message, owner))) == (422, "proof_not_found")


async def test_prove__decentraland_by_file__refused(seller: httpx.AsyncClient) -> None:
    world = await world_of(seller, **SCENE)
    assert set(await ways(seller, world)) == {"land", "scene"}
    assert refusal(await prove(seller, world, "file")) == (422, "proof_method")
    assert refusal(await prove(seller, world, "scene")) == (422, "proof_method")


def signed_fetch(path: str, clock: Any, wallet: Any, *, parcel: str = "12,-34") -> dict[str, str]:
    """Headers as Decentraland's client makes them for `signedFetch`."""
    ephemeral, stamp = Account.create(), str(int(clock() * 1_000))
    metadata = json.dumps({"parcel": parcel, "isGuest": False, "signer": "decentraland-kernel-scene", "realm": {}})
    login = f"Decentraland Login\nEphemeral address: {ephemeral.address}\nExpiration: 2027-01-01T00:00:00.000Z"
    request = f"post:{path}:{stamp}:{metadata}".lower()
    chain = (
        ("SIGNER", wallet.address, ""), ("ECDSA_EPHEMERAL", login, wallet.sign(login)),
        ("ECDSA_SIGNED_ENTITY", request, sign(request, ephemeral)),
    )
    links = {
        f"x-identity-auth-chain-{place}": json.dumps({"type": kind, "payload": payload, "signature": signature})
        for place, (kind, payload, signature) in enumerate(chain)
    }
    return links | {"x-identity-timestamp": stamp, "x-identity-metadata": metadata}


async def test_prove_by_scene__publisher_on_its_own_land__verifies(
    seller: httpx.AsyncClient, app: FastAPI, land: Land, wallet: Any, clock: Any
) -> None:
    world = await world_of(seller, **SCENE)
    path = f"/v1/worlds/{world}/proof/scene"
    me = wallet("publisher")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as scene:
        answer = await scene.post(path, headers=signed_fetch(path, clock, me))
        assert refusal(answer) == (403, "not_the_land")
        land.give(LAND, land_id(PLACE), Account.create().address, operator=me.address)
        away = await scene.post(path, headers=signed_fetch(path, clock, me, parcel="12,-35"))
        assert refusal(away) == (403, "scene_elsewhere")
        other = await scene.post(path, headers=signed_fetch(path, clock, wallet("stranger")))
        assert refusal(other) == (404, "world_unknown")
        assert refusal(await scene.post(path)) == (400, "signed_fetch_malformed")
        answer = await scene.post(path, headers=signed_fetch(path, clock, me))
        assert (answer.status_code, answer.json()["method"]) == (200, "scene")
        preflight = await scene.options(path)
        assert "x-identity-auth-chain-2" in preflight.headers["access-control-allow-headers"]


def test_holders__parcels_estates_names__owner_and_operators(land: Land) -> None:
    owner, operator, estate_operator = (f"0x{digit * 40}" for digit in "123")
    ask = land.client().holders
    assert ask(PLACE) == frozenset()
    land.give(LAND, land_id(PLACE), owner, operator)
    assert ask(PLACE) == {owner, operator}
    land.give(LAND, land_id(PLACE), ESTATES, operator)
    land.give(ESTATES, land_id(PLACE), NOBODY, estate=77)
    land.give(ESTATES, 77, owner, estate_operator)
    assert ask(PLACE) == {owner, estate_operator, operator}
    land.give(NAMES, name_id(Name("harbour")), owner)
    assert ask(Name("harbour")) == {owner}
    assert ask(Name("nobody")) == frozenset()


def test_holders__no_chain_or_no_contract__unavailable(land: Land) -> None:
    empty = ["0x" + "ee" * 20] * 3
    for client in (LandClient("http://127.0.0.1:9", LAND, ESTATES, NAMES), LandClient(land.rpc_url, *empty)):
        with pytest.raises(Unavailable):
            client.holders(PLACE)


# --- every day ------------------------------------------------------------------------------------------------------


def proofs(engine: Engine, names: NameServer, land: LandClient | None = None) -> ProofService:
    """What the worker runs."""
    dns = Dns([names.place])
    fetcher = SafeFetcher(resolver=dns.addresses, allow_local=True, trust=Authority().trust)
    return ProofService(engine, fetcher, dns, land, public_url="http://127.0.0.1:8000", required=True)


def state(engine: Engine, world: int) -> tuple[str, int]:
    with engine.begin() as connection:
        row = connection.execute(
            text("select proof_state, proof_failures from world where id = :world"), {"world": world}
        ).one()
    return row.proof_state, row.proof_failures


async def test_check_due__record_is_gone_for_three_days__warned_then_unverified(
    seller: httpx.AsyncClient, names: NameServer, engine: Engine, clock: Any
) -> None:
    """L57."""
    world = await world_of(seller)
    way = (await ways(seller, world))["dns"]
    there = {(way["at"], "TXT"): [f'"{way["content"]}"']}
    names.records = there
    await prove(seller, world, "dns")
    service, seen = proofs(engine, names), []
    for records in (there, {}, {}, there, {}, {}, {}, there):
        names.records = records
        clock.advance(86_400)
        service.check_due(clock.now)
        seen.append(state(engine, world))
    assert seen == [
        ("verified", 0), ("verified", 1), ("verified", 2), ("verified", 0), ("verified", 1), ("verified", 2),
        ("unverified", 3), ("unverified", 3),       # it does not come back by itself
    ]
    missed = ["world.proof_missed"] * 2
    assert noticed(engine) == ["world.verified", *missed, *missed, "world.unverified"]


async def test_check_due__less_than_a_day_ago__not_looked_at(
    seller: httpx.AsyncClient, names: NameServer, engine: Engine, clock: Any
) -> None:
    world = await world_of(seller)
    way = (await ways(seller, world))["dns"]
    names.records = {(way["at"], "TXT"): [f'"{way["content"]}"']}
    await prove(seller, world, "dns")
    names.records = {}
    proofs(engine, names).check_due(clock.now + timedelta(hours=23))
    assert state(engine, world) == ("verified", 0)


async def test_check_due__land__lapses_when_it_is_sold_and_not_when_the_chain_is_away(
    seller: httpx.AsyncClient, names: NameServer, engine: Engine, clock: Any, land: Land
) -> None:
    owner = Account.create()
    land.give(LAND, land_id(PLACE), owner.address)
    world = await world_of(seller, **SCENE)
    message = (await ways(seller, world))["land"]["message"]
    await prove(seller, world, "land", signature=sign(message, owner))
    land.give(LAND, land_id(PLACE), Account.create().address)
    away = LandClient("http://127.0.0.1:9", LAND, ESTATES, NAMES)
    for client, expected in ((away, 0), (None, 0), (land.client(), 1), (away, 1), (land.client(), 2)):
        clock.advance(86_400)
        proofs(engine, names, client).check_due(clock.now)
        assert state(engine, world) == ("verified", expected)
    clock.advance(86_400)
    proofs(engine, names, land.client()).check_due(clock.now)
    assert state(engine, world) == ("unverified", 3)


async def test_check_due__world_moves_while_it_is_looked_at__keeps_its_new_state(
    seller: httpx.AsyncClient, names: NameServer, engine: Engine, clock: Any
) -> None:
    world = await world_of(seller)
    way = (await ways(seller, world))["dns"]
    names.records = {(way["at"], "TXT"): [f'"{way["content"]}"']}
    await prove(seller, world, "dns")

    class Moving(Dns):
        """A name server that takes so long that the world has moved meanwhile."""

        def texts(self, name: str, seconds_max: float) -> list[str]:
            with engine.begin() as connection:
                connection.execute(text("update world set url = 'https://elsewhere.example/', proof_failures = 0"))
            return super().texts(name, seconds_max)

    moving = Moving([names.place])
    service = ProofService(
        engine, SafeFetcher(resolver=moving.addresses), moving, None, public_url="http://127.0.0.1:8000", required=True
    )
    names.records = {}
    service.check_due(clock.now + timedelta(days=2))
    assert state(engine, world) == ("verified", 0)
