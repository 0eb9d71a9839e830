"""Thousands of line items over sixty worlds in SQL within seconds, and the ad requests that are made to them.

Of ten thousand line items about ninety may show in one request: they differ in kind and shape, worlds, categories,
countries (55 % of them name some), languages, devices, hours of the week; publishers block categories; half have caps
that are paced, a tenth a frequency cap. Money is never short, so that every request ends with an ad.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg

from backend.core.categories import CampaignCategory, DeviceClass, WorldCategory, WorldEngine
from backend.db.engine import Engine
from backend.local.postgres import psycopg_url
from bench.market import Market

WORLDS = 60
LINE_ITEMS_PER_CAMPAIGN = 10
DEPOSIT_MICRO_USDC = 10**13
FLOOR_MICRO_USDC = 500
SURFACES = (
    ("image", 1024, 512), ("image", 512, 1024), ("image", 1024, 1024), ("image", 970, 250), ("image", 300, 600),
    ("video", 1920, 1080), ("video", 1080, 1920), ("audio", 0, 0),
)
COUNTRIES = tuple(a + b for a in "ABCDEFGHIJKLMNOPQRST" for b in "ABCDEFGHIJ")      # 200
LANGUAGES = tuple(a + b for a in "abcdefgh" for b in "aeiou")                       # 40
DEVICES = tuple(device.value for device in DeviceClass)
CATEGORIES = tuple(category.value for category in CampaignCategory)
BLOCKABLE = tuple(category for category in CATEGORIES if category != "other")
NIGHTS_OFF = "ffff00" * 7                # day parts: sixteen hours of every day
# An IAB consent string: the viewer allows the publisher to count views.
CONSENT = "CQdz-EAQdz-EAAbABDENAwEgAAAAAAAAAAYgAAAAAgAAAA.eEAAAAAAAAA"


@dataclass(frozen=True)
class Sold:
    """What the market offers to load generators: placements, all with somebody who bids on them."""

    placements: list[int]


def fill(
    engine: Engine, database_url: str, line_items: int, chain_id: int, seed: int = 1, *, paced: bool = True
) -> Sold:
    """A fresh database gets everything; a hundred thousand line items take a few seconds. Without `paced` caps are as

    soon used as they can be.
    """
    market, dice = Market(engine, database_url, chain_id), Random(seed)
    worlds, placements = _supply(market, dice)
    with psycopg.connect(psycopg_url(database_url)) as connection:
        campaigns = range(1, max(1, line_items // LINE_ITEMS_PER_CAMPAIGN) + 1)
        _copy(connection, "chain_campaign", _CHAIN, (_on_chain(number, chain_id) for number in campaigns))
        _copy(connection, "campaign", _CAMPAIGN, (_campaign(number, dice) for number in campaigns))
        items = list(_line_items(line_items, len(campaigns), worlds, dice, paced))
        _copy(connection, "line_item", _LINE_ITEM, items)
        _copy(connection, "creative", _CREATIVE, (_creative(number, dice) for number in range(1, line_items + 1)))
        for table in ("campaign", "line_item", "creative"):
            connection.execute(f"select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}")
        connection.execute("analyze")
    return Sold(placements)


def bodies(sold: Sold, number: int, seed: int = 2) -> list[bytes]:
    """Ad requests as SDKs send them: every placement in turn, viewers from everywhere, half of them with consent."""
    dice = Random(seed)
    return [json.dumps(_ad_request(sold.placements[n % len(sold.placements)], n, dice)).encode() for n in range(number)]


def _ad_request(placement: int, number: int, dice: Random) -> dict[str, object]:
    request: dict[str, object] = {
        "placement_id": placement, "viewer_key": f"viewer-{number:08}-{dice.getrandbits(32):08x}",
        "country": COUNTRIES[_often_first(dice, len(COUNTRIES))],
        "language": LANGUAGES[_often_first(dice, len(LANGUAGES))], "device": dice.choice(DEVICES),
    }
    return request | ({"privacy": {"gpc": False, "tcf": CONSENT}} if number % 2 else {})


def _often_first(dice: Random, size: int) -> int:
    """Few countries and languages make most of the traffic."""
    return int(size * dice.random() ** 2)


def _supply(market: Market, dice: Random) -> tuple[list[int], list[int]]:
    engines, kinds = [one.value for one in WorldEngine], [one.value for one in WorldCategory]
    worlds = [
        market.world(1 + number // 3, engine=dice.choice(engines), category=kinds[number % len(kinds)])
        for number in range(WORLDS)
    ]
    for number, world in enumerate(worlds):
        for value in dice.sample(BLOCKABLE, 2):
            market.block(1 + number // 3, world, "category", value)
    placements = [
        market.placement(world, FLOOR_MICRO_USDC, kind=kind, width=width or 1, height=height or 1)
        for world in worlds for kind, width, height in SURFACES
    ]
    return worlds, placements


_CHAIN = (
    "chain_id", "campaign", "owner", "meta", "deposited", "withdrawn", "reserved", "reserved_executable_at",
    "reserved_after_epoch", "debited", "remaining", "active", "epoch_cap", "epoch_cap_from", "opened_number",
)
_CAMPAIGN = ("id", "owner", "name", "category", "meta", "status")
_LINE_ITEM = (
    "id", "campaign_id", "name", "bid_kind", "bid_micro_usdc", "daily_cap_micro_usdc", "total_cap_micro_usdc", "pacing",
    "starts_at", "ends_at", "targeting", "status", "hours", "time_zone", "frequency_impressions", "frequency_hours",
)
_CREATIVE = (
    "id", "line_item_id", "kind", "width", "height", "asset_url", "asset_sha256", "click_url", "status",
)


def _on_chain(number: int, chain_id: int) -> Sequence[object]:
    deposit = DEPOSIT_MICRO_USDC
    return (
        chain_id, number, f"0x{number:040x}", f"0x{number:064x}", deposit, 0, 0, 0, 0, 0, deposit, True, 0, 0, 1
    )


def _campaign(number: int, dice: Random) -> Sequence[object]:
    """The first ones are of a category that nobody blocks."""
    category = "other" if number <= len(SURFACES) + 1 else dice.choice(CATEGORIES)
    return number, f"0x{number:040x}", f"Campaign {number}", category, f"0x{number:064x}", "active"


def _line_items(
    number: int, campaigns: int, worlds: Sequence[int], dice: Random, paced: bool
) -> Iterator[Sequence[object]]:
    """The first ones, one for each surface, ask for nothing and bid little: no request ends without an ad."""
    now = datetime.now(UTC)
    starts, ends = now - timedelta(days=10), now + timedelta(days=20)
    for item in range(1, number + 1):
        plain = item <= len(SURFACES)
        kind, bid = ("vcpm", FLOOR_MICRO_USDC) if plain else _bid(dice)
        caps = (None, None) if plain or item % 2 else (10**10 * dice.randint(5, 50), 10**11 * dice.randint(20, 90))
        hours = (NIGHTS_OFF, "Europe/Berlin") if not plain and dice.random() < 0.1 else (None, None)
        frequency = (dice.randint(2, 5), 24) if not plain and dice.random() < 0.1 else (None, None)
        pacing = "even" if caps[0] and paced else "asap"
        yield (
            item, 1 + item % campaigns, "Line item", kind, bid, *caps, pacing, starts, ends,
            "{}" if plain else json.dumps(_targeting(worlds, dice)), "active", *hours, *frequency,
        )


def _bid(dice: Random) -> tuple[str, int]:
    """Four of five pay for viewable impressions, one for clicks: a hundred times as much for one of a hundred."""
    bid = FLOOR_MICRO_USDC + int(20_000 * dice.random() ** 3) + dice.randint(0, 400)
    return ("vcpm", bid) if dice.random() < 0.8 else ("cpc", bid * 100)


def _targeting(worlds: Sequence[int], dice: Random) -> dict[str, list[object]]:
    shares: tuple[tuple[str, float, Sequence[object], int], ...] = (
        ("countries", 0.55, COUNTRIES, dice.randint(1, 20)), ("languages", 0.3, LANGUAGES, dice.randint(1, 3)),
        ("devices", 0.3, DEVICES, dice.randint(1, 2)), ("worlds", 0.85, worlds, dice.randint(1, 20)),
        ("categories", 0.3, [one.value for one in WorldCategory], dice.randint(1, 4)),
        ("exclude_worlds", 0.1, worlds, dice.randint(1, 5)), ("exclude_countries", 0.1, COUNTRIES, dice.randint(1, 9)),
    )
    return {name: dice.sample(list(values), most) for name, share, values, most in shares if dice.random() < share}


def _creative(item: int, dice: Random) -> Sequence[object]:
    kind, width, height = SURFACES[(item - 1) % len(SURFACES)] if item <= len(SURFACES) else dice.choice(SURFACES)
    return (
        item, item, kind, width or 1, height or 1, f"https://assets.example/{item}", f"{item:064x}",
        f"https://advertiser.example/{item}", "approved",
    )


def _copy(
    connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with connection.cursor() as cursor, cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)
