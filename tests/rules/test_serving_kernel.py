"""The compiled kernel of decisions writes what Python writes, bit for bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.decision_token import body_of, decision_id, facts_of, sign_body
from backend.core.events import BidKind
from backend.pctr.rate import Rates
from backend.serving import kernel
from backend.serving.catalogue import NOTHING_SPENT, Creative, LineItem, Placement, Spending
from backend.serving.decision import opening_of, viewer_bytes
from backend.serving.eligibility import offer_at
from backend.serving.wire import KEPT_MS, Wire

NOW_MS = 1_800_000_000_123
COMPILED = kernel.load()
compiled = pytest.mark.skipif(COMPILED is None, reason="no C compiler has built the kernel")
wide = st.integers(0, 2**63 - 1) | st.sampled_from([0, 1, 9, 10, 2**32, 2**63 - 1])
amounts = st.none() | st.integers(1, 2**53 - 1)
KEY, RANDOM = bytes(range(16)), bytes(range(18))


def wire_of(item: int, campaign: int, placement: int, publisher: int, **more: object) -> Wire:
    kind = str(more.get("kind", "image"))
    creatives = tuple(
        Creative(number, kind, 1_024, 512, "https://a.example/1", "ab" * 32, "https://b.example/") for number in (1, 7)
    )
    line_item = LineItem(
        id=item, campaign=1, owner="0xa", bid_kind=BidKind.CPC, bid_micro_usdc=5_000, starts_ms=0, ends_ms=2**50,
        creatives=creatives, chain_campaign=campaign,
        total_cap_micro_usdc=more.get("total"), daily_cap_micro_usdc=more.get("daily"),  # type: ignore[arg-type]
    )
    surface = Placement(
        placement, 1, "social", publisher, "0xb", kind, 1_024, 512, 500,
        shares=more.get("shares", ()),  # type: ignore[arg-type]
    )
    return Wire(offer_at(line_item, surface, Rates()))


@compiled
@given(
    st.tuples(wide, wide, wide), st.integers(0, 2**32 - 1), st.tuples(amounts, amounts),
    st.sampled_from(["image", "video"]), st.binary(min_size=16, max_size=80), st.text(min_size=1, max_size=64), wide,
    st.integers(0, 2**48 - 1), st.integers(0, 255), st.integers(0, 2**32 - 1), st.sampled_from([0, 1]),
)
def test_stamp__any_numbers__writes_what_python_writes(
    names: tuple[int, int, int], publisher: int, caps: tuple[int | None, int | None], kind: str, key: bytes,
    viewer: str, price: int, now_ms: int, client: int, origin: int, place: int,
) -> None:
    assert COMPILED is not None
    wire = wire_of(*names, publisher, total=caps[0], daily=caps[1], kind=kind)
    expires_ms = now_ms + 900_000

    def held(_: int) -> Spending:
        return NOTHING_SPENT

    written = wire.stamp(COMPILED, key, RANDOM, 31_337, place, price, expires_ms, now_ms, held, viewer, client, origin)
    if len(viewer.encode()) > 128:
        assert written is None
        return
    decision = decision_id(now_ms, RANDOM[:10])
    facts = wire.facts(decision, 31_337, place, price, expires_ms, viewer_bytes(viewer, key, now_ms), client, origin)
    assert written is not None
    body, signed, packed, opening = written
    assert facts_of(body) == facts
    assert signed == sign_body(body_of(facts), key)
    assert packed == wire.hold(price, decision.hex(), expires_ms, now_ms, held)
    assert opening == opening_of(decision, signed, expires_ms)


@compiled
def test_stamp__what_is_not_plain__is_left_to_python() -> None:
    assert COMPILED is not None
    shared = wire_of(1, 2, 3, 4, shares=((1, 5_000), (2, 5_000)))
    assert shared.stamp(COMPILED, KEY, RANDOM, 1, 0, 1, 2, NOW_MS, lambda _: NOTHING_SPENT, "viewer", 0, 0) is None
    plain = (bytes(92), KEY, RANDOM, b"head", b"1:2:", b"tail", "viewer", NOW_MS, 1, 2, 3, 4, 5)
    assert COMPILED(*plain) is not None
    odd: dict[int, object] = {
        0: bytes(91), 1: bytes(15), 2: bytes(9), 4: bytes(49), 6: "v" * 129, 7: 2**48, 10: 2**64 - 1,
    }
    for place, value in odd.items():
        assert COMPILED(*plain[:place], value, *plain[place + 1:]) is None
    for place, value in {0: "text", 6: 7, 7: -1, 8: 2**64, 9: 1.5}.items():
        with pytest.raises((TypeError, OverflowError)):
            COMPILED(*plain[:place], value, *plain[place + 1:])


def test_hold__within_a_quarter_of_a_second__keeps_back_what_its_beginning_does() -> None:
    """Never less than pacing asks for at the moment itself."""
    wire, days = wire_of(1, 2, 3, 4, daily=86_400_000), []

    def held(day: int) -> Spending:
        days.append(day)
        return NOTHING_SPENT

    begins = NOW_MS - NOW_MS % KEPT_MS
    calls = [wire.hold(1, "ab", 5, now_ms, held).rpartition(b"$")[2] for now_ms in (begins, begins + 249, begins + 250)]
    kept = [int(call.split()[1]) for call in calls]
    assert kept[0] == kept[1] == kept[2] + 250
    assert days == [NOW_MS // 86_400_000] * 2
