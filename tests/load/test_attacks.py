"""Attacks that other systems suffered, each tried on running processes: none of them moves money.

| Attack | Where it worked | Test |
|---|---|---|
| pixels are stored and replayed | Revive | test_replay__a_report_sent_a_hundred_times__charged_once |
| one nonce in parallel | EthicalAds, AdEx | test_race__a_thousand_uses_of_one_token_at_once__counted_once |
| the publisher is exchanged | AdEx | test_publisher__claimed_in_the_report__refused_and_the_token_decides |
| the payee is exchanged | Adshares | test_token__any_part_of_another_one__bad_token |
| the view is of another world | Adshares | test_world__reported_by_a_page_of_another_origin__wrong_world |
| the browser is exchanged | EthicalAds | test_client__reported_by_another_browser_or_system__wrong_client |
| geometry by the client's word | Roblox' rules | test_geometry__inflated_or_impossible__dropped_and_never_charged |
| a click without a view | EthicalAds | test_click__without_a_view__not_charged |
| a report is held back | Adshares | test_report__held_back_until_the_token_ends__not_charged_and_the_budget_is_free |
| an old token | AdEx | test_token__stale_of_another_chain_or_from_the_future__dropped_by_name |
| counts are inflated | AdEx's leader | test_counts__batch_of_one_view_under_all_its_names__one_event |
"""

import asyncio
import base64
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
from load_kit import BROWSER, CHAIN_ID, CLICKS, SEEN, TOKEN_KEY, Site
from pool_kit import Pool

from backend.core.decision_token import DecisionToken, decision_id, sign, verify
from backend.serving.purses import HOLD_GRACE_MS, keys
from backend.serving.sync.service import BudgetSync

USES, AT_ONCE = 1_000, 100
Report = dict[str, Any]


def view(token: str, **more: object) -> Report:
    return {"kind": "viewable", "token": token, "samples": SEEN, **more}


def decide(site: Site, placement: int | None = None, **headers: str) -> str:
    """The token of a new decision."""
    body = {"placement_id": placement or site.placements[0], "viewer_key": os.urandom(12).hex()}
    answer = httpx.post(f"{site.url}/v1/decisions", json=body, headers=BROWSER | headers, timeout=30)
    return str(answer.json()["token"])


def report(site: Site, events: Sequence[Report], **headers: str) -> list[str]:
    """The verdict of each: `accepted` or the reason."""
    answer = httpx.post(f"{site.url}/v1/events", json={"events": list(events)}, headers=BROWSER | headers, timeout=30)
    assert answer.status_code == 202, answer.text
    return [one.get("reason") or one["status"] for one in answer.json()["results"]]


def charges(site: Site, *tokens: str) -> Counter[str]:
    """How often each decision was charged, once all events are decided."""
    site.wait_for("all events to be decided", site.drained)
    names = [verify(token, TOKEN_KEY).decision_id.hex() for token in tokens]
    found: list[Any] = site.rows(
        "select e.decision_id, count(t.id) from event e join ledger_transfer t on t.event_id = e.event_id"
        " where e.decision_id = any(:names) group by 1", names=names,
    )
    return Counter(dict(found))


def earned(site: Site) -> dict[str, int]:
    """What each account of the ledger has."""
    return {name: int(amount) for name, amount in site.rows("select account, credits - debits from ledger_account")}


def stored(site: Site, token: str) -> list[tuple[Any, ...]]:
    """The rows of a decision's events."""
    return site.rows(
        "select kind, publisher_index, placement_id, price_micro_usdc from event where decision_id = :d",
        d=verify(token, TOKEN_KEY).decision_id.hex(),
    )


def test_replay__a_report_sent_a_hundred_times__charged_once(site: Site) -> None:
    """L24, L28: in one batch, in batch after batch, and after it was posted."""
    token = decide(site)
    verdicts = Counter(report(site, [view(token)] * 40) + report(site, [view(token)] * 40))
    assert charges(site, token).total() == 1
    verdicts.update(report(site, [view(token)] * 20))
    assert charges(site, token).total() == 1
    assert set(verdicts) <= {"accepted", "replayed"}
    assert len(stored(site, token)) == 1


