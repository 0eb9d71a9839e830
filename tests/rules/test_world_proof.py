"""Proof that a publisher controls its world (L57): texts, lapses, signed fetches, tokens of land."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.errors import BadRequest, NotSignedIn, SightlineError, Unprocessable
from backend.core.ids import Address, PublisherIndex, WorldId
from backend.placements import world as worlds
from backend.placements.proofs.proof import (
    FAILURES_MAX,
    Method,
    Proof,
    Subject,
    checked,
    dns_name,
    land_id,
    name_id,
    proved,
    says_signature,
    says_token,
)
from backend.placements.proofs.signed_fetch import SignedFetch, read
from backend.placements.proofs.signing import signer
from backend.placements.world import Name, Parcel, World, WorldTerms, place_of

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
TOKEN = "5a" * 16
COORDINATE = st.integers(-9_999, 9_999)
PATH = "/v1/worlds/7/proof/scene"
# an identity and what it signed, from decentraland-crypto-rust (README and tests): written by another program
WALLET = "0x7949f9f239d1a0816ce5eb364a1f588ae9cc1bf5"
EPHEMERAL_KEY = "0xbc453a92d9baeb3d10294cbc1d48ef6738f718fd31b4eb8085efe7b311299399"
HAND_OVER = {
    "type": "ECDSA_EPHEMERAL",
    "payload": "Decentraland Login\nEphemeral address: 0x84452bbFA4ca14B7828e2F3BBd106A2bD495CD34\n"
               "Expiration: 3021-10-16T22:32:29.626Z",
    "signature": "0x39dd4ddf131ad2435d56c81c994c4417daef5cf5998258027ef8a1401470876a"
                 "1365a6b79810dc0c4a2e9352befb63a9e4701d67b38007d83ffc4cd2b7a38ad51b",
}
HELLO = ("0x33e6b0f71b69d9dca7e25fa279cd70e2e9a44d0c11ab973a936a5b67ba3dbb65"
         "54ec2ea5cb4112b2f051dd95b47874c40b8bb7443a0bc4f16c67e2017e0dcb0c1c")
METADATA = {
    "origin": "https://play.decentraland.org", "sceneId": "bafkrei", "parcel": "12,-34", "tld": "org",
    "isGuest": False, "realm": {"serverName": "hela", "protocol": "v3"}, "signer": "decentraland-kernel-scene",
}


def sign(text: str, key: Any) -> str:
    return "0x" + Account.sign_message(encode_defunct(text=text), key).signature.hex().removeprefix("0x")


def headers(
    *, method: str = "post", path: str = PATH, at: datetime = NOW, metadata: Any = None, key: Any = EPHEMERAL_KEY,
    hand_over: Any = HAND_OVER, **changes: str,
) -> dict[str, str]:
    """What `signedFetch` sends; made by hand, by the published format."""
    stamp, about = str(int(at.timestamp() * 1_000)), json.dumps(METADATA if metadata is None else metadata)
    payload = f"{method}:{path}:{stamp}:{about}".lower()
    chain = (
        {"type": "SIGNER", "payload": WALLET, "signature": ""}, hand_over,
        {"type": "ECDSA_SIGNED_ENTITY", "payload": payload, "signature": sign(payload, key)},
    )
    made = {f"x-identity-auth-chain-{place}": json.dumps(link) for place, link in enumerate(chain)}
    return made | {"x-identity-timestamp": stamp, "x-identity-metadata": about} | changes


def subject(**terms: Any) -> Subject:
    world = WorldTerms(**{
        "name": "Harbour", "engine": WorldEngine.THREE, "category": WorldCategory.GAMES,
        "url": "https://harbour.example/", **terms,
    })
    return Subject(World(WorldId(7), PublisherIndex(3), world, NOW), Address("0x" + "a1" * 20), Proof(TOKEN))


# --- what is looked for ---------------------------------------------------------------------------------------------


def test_methods__engine__decides_what_counts() -> None:
    """A file on one's own site says nothing about a parcel, and land says nothing about a site."""
    assert subject().methods == (Method.DNS, Method.FILE, Method.WALLET_FILE)
    assert subject(engine=WorldEngine.DECENTRALAND).methods == ()
    assert subject(engine=WorldEngine.DECENTRALAND, place="1,2").methods == (Method.SCENE, Method.LAND)


