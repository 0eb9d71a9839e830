"""sellers.json, ads.txt, world-ads.txt; what publishers block; shares; the house creative; reasons in words."""

import io
import json
import struct
import wave
import zlib
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.errors import Unprocessable
from backend.core.house_creative import house_creative, picture
from backend.core.ids import Address, PublisherIndex
from backend.core.reasons import DropReason, NoBidReason
from backend.core.shares import payee
from backend.placements.blocks import BlockKind, block_value
from backend.placements.explanations.explanation import Standing, most_first, standing_words
from backend.placements.explanations.reasons import NO_BID, UNPAID, no_bid_words
from backend.placements.listings.lists import (
    AdsTxtState,
    Seller,
    ads_txt,
    reads_as,
    sellers_json,
    still_named,
    world_ads_txt,
)
from backend.placements.placement import PlacementKind, PlacementTerms, Share, check, in_order

US = "sightline.example"
HASHES = {
    "picture": "31849d96f15b4c7c17d61b7c79a5aa5c50465ff3ce3a6bff491121bf84dccfa3",
    "tone": "fb83299bbd12ce0e45a9f94d6535627266db19f97423889fcb33c0c1bfa693de",
    "cube": "97d3be87eee8d1207bfa25635d2847096113211f87727bf63f9f7c92b2c80db2",
}
TERMS = PlacementTerms("Gate", PlacementKind.IMAGE, 1_024, 512, 0)


def wallet(number: int) -> Address:
    return Address(f"0x{number:040x}")


# --- lists ----------------------------------------------------------------------------------------------------------


def test_sellers_json__named_and_confidential__as_the_iab_has_it() -> None:
    sellers = [Seller(PublisherIndex(3), "Harbour", "harbour.example"), Seller(PublisherIndex(4))]
    found = sellers_json(sellers, "a@b.example")
    assert found == {
        "contact_email": "a@b.example", "version": "1.0",
        "sellers": [
            {"seller_id": "3", "seller_type": "PUBLISHER", "name": "Harbour", "domain": "harbour.example"},
            {"seller_id": "4", "seller_type": "PUBLISHER", "is_confidential": 1},
        ],
    }
    assert "contact_email" not in sellers_json([], "")


def test_still_named__domain_is_no_longer_proved__by_number_alone() -> None:
    """Neither a domain above nor one below a proved host is proved by it."""
    seller = Seller(PublisherIndex(3), "Harbour", "harbour.example")
    assert still_named(seller, ["https://other.example/", "https://harbour.example/x"]) == seller
    for urls in ([], ["https://www.harbour.example/"], ["https://example/"], ["https://harbour.example.evil.example/"]):
        assert still_named(seller, urls) == Seller(PublisherIndex(3))


@given(st.integers(1, 2**32), st.integers(1, 2**62))
def test_reads_as__what_we_ask_for__is_listed(seller: int, world: int) -> None:
    text = world_ads_txt(US, PublisherIndex(seller), world)
    assert reads_as(text, US, PublisherIndex(seller), world) is AdsTxtState.LISTED
    assert reads_as(text, US, PublisherIndex(seller + 1), world) is AdsTxtState.WRONG
    assert reads_as(text, US, PublisherIndex(seller), world + 1) is AdsTxtState.WRONG


@pytest.mark.parametrize(("text", "state"), [
    (None, AdsTxtState.MISSING), ("", AdsTxtState.WRONG), ("# sightline.example, 3, DIRECT", AdsTxtState.WRONG),
    ("sightline.example, 3, DIRECT", AdsTxtState.LISTED), ("SightLine.Example,3,direct # us", AdsTxtState.LISTED),
    ("other.example, 3, DIRECT\nsightline.example, 3, DIRECT, 7", AdsTxtState.LISTED),
    ("sightline.example, 3, RESELLER", AdsTxtState.WRONG), ("sightline.example, 3", AdsTxtState.WRONG),
    ("sightline.example, 03, DIRECT", AdsTxtState.WRONG), ("<html>\x00", AdsTxtState.WRONG),
])
def test_reads_as__file_of_a_world__says_us_or_not(text: str | None, state: AdsTxtState) -> None:
    assert reads_as(text, US, PublisherIndex(3), 7) is state


