"""Bundles: one form, and a verifier that names every difference (L34, L35, L36, L19)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.money import split
from backend.core.ruleset import Ruleset
from backend.core.transfers import changes
from backend.settlement.bundle import ChargedEvent, compress, decode_events, decompress, encode_events
from backend.settlement.closing import Charge, Closing, OpenCharges, PublisherLine, can_settle, close, groups_by_age
from backend.settlement.drafting import Closed, Place, draft
from backend.settlement.history import OnChain, settlements_before
from backend.settlement.statement import ZERO_ROOT, Statement, StatementError, data_hash, decode, encode
from backend.settlement.verify import Bundle, Settled, needed_epochs, verify

RULESET = Ruleset()
HOUR_MS = 3_600_000
START_MS = 1_767_571_200_000
PLACE = Place(31337, "0x" + "e5" * 20, "0x" + "a7" * 20)
WALLETS = {index: f"0x{index + 1:040x}" for index in range(64)}


def sale(number: int, *, campaign: int, publisher: int, price: int, at_ms: int = START_MS) -> ChargedEvent:
    event_id = at_ms.to_bytes(6, "big").hex() + f"{number:020x}" + "01"
    return ChargedEvent(event_id, campaign, 1, 2, 3, publisher, price)


def lines_of(closing: Closing) -> dict[int, PublisherLine]:
    return {line.index: line for line in closing.lines}


def settle(
    epoch: int, events: Sequence[ChargedEvent], before: dict[int, PublisherLine], previous_root: str
) -> tuple[Closing, Bundle]:
    closing = close(
        [Charge(event.campaign, event.publisher, event.price_micro_usdc) for event in events],
        RULESET.fee_bps, before, WALLETS,
    )
    start = START_MS + (epoch - 1) * HOUR_MS
    closed = Closed(epoch, 0, start, start + HOUR_MS, closing.total, closing.fee, closing.dust, closing.lines,
                    closing.debits)
    return closing, draft(closed, PLACE, RULESET, previous_root, events)[1]


FIRST_EVENTS = [
    sale(1, campaign=0, publisher=1, price=1_500),
    sale(2, campaign=0, publisher=2, price=334),
    sale(3, campaign=5, publisher=2, price=7),
]
SECOND_EVENTS = [sale(4, campaign=5, publisher=6, price=4_001, at_ms=START_MS + HOUR_MS)]


def two_epochs() -> tuple[Settled, Bundle]:
    """A verified first epoch and the bundle of the second."""
    closing, bundle = settle(1, FIRST_EVENTS, {}, ZERO_ROOT)
    settled = verify(bundle, []).settled
    assert settled is not None
    return settled, settle(2, SECOND_EVENTS, lines_of(closing), settled.statement.publishers_root)[1]


SALES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30), st.integers(1, 10**6)), min_size=1, max_size=40)


@given(SALES, SALES)
def test_verify__any_two_epochs__recomputed_without_difference(
    first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]
) -> None:
    """L35: the independent recomputation agrees, and total = fee + nets + dust in every epoch."""
    events = [sale(n, campaign=c, publisher=p, price=price) for n, (c, p, price) in enumerate(first)]
    closing, bundle = settle(1, events, {}, ZERO_ROOT)
    one = verify(bundle, [])
    assert one.differences == []
    assert one.settled is not None
    later = [
        sale(1_000 + n, campaign=c, publisher=p, price=price, at_ms=START_MS + HOUR_MS)
        for n, (c, p, price) in enumerate(second)
    ]
    closing_2, bundle_2 = settle(2, later, lines_of(closing), one.settled.statement.publishers_root)
    two = verify(bundle_2, [one.settled])
    assert two.differences == []
    for index, line in lines_of(closing).items():
        assert lines_of(closing_2)[index].cumulative >= line.cumulative
    owed = sum(line.cumulative for line in closing_2.lines)
    assert owed == closing.total - closing.fee + closing_2.total - closing_2.fee


@given(SALES)
def test_close__any_charges__every_account_is_emptied(sales: list[tuple[int, int, int]]) -> None:
    """L32, L35: what was earned leaves as earnings, fee and dust, to the last micro-USDC."""
    closing = close([Charge(*one) for one in sales], RULESET.fee_bps, {}, WALLETS)
    gross: dict[int, int] = {}
    for _, publisher, amount in sales:
        gross[publisher] = gross.get(publisher, 0) + amount
    totals = {change.account: change for change in changes(closing.transfers)}
    for publisher, amount in gross.items():
        assert totals[f"earned:{publisher}"].debits == amount
    shares = split(gross, RULESET.fee_bps)
    by_kind = {kind: sum(t.amount_micro_usdc for t in closing.transfers if t.kind == kind)
               for kind in ("earn", "fee", "dust")}
    assert by_kind == {"earn": sum(shares.net_micro_usdc.values()), "fee": closing.fee, "dust": closing.dust}
    assert sum(closing.debits.values()) == closing.fee + sum(line.net for line in closing.lines)


@given(st.permutations(FIRST_EVENTS))
def test_draft__events_in_any_order__same_bytes(events: list[ChargedEvent]) -> None:
    """L36: the same entries give the same bundle, so the same data_hash."""
    assert settle(1, events, {}, ZERO_ROOT)[1] == settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1]


def test_draft__statement__is_canonical_json() -> None:
    """L36: RFC 8785 for our alphabet is sorted keys without spaces, which any JSON library can check."""
    raw = settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1].statement
    assert raw == json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":")).encode()
    assert encode(decode(raw)) == raw
    assert len(data_hash(raw)) == 32


def tamper(bundle: Bundle, change: Callable[[Any], object]) -> Bundle:
    content = json.loads(bundle.statement)
    change(content)
    return replace(bundle, statement=json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def with_events(bundle: Bundle, content: bytes) -> Bundle:
    """Other events, with the counts of the statement made to fit, as a cheat would."""
    import hashlib

    def fit(statement: Any) -> None:
        statement["events"] = {
            "count": content.count(b"\n") - 1, "bytes": len(content),
            "sha256": "0x" + hashlib.sha256(content).hexdigest(),
        }

    return tamper(replace(bundle, events=compress(content)), fit)


CHANGES: list[tuple[str, Callable[[Any], object], str]] = [
    ("net", lambda s: s["entries"][1].update(net_micro_usdc="1351"), "net of publisher 1: stated 1351"),
    ("gross", lambda s: s["entries"][1].update(gross_micro_usdc="1"), "gross of publisher 1"),
    ("cumulative", lambda s: s["entries"][2].update(cumulative_micro_usdc="9"), "cumulative of publisher 2"),
    ("dust", lambda s: s["totals"].update(dust_micro_usdc="0"), "dust: stated 0"),
    ("fee", lambda s: s["totals"].update(fee_micro_usdc="185"), "fee: stated 185, recomputed 184"),
    ("debit", lambda s: s["debits"][0].update(amount_micro_usdc="1"), "debit of campaign 0: stated 1, recomputed 1834"),
    ("debit gone", lambda s: s["debits"].pop(), "debit of campaign 5: stated 0, recomputed 7"),
    ("debit twice", lambda s: s["debits"].append(s["debits"][-1]), "debits: not sorted by campaign"),
    ("root", lambda s: s.update(publishers_root="0x" + "1" * 64), "publishers_root: stated"),
    ("hash", lambda s: s.update(debits_hash="0x" + "1" * 64), "debits_hash: stated"),
    ("previous", lambda s: s.update(previous_root="0x" + "1" * 64), "previous_root: stated"),
    ("entry gone", lambda s: s["entries"].pop(), "publisher 2: the entry is missing"),
    ("stranger", lambda s: s["entries"].append({**s["entries"][2], "index": 9}), "publisher 9: is new"),
    ("positions", lambda s: s.update(publishers=4), "publishers: stated 4, recomputed 3"),
    ("rules", lambda s: s["ruleset"]["parameters"].update(fee_bps=900), "ruleset.sha256"),
    ("rules gone", lambda s: s["ruleset"]["parameters"].pop("token_seconds"), "token_seconds is missing"),
    ("early end", lambda s: s["interval"].update(to_ms=START_MS), "outside the interval"),
    ("first epoch", lambda s: s.update(epoch=2), "epoch 1 is needed"),
]


@pytest.mark.parametrize(("change", "difference"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_verify__field_changed__named(change: Callable[[Any], object], difference: str) -> None:
    bundle = settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1]
    found = verify(tamper(bundle, change), [])
    assert any(difference in line for line in found.differences), found.differences
    assert found.settled is None


def test_verify__event_twice__refused() -> None:
    bundle = settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1]
    twice = encode_events([*FIRST_EVENTS, FIRST_EVENTS[0]])
    assert "out of order or there twice" in verify(with_events(bundle, twice), []).differences[0]


def test_verify__price_changed__all_consequences_named() -> None:
    bundle = settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1]
    dearer = encode_events([replace(FIRST_EVENTS[0], price_micro_usdc=2_500), *FIRST_EVENTS[1:]])
    found = verify(with_events(bundle, dearer), []).differences
    for what in ("debit of campaign 0", "debits_hash", "gross of publisher 1", "net of publisher 1", "total", "fee"):
        assert any(line.startswith(what) for line in found), found


def test_verify__events_digest_wrong__named() -> None:
    bundle = settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1]
    other = encode_events([replace(FIRST_EVENTS[0], creative=9), *FIRST_EVENTS[1:]])
    found = verify(replace(bundle, events=compress(other)), []).differences
    assert [line.split(":")[0] for line in found] == ["events.sha256"]


def test_verify__event_of_the_epoch_before__named() -> None:
    """L24, L34: an event that was settled once cannot come again, though its time fits the interval."""
    settled, _ = two_epochs()
    late = sale(9, campaign=0, publisher=1, price=5, at_ms=START_MS + HOUR_MS - 1)
    closing, bundle = settle(1, [*FIRST_EVENTS, late], {}, ZERO_ROOT)
    first = verify(bundle, []).settled
    assert first is not None
    again = settle(2, [*SECOND_EVENTS, late], lines_of(closing), first.statement.publishers_root)[1]
    assert verify(again, [first]).differences == [f"event {late.event_id}: was charged in epoch 1 before"]
    assert settled.statement.epoch == 1


def test_verify__recipient_of_a_publisher_changed__named() -> None:
    settled, bundle = two_epochs()
    moved = tamper(bundle, lambda s: s["entries"][1].update(recipient="0x" + "66" * 20))
    found = verify(moved, [settled]).differences
    assert any(line.startswith("recipient of publisher 1: stated 0x6666") for line in found)


def test_verify__cumulative_restarted__named() -> None:
    settled, _ = two_epochs()
    forgetful = settle(2, SECOND_EVENTS, {}, settled.statement.publishers_root)[1]
    found = verify(forgetful, [settled]).differences
    assert "publisher 1: the entry is missing" in found
    assert any(line.startswith("cumulative of publisher 0") for line in found)


def test_needed_epochs__late_charges__reach_back() -> None:
    settled, bundle = two_epochs()
    second = decode(bundle.statement)
    assert needed_epochs(second, [], second.earliest_ms) == 1
    assert needed_epochs(second, [settled.statement], second.earliest_ms) is None
    assert needed_epochs(settled.statement, [], settled.statement.earliest_ms) is None


# --- kinds of events ----------------------------------------------------------------------------------------------

DAY_MS = 24 * HOUR_MS
CONVERSION, HOUR = "03", "04"


def of_kind(kind: str, event: ChargedEvent) -> ChargedEvent:
    return replace(event, event_id=event.event_id[:-2] + kind)


def conversion(number: int, at_ms: int) -> ChargedEvent:
    return of_kind(CONVERSION, sale(number, campaign=5, publisher=2, price=5_000_000, at_ms=at_ms))


def history(*epochs: list[ChargedEvent]) -> list[tuple[Statement, Bundle]]:
    """Epochs that follow each other, the newest first."""
    made: list[tuple[Statement, Bundle]] = []
    lines: dict[int, PublisherLine] = {}
    for number, events in enumerate(epochs, start=1):
        root = made[0][0].publishers_root if made else ZERO_ROOT
        closing, bundle = settle(number, events, lines, root)
        lines = lines_of(closing)
        made.insert(0, (decode(bundle.statement), bundle))
    return made


def before_newest(made: list[tuple[Statement, Bundle]]) -> list[Settled]:
    """What a verifier gets who trusts nothing but the hashes on chain."""
    published = {statement.epoch: bundle for statement, bundle in made}
    return settlements_before(
        made[0][1], lambda epoch: OnChain(0, data_hash(published[epoch].statement)),
        lambda epoch, _known: published[epoch],
    )


def test_verify__every_kind_of_event__one_bundle() -> None:
    """L36, L53, L54: a conversion of a decision weeks ago and an hour of a sponsorship are charges like others."""
    view = sale(9, campaign=5, publisher=2, price=700)
    kinds = [view, of_kind("02", view), of_kind(HOUR, view), of_kind(CONVERSION, view)]
    old = conversion(1, START_MS - 30 * DAY_MS)
    ((_, bundle),) = history([old, *kinds])
    assert verify(bundle, []).differences == []


@pytest.mark.parametrize(
    ("event", "outside"),
    [
        (conversion(1, START_MS - 30 * DAY_MS - 120_000), False),
        (conversion(1, START_MS - 30 * DAY_MS - 120_001), True),
        (of_kind("02", conversion(1, START_MS - 120_001)), True),
        (of_kind(HOUR, conversion(1, START_MS - 120_001)), True),
    ],
)
def test_verify__decided_long_ago__only_conversions_within_the_longest_lookback(
    event: ChargedEvent, outside: bool
) -> None:
    """L53."""
    ((_, bundle),) = history([event])
    expected = [f"event {event.event_id}: decided at {event.decided_ms}, outside the interval"] if outside else []
    assert verify(bundle, []).differences == expected


def test_verify__conversion_charged_weeks_apart__named() -> None:
    """L24, L53: however long ago the first time was."""
    twice = conversion(1, START_MS + 5)
    made = history([*FIRST_EVENTS, twice], SECOND_EVENTS, [], [], [twice])
    earlier = before_newest(made)
    assert [settled.statement.epoch for settled in earlier] == [4, 3, 2, 1]
    assert verify(made[0][1], earlier).differences == [f"event {twice.event_id}: was charged in epoch 1 before"]
    assert verify(made[0][1], earlier[:3]).differences[0] == "epoch 1 is needed to verify epoch 5"


def test_settlements_before__old_conversion__reads_nothing_but_conversions_of_far_epochs() -> None:
    made = history([*FIRST_EVENTS, conversion(1, START_MS)], SECOND_EVENTS, [], [conversion(2, START_MS + 5)])
    assert [len(settled.event_ids) for settled in before_newest(made)] == [0, 0, 1]
    plain = history([*FIRST_EVENTS, conversion(1, START_MS)], SECOND_EVENTS, [], [])
    assert [settled.statement.epoch for settled in before_newest(plain)] == [3, 2]


@given(st.lists(st.integers(-30 * 24, 3), min_size=1, max_size=20), st.integers(0, 2**32))
def test_verify__conversions_of_any_age__recomputed(hours: list[int], seed: int) -> None:
    """L36: whatever the ages of the decisions, the bundle says what is charged and is accepted once."""
    made = history(
        [conversion(seed + n, START_MS + hour * HOUR_MS) for n, hour in enumerate(hours) if hour <= 0],
        [conversion(seed + n, START_MS + hour * HOUR_MS) for n, hour in enumerate(hours) if hour == 1],
        [], [conversion(seed + n, START_MS + hour * HOUR_MS) for n, hour in enumerate(hours) if hour > 1],
    )
    assert verify(made[0][1], before_newest(made)).differences == []


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"\xff",
        b'{"schema":1}',
        settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1].statement + b"\n",
        settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1].statement.replace(b'"epoch":1', b'"epoch":1.0'),
        settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1].statement.replace(b'"attempt":0', b'"attempt":0,"extra":1'),
        settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1].statement.replace(b'"1500"', b'"01500"'),
        settle(1, FIRST_EVENTS, {}, ZERO_ROOT)[1].statement.replace(b'"1500"', b"1500"),
    ],
)
def test_decode__not_a_canonical_statement__refused(raw: bytes) -> None:
    """L45: whatever is not exactly a statement is refused."""
    with pytest.raises(StatementError):
        decode(raw)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"event_id\n", encode_events(FIRST_EVENTS)[:-1], encode_events(FIRST_EVENTS) + b"\n",
        encode_events(FIRST_EVENTS).replace(b"1500", b"01500"),
        encode_events(FIRST_EVENTS).replace(b"1500", b"-1"),
        encode_events(FIRST_EVENTS).replace(b"\n", b"\r\n"),
    ],
)
def test_decode_events__broken_file__refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"line \d+|header"):
        decode_events(content)


def test_decompress__more_than_stated__refused_before_it_is_unpacked() -> None:
    with pytest.raises(ValueError, match="the frame says 1000000 bytes"):
        decompress(compress(bytes(1_000_000)), 10)


def test_groups_by_age__the_oldest_charge_of_a_group_counts() -> None:
    waiting = [OpenCharges(4, 30, 5, 5), OpenCharges(9, 20, 5, 5), OpenCharges(7, 10, 5, 5), OpenCharges(1, 15, 5, 5)]
    assert [[one.campaign for one in group] for group in groups_by_age(waiting)] == [[7, 4], [1], [9]]


def test_can_settle__nothing_left_for_the_first_charge__no() -> None:
    group = [OpenCharges(4, 1, 5, 100), OpenCharges(5, 2, 3, 100)]
    assert not can_settle(group, {4: 4, 5: 2})
    assert can_settle(group, {4: 4, 5: 3})