@pytest.mark.parametrize(("lines", "found"), [
    ([f"sightline-verify={TOKEN}"], True), (["v=spf1 -all", f"  sightline-verify={TOKEN} "], True), ([], False),
    ([f"sightline-verify={TOKEN}0"], False), ([f"x sightline-verify={TOKEN}"], False), ([TOKEN], False),
    (["sightline-verify=" + "00" * 16], False), (["sightline-verify="], False),
])
def test_says_token__only_the_whole_line__counts(lines: list[str], found: bool) -> None:
    assert says_token(lines, TOKEN) is found


def test_says_signature__by_the_account_over_its_own_statement__counts() -> None:
    publisher, stranger = Account.create(), Account.create()
    mine = subject()
    statement = mine.statement("sightline.example")
    lines = [f"sightline-signature={sign(statement, publisher.key)}"]
    assert says_signature(lines, statement, Address(publisher.address.lower()))
    assert not says_signature(lines, statement, Address(stranger.address.lower()))
    assert not says_signature(lines, statement + " ", Address(publisher.address.lower()))
    assert not says_signature(["sightline-signature=0x12"], statement, Address(publisher.address.lower()))


def test_statement__names_all_that_is_given_away() -> None:
    """So a signature for one world, account or server is worth nothing for another."""
    statement = subject(engine=WorldEngine.DECENTRALAND, place="12,-34").statement("sightline.example")
    assert statement.startswith("sightline.example: ")
    for named in ("in 12,-34.", "World: 7", "Account: 0x" + "a1" * 20, f"Token: {TOKEN}"):
        assert named in statement


def test_dns_name__host__has_our_label_before_it() -> None:
    assert dns_name(subject().host) == "_sightline.harbour.example"
    assert subject(url="https://harbour.example:8443/x").origin == "https://harbour.example:8443"


# --- how long it holds ----------------------------------------------------------------------------------------------


def test_checked__missed_three_days_in_a_row__unverified() -> None:
    proof = proved(Proof(TOKEN), Method.DNS, None, NOW)
    for day in range(1, FAILURES_MAX + 1):
        proof = checked(proof, False, NOW + timedelta(days=day))
        assert proof.verified is (day < FAILURES_MAX)
        assert proof.failures == day


def test_checked__found_again__failures_are_forgotten() -> None:
    missed = checked(checked(proved(Proof(TOKEN), Method.FILE, None, NOW), False, NOW), False, NOW)
    assert checked(missed, True, NOW) == proved(Proof(TOKEN), Method.FILE, None, NOW)


@given(st.lists(st.sampled_from([True, False, None]), max_size=30))
def test_checked__any_days__verified_until_three_misses_with_no_hit_between(days: list[bool | None]) -> None:
    proof, in_a_row = proved(Proof(TOKEN), Method.DNS, None, NOW), 0
    for found in days:
        proof = checked(proof, found, NOW)
        in_a_row = in_a_row if found is None else 0 if found else in_a_row + 1
        assert proof.verified is (in_a_row < FAILURES_MAX)


def test_checked__nobody_could_be_asked__tried_again_in_an_hour() -> None:
    proof = checked(proved(Proof(TOKEN), Method.LAND, None, NOW), None, NOW)
    assert (proof.verified, proof.failures) == (True, 0)
    assert proof.checked_at == NOW - timedelta(hours=23)


# --- signatures -----------------------------------------------------------------------------------------------------


def test_signer__signatures_of_another_program__are_read() -> None:
    assert signer(HAND_OVER["payload"], HAND_OVER["signature"]) == WALLET
    assert signer("Hello World!", HELLO) == "0x84452bbfa4ca14b7828e2f3bbd106a2bd495cd34"