@given(st.text())
def test_reads_as__any_text__a_state(text: str) -> None:
    assert reads_as(text, US, PublisherIndex(3), 7) in AdsTxtState


def test_ads_txt__ours__says_that_nobody_sells() -> None:
    assert ads_txt(US).splitlines()[1:] == [
        "OWNERDOMAIN=sightline.example", "placeholder.example.com, placeholder, DIRECT, placeholder",
    ]


# --- blocks and terms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "text", "kept"), [
    (BlockKind.ADVERTISER, "0x" + "Ab" * 20, "0x" + "ab" * 20), (BlockKind.CATEGORY, "finance", "finance"),
    (BlockKind.CREATIVE, "12", "12"), (BlockKind.CREATIVE, "012", "12"),
])
def test_block_value__of_its_kind__is_kept_one_way(kind: BlockKind, text: str, kept: str) -> None:
    assert block_value(kind, text) == kept


@pytest.mark.parametrize(("kind", "text"), [
    (BlockKind.ADVERTISER, "0x12"), (BlockKind.ADVERTISER, "finance"), (BlockKind.CATEGORY, "gambling"),
    (BlockKind.CREATIVE, "0"), (BlockKind.CREATIVE, "-1"), (BlockKind.CREATIVE, "١"), (BlockKind.CREATIVE, "9" * 19),
    (BlockKind.CREATIVE, "9" * 5_000), (BlockKind.CREATIVE, ""),
])
def test_block_value__of_another_kind__refused(kind: BlockKind, text: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        block_value(kind, text)
    assert refused.value.code == "block_value"


@pytest.mark.parametrize(("terms", "code"), [
    (replace(TERMS, width_mm=1), "size_incomplete"),
    (replace(TERMS, shares=(Share(wallet(1), 9_999),)), "shares_not_whole"),
    (replace(TERMS, shares=(Share(wallet(1), 9_999), Share(wallet(2), 2))), "shares_not_whole"),
    (replace(TERMS, shares=(Share(wallet(1), 5_000), Share(wallet(1), 5_000))), "shares_repeated"),
    (replace(TERMS, shares=tuple(Share(wallet(one), 1_111 + (one == 0)) for one in range(9))), "shares_not_whole"),
])
def test_check__terms_that_break_a_rule__refused(terms: PlacementTerms, code: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        check(terms)
    assert refused.value.code == code


def test_check__whole_shares_and_sizes__pass() -> None:
    check(replace(TERMS, width_mm=4_000, height_mm=2_000, shares=(Share(wallet(1), 1), Share(wallet(2), 9_999))))


def test_in_order__shares__largest_first_then_by_wallet() -> None:
    shares = [Share(wallet(3), 10), Share(wallet(2), 10), Share(wallet(1), 9_980)]
    assert [share.wallet for share in in_order(shares)] == [wallet(1), wallet(2), wallet(3)]


# --- shares ---------------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=8), st.randoms())
def test_payee__all_draws_there_are__pay_each_exactly_its_share(parts: list[int], random: object) -> None:
    """Every residue once: the law without its noise."""
    total = sum(parts)
    shares = {index: part * 10_000 // total for index, part in enumerate(parts, start=1)}
    shares[1] += 10_000 - sum(shares.values())
    random.shuffle(pairs := list(shares.items()))  # type: ignore[attr-defined]
    paid = Counter(payee(pairs, bytes(6) + draw.to_bytes(8, "big") + bytes(2)) for draw in range(0, 10_000))
    assert paid == {index: share for index, share in shares.items() if share}


def test_payee__time_of_the_decision__does_not_matter() -> None:
    shares, random = ((4, 5_000), (7, 5_000)), (6_000).to_bytes(8, "big") + bytes(2)
    assert {payee(shares, time.to_bytes(6, "big") + random) for time in range(50)} == {7}


# --- the house creative ---------------------------------------------------------------------------------------------


def unpacked(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and filtered rows of a PNG with the chunks that we write; checks every checksum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    parts, place = {}, 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        kind, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack(">I", png[place + 8 + length : place + 12 + length])[0] == zlib.crc32(kind + data)
        parts[kind], place = data, place + 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    return width, height, zlib.decompress(parts[b"IDAT"])


@pytest.mark.parametrize("size", [(512, 512), (512, 1), (1, 512), (7, 9), (64, 64), (511, 333)])
def test_picture__any_size__a_whole_png(size: tuple[int, int]) -> None:
    width, height, rows = unpacked(picture(*size).content)
    assert (width, height) == size
    assert len(rows) == height * (1 + (width + 7) // 8)


def test_picture__large_enough__is_chequered() -> None:
    _, _, rows = unpacked(picture(64, 64).content)
    assert rows[:9] == b"\x00\xff\xff\xff\xff\x00\x00\x00\x00"
    assert rows[9 * 32 :][:9] == b"\x00\x00\x00\x00\x00\xff\xff\xff\xff"


@pytest.mark.parametrize("size", [(0, 1), (513, 1), (1, 513), (-1, 1)])
def test_picture__too_large_or_nothing__value_error(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="sides"):
        picture(*size)


def test_house_creative__same_shape__same_bytes_for_ever() -> None:
    """Its hash is part of answers: a change breaks every SDK that has one of them."""
    assert house_creative("image", 2_048, 1_024).name == "512x256.png"
    assert house_creative("video", 100, 100).name == "100x100.png"
    assert house_creative("image", 8_192, 1).name == "512x1.png"
    assert house_creative("image", 2_048, 1_024).sha256 == HASHES["picture"]
    assert house_creative("audio", 1, 1).sha256 == HASHES["tone"]
    assert house_creative("model", 500, 500).sha256 == HASHES["cube"]


def test_house_creative__audio__a_second_of_sound() -> None:
    with wave.open(io.BytesIO(house_creative("audio", 1, 1).content)) as sound:
        assert (sound.getframerate(), sound.getnframes(), sound.getnchannels()) == (8_000, 8_000, 1)


def test_house_creative__model__is_gltf_that_fits_its_own_lengths() -> None:
    content = house_creative("model", 1, 1).content
    magic, version, length = struct.unpack("<4sII", content[:12])
    scene_length = struct.unpack("<I", content[12:16])[0]
    scene = json.loads(content[20 : 20 + scene_length])
    assert (magic, version, length) == (b"glTF", 2, len(content))
    assert scene["buffers"][0]["byteLength"] == len(content) - 28 - scene_length
    assert max(struct.unpack("<36H", content[-72:])) == 7


# --- words ----------------------------------------------------------------------------------------------------------


def test_words__every_reason__has_some() -> None:
    assert set(NO_BID) == set(NoBidReason)
    assert set(UNPAID) >= set(DropReason)
    assert no_bid_words("never heard of").meaning


@pytest.mark.parametrize(("standing", "n"), [
    (Standing(True, True, False, True), 0), (Standing(True, True, False, False), 1),
    (Standing(False, True, False, True), 1), (Standing(False, False, True, False), 4),
])
def test_standing_words__whatever_keeps_ads_away__is_named(standing: Standing, n: int) -> None:
    assert len(standing_words(standing, require_proof=True)) == n


def test_most_first__counts__by_number_then_by_name() -> None:
    assert most_first({"b": 1, "a": 1, "c": 2}) == [("c", 2), ("a", 1), ("b", 1)]