async def test_race__a_thousand_uses_of_one_token_at_once__counted_once(site: Site) -> None:
    """L24, L28: whichever of them is first, in whichever process."""
    token = await asyncio.to_thread(decide, site, site.placements[-1])
    body = msgspec.json.encode({"events": [view(token), {"kind": "click", "token": token}]})
    async with Pool(site.url, AT_ONCE) as pool:
        answers = await asyncio.gather(*(pool.post("/v1/events", body) for _ in range(USES // 2)))
    assert {status for status, _ in answers} == {202}
    assert await asyncio.to_thread(charges, site, token) == {verify(token, TOKEN_KEY).decision_id.hex(): 1}
    kinds = [row[0] for row in await asyncio.to_thread(stored, site, token)]
    assert sorted(kinds) == ["click", "viewable"]


def test_publisher__claimed_in_the_report__refused_and_the_token_decides(site: Site) -> None:
    """L27: nothing about money is read from a report, wherever it comes from."""
    token = decide(site, site.placements[0])
    own, other = verify(token, TOKEN_KEY).publisher, 2
    assert own != other
    claims: tuple[Report, ...] = (
        {"publisher": other}, {"publisher_index": other}, {"placement_id": site.placements[-1]}, {"world": 2},
        {"price_micro_usdc": 10**9}, {"campaign": CLICKS}, {"wallet": "0x" + "0" * 40}, {"viewer": "somebody else"},
    )
    assert set(report(site, [view(token, **claim) for claim in claims])) == {"malformed"}
    assert not charges(site, token)
    assert report(site, [view(token)]) == ["accepted"]
    assert charges(site, token).total() == 1
    assert stored(site, token)[0][1:3] == (own, site.placements[0])


def test_token__any_part_of_another_one__bad_token(site: Site) -> None:
    """L27: swapped payee, price, campaign or signature; a key of somebody's own; texts that are nearly a token."""
    mine, theirs = decide(site, site.placements[0]), decide(site, site.placements[-1])
    facts, before = verify(mine, TOKEN_KEY), earned(site)
    signed_by_others = [
        sign(replace(facts, **change), b"a key of somebody's own")
        for change in ({}, {"publisher": 2}, {"price_micro_usdc": 1}, {"campaign": CLICKS}, {"placement": 4})
    ]
    raw, other = unpacked(mine), unpacked(theirs)
    spliced = [packed(raw[:cut] + other[cut:]) for cut in range(1, len(raw), 7)]
    flipped = [packed(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]) for at in range(0, len(raw), 5)]
    texts = [mine + "=", mine[:-1], mine + "A", " " + mine, mine.swapcase(), "", "AAAA", packed(raw + raw)[:250]]
    forged = [text for text in signed_by_others + spliced + flipped + texts if text not in (mine, theirs)]
    verdicts = [verdict for start in range(0, len(forged), 50)
                for verdict in report(site, [view(text) for text in forged[start : start + 50]])]
    assert set(verdicts) == {"bad_token"}
    site.wait_for("all events to be decided", site.drained)
    assert earned(site) == before


def unpacked(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_token__stale_of_another_chain_or_from_the_future__dropped_by_name(site: Site) -> None:
    """Signed by ours, but not for here and now."""
    now_ms = time.time_ns() // 1_000_000
    facts = verify(decide(site), TOKEN_KEY)

    def made(decided_ms: int, expires_ms: int, chain_id: int = CHAIN_ID) -> str:
        token = replace(
            facts, decision_id=decision_id(decided_ms, os.urandom(10)), expires_ms=expires_ms, chain_id=chain_id
        )
        return sign(token, TOKEN_KEY)

    stale, ahead = made(now_ms - 180_000, now_ms - 60_000), made(now_ms + 3_600_000, now_ms + 3_720_000)
    elsewhere = made(now_ms - 2_000, now_ms + 60_000, chain_id=137)
    verdicts = report(site, [view(token) for token in (stale, ahead, elsewhere)])
    assert verdicts == ["expired", "from_the_future", "wrong_chain"]
    assert not charges(site, stale, ahead, elsewhere)


def test_world__reported_by_a_page_of_another_origin__wrong_world(site: Site) -> None:
    """A token is carried from the world that asked to one that earns more by it."""
    token = decide(site, Origin="https://square.example")
    assert report(site, [view(token)], Origin="https://elsewhere.example") == ["wrong_world"]
    assert not stored(site, token)
    assert report(site, [view(token)], Origin="https://square.example") == ["accepted"]


def test_client__reported_by_another_browser_or_system__wrong_client(site: Site) -> None:
    """EthicalAds' rule: who asks and who reports is the same browser on the same system."""
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1"
    desktop = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
    token = decide(site, **{"User-Agent": phone})
    assert report(site, [view(token)], **{"User-Agent": desktop}) == ["wrong_client"]
    assert not stored(site, token)
    assert report(site, [view(token)], **{"User-Agent": phone}) == ["accepted"]


INFLATED: dict[str, list[list[Any]]] = {
    "more than all of it": [[t, 10_001, 400, 1_000 + t % 7, True, True] for t in range(0, 1_200, 100)],
    "larger than the screen": [[t, 10_000, 10_001, 1_000 + t % 7, True, True] for t in range(0, 1_200, 100)],
    "turned beyond the circle": [[t, 10_000, 400, 18_001, True, True] for t in range(0, 1_200, 100)],
    "negative": [[t, 10_000, 400, -1 - t % 7, True, True] for t in range(0, 1_200, 100)],
    "no integers": [[t, 9_999.5, 400, 1_000, True, True] for t in range(0, 1_200, 100)],
    "beyond 64 bits": [[t, 2**70, 400, 1_000, True, True] for t in range(0, 1_200, 100)],
    "time runs back": [[1_200 - t, 10_000, 400, 1_000 + t % 7, True, True] for t in range(0, 1_200, 100)],
    "time stands": [[500, 10_000, 400, 1_000 + t % 7, True, True] for t in range(0, 1_200, 100)],
    "one second in two samples": [[0, 10_000, 400, 1_000, True, True], [1_000, 10_000, 400, 1_000, True, True]],
    "watched before it was decided": [[t, 10_000, 400, 1_000 + t % 7, True, True] for t in range(0, 60_000, 200)],
    "faster than frames": [[t, 10_000, 400, 1_000 + t % 7, True, True] for t in range(0, 1_200, 3)],
    "nobody there": [[t, 10_000, 400, 1_000 + t % 7, False, True] for t in range(0, 1_200, 100)],
    "in the background": [[t, 10_000, 400, 1_000 + t % 7, True, False] for t in range(0, 1_200, 100)],
    "more samples than there may be": [[t, 10_000, 400, 1_000 + t % 7, True, True] for t in range(700)],
    "no samples": [],
}


@pytest.mark.parametrize("what", INFLATED)
def test_geometry__inflated_or_impossible__dropped_and_never_charged(site: Site, what: str) -> None:
    token = decide(site)
    [verdict] = report(site, [view(token) | {"samples": INFLATED[what]}])
    assert verdict in ("malformed", "not_viewable", "inactive_viewer", "bot", "from_the_future"), verdict
    assert not stored(site, token)


def test_click__without_a_view__not_charged(site: Site) -> None:
    """L29: a click may come before its view, but without a view it is worth nothing."""
    alone, seen = (decide(site, site.placements[-1]) for _ in range(2))
    assert verify(alone, TOKEN_KEY).bid_kind == "cpc"
    report(site, [{"kind": "click", "token": alone}] * 5)
    report(site, [view(seen), {"kind": "click", "token": seen}, {"kind": "click", "token": seen}])
    httpx.get(f"{site.url}/c/{alone}", headers=BROWSER, timeout=30)
    site.wait_for("the click that counts", lambda: charges(site, seen).total() == 1)
    assert not charges(site, alone)


def test_report__held_back_until_the_token_ends__not_charged_and_the_budget_is_free(site: Site) -> None:
    """L31: who withholds a report gets nothing for it later, and keeps nobody's money."""
    token = decide(site)
    facts = verify(token, TOKEN_KEY)
    assert held(site, facts)
    late_ms = facts.expires_ms + HOLD_GRACE_MS + 1_000
    sync = BudgetSync(site.engine, site.redis, CHAIN_ID)

    def lapsed() -> bool:
        sync.sync(late_ms)
        return site.drained() and not held(site, facts)

    site.wait_for("the hold to lapse", lapsed)
    expired = sign(replace(facts, expires_ms=time.time_ns() // 1_000_000 - 1), TOKEN_KEY)
    assert report(site, [view(expired)]) == ["expired"]
    assert not charges(site, token)


def held(site: Site, facts: DecisionToken) -> bool:
    """Whether the price of this decision is still held."""
    holds = site.redis.zrange(keys(facts.campaign)[2], 0, -1)
    return any(facts.decision_id.hex().encode() in hold for hold in holds)


def test_counts__batch_of_one_view_under_all_its_names__one_event(site: Site) -> None:
    """The same view with other clocks, other samples and as a click-through: one view, one click, one charge."""
    token = decide(site)
    other = [[t_ms + 1, 9_000, 500, 2_000 + t_ms % 11, True, True] for t_ms in range(0, 1_300, 100)]
    report(site, [view(token), view(token, rendered_at_ms=1), view(token) | {"samples": other}])
    for _ in range(3):
        assert httpx.get(f"{site.url}/c/{token}", headers=BROWSER, timeout=30).status_code == 302
    site.wait_for("both events", lambda: site.drained() and len(stored(site, token)) == 2)
    assert charges(site, token).total() == 1