@pytest.mark.parametrize(
    "signature", ["", "0x", "0x" + "00" * 65, "0x" + "ff" * 65, HELLO[:-2], HELLO[2:], HELLO[:-2] + "63"]
)
def test_signer__no_signature__nobody(signature: str) -> None:
    assert signer("Hello World!", signature) is None


def test_signer__higher_of_the_two_s__nobody() -> None:
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    raw = bytes.fromhex(HELLO[2:])
    other = raw[:32] + (order - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big") + bytes([55 - raw[64]])
    assert signer("Hello World!", "0x" + other.hex()) is None


# --- signed fetches -------------------------------------------------------------------------------------------------


def test_read__chain_of_a_real_identity__wallet_and_where_it_stands() -> None:
    fetch = read(headers(), "post", PATH, NOW)
    assert fetch == SignedFetch(Address(WALLET), "12,-34", "hela", from_scene=True, guest=False)
    assert fetch.stands_at("12,-34")
    assert not fetch.stands_at("12,-33")


def test_read__two_keys_handed_over__the_wallet_at_the_start() -> None:
    second = Account.create()
    text = f"Decentraland Login\nEphemeral address: {second.address}\nExpiration: 2027-01-01T00:00:00.000Z"
    sent = headers(key=second.key)
    last = sent.pop("x-identity-auth-chain-2")
    link = {"type": "ECDSA_EPHEMERAL", "payload": text, "signature": sign(text, EPHEMERAL_KEY)}
    sent |= {"x-identity-auth-chain-2": json.dumps(link), "x-identity-auth-chain-3": last}
    assert read(sent, "post", PATH, NOW).wallet == WALLET


@pytest.mark.parametrize("metadata", [
    METADATA | {"isGuest": True}, METADATA | {"signer": "dcl:explorer"}, METADATA | {"parcel": "0,0"}, {},
    {"parcel": "12,-34", "signer": "decentraland-kernel-scene"},
])
def test_stands_at__guest_other_signer_or_place__no(metadata: dict[str, Any]) -> None:
    assert not read(headers(metadata=metadata), "post", PATH, NOW).stands_at("12,-34")


def test_stands_at__world_with_a_name__is_the_realm() -> None:
    metadata = METADATA | {"realm": {"serverName": "harbour.dcl.eth"}, "parcel": "0,0"}
    assert read(headers(metadata=metadata), "post", PATH, NOW).stands_at("harbour.dcl.eth")


@pytest.mark.parametrize("sent", [
    headers(method="get"), headers(path="/v1/worlds/8/proof/scene"), headers(key="0x" + "11" * 32),
    headers(at=NOW - timedelta(seconds=61)), headers(at=NOW + timedelta(seconds=61)),
    headers(**{"x-identity-metadata": json.dumps(METADATA | {"parcel": "0,0"})}),
    headers(**{"x-identity-timestamp": str(int(NOW.timestamp() * 1_000) + 1)}),
    headers(hand_over=HAND_OVER | {"type": "ECDSA_EIP_1654_EPHEMERAL"}),
    headers(hand_over=HAND_OVER | {"payload": HAND_OVER["payload"].replace("3021", "3022")}),
    headers(**{"x-identity-auth-chain-0": '{"type": "SIGNER", "payload": "0x%s", "signature": ""}' % ("a1" * 20)}),
    headers(**{"x-identity-auth-chain-0": json.dumps(HAND_OVER)}),
], ids=[
    "method", "path", "key", "old", "future", "metadata", "timestamp", "contract", "altered", "wallet", "no wallet",
])
def test_read__signed_for_something_else__refused(sent: dict[str, str]) -> None:
    with pytest.raises(NotSignedIn) as refused:
        read(sent, "post", PATH, NOW)
    assert refused.value.code == "signed_fetch_invalid"


def test_read__key_has_expired__refused() -> None:
    wallet = Account.create()
    text = HAND_OVER["payload"].replace("3021-10-16T22:32:29.626Z", "2026-11-02T10:00:00.000Z")
    hand_over = {"type": "ECDSA_EPHEMERAL", "payload": text, "signature": sign(text, wallet.key)}
    start = json.dumps({"type": "SIGNER", "payload": wallet.address, "signature": ""})
    sent = headers(at=NOW - timedelta(seconds=1), hand_over=hand_over, **{"x-identity-auth-chain-0": start})
    assert read(sent, "post", PATH, NOW - timedelta(seconds=1)).wallet == wallet.address.lower()
    with pytest.raises(NotSignedIn, match="expired"):
        read(sent, "post", PATH, NOW)


@pytest.mark.parametrize("sent", [
    {}, headers(**{"x-identity-timestamp": "now"}), headers(**{"x-identity-timestamp": "1" * 40}),
    headers(**{"x-identity-metadata": "["}), headers(**{"x-identity-metadata": "[]"}),
    headers(**{"x-identity-auth-chain-1": "{"}), headers(**{"x-identity-auth-chain-1": "[" * 100_000}),
    headers(metadata=METADATA | {"parcel": ["12,-34"]}), headers(metadata=METADATA | {"isGuest": 0}),
    headers(**{"x-identity-metadata": "[" * 4_000}), headers(**{"x-identity-auth-chain-0": "\ud800"}),
    headers(**{"x-identity-auth-chain-1": '{"type": 1, "payload": 2, "signature": 3}'}),
    headers(**{"x-identity-auth-chain-0": '{"type": "SIGNER", "payload": "me", "signature": ""}'}),
    headers(**{f"x-identity-auth-chain-{place}": "{}" for place in range(3, 6)}),
])
def test_read__no_signed_fetch__refused(sent: dict[str, str]) -> None:
    with pytest.raises(BadRequest) as refused:
        read(sent, "post", PATH, NOW)
    assert refused.value.code == "signed_fetch_malformed"


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(list(headers())), st.text(max_size=60)))
def test_read__any_headers__a_refusal(changes: dict[str, str]) -> None:
    try:
        read(headers(**changes), "post", PATH, NOW)
    except SightlineError:
        return
    assert not {name: text for name, text in changes.items() if headers()[name] != text}


# --- land -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "place"), [
    ("0,0", Parcel(0, 0)), ("12,-34", Parcel(12, -34)), ("-150,150", Parcel(-150, 150)),
    ("harbour.dcl.eth", Name("harbour")), ("012,3", None), ("1, 2", None), ("-0,1", None), ("1,2,3", None),
    ("Harbour.dcl.eth", None), ("harbour", None), ("harbour.eth", None), ("a.b.dcl.eth", None), ("99999,0", None),
    ("١,٢", None), ("1,2\n", None),
])
def test_place_of__text__a_place_only_as_we_write_it(text: str, place: object) -> None:
    assert place_of(text) == place


def test_land_id__parcels__as_the_registry_encodes_them() -> None:
    """Tokens of LANDRegistry: x in the upper 128 bits, y in the lower ones, as two's complements."""
    assert land_id(Parcel(0, 0)) == 0
    assert land_id(Parcel(1, 2)) == (1 << 128) + 2
    assert land_id(Parcel(-1, -1)) == 2**256 - 1
    assert land_id(Parcel(12, -34)) == (12 << 128) + 2**128 - 34


@given(st.tuples(COORDINATE, COORDINATE), st.tuples(COORDINATE, COORDINATE))
def test_land_id__two_parcels__never_one_token(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (land_id(Parcel(*one)) == land_id(Parcel(*other))) is (one == other)


def test_name_id__label__is_its_keccak() -> None:
    """keccak-256("eth"), the first label hash of EIP-137's own example."""
    assert name_id(Name("eth")) == 0x4F5B812789FC606BE1B3B16908DB13FC7A9ADF7CA72641F84D75B47069D3D7F0


@pytest.mark.parametrize(("engine", "place"), [(WorldEngine.THREE, "1,2"), (WorldEngine.DECENTRALAND, "here")])
def test_check_world__place_that_is_none__refused(engine: WorldEngine, place: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        worlds.check(subject(engine=engine, place=place).world.terms)
    assert refused.value.code == "place_not_allowed"
