"""What is told part by part is what everything told at once would be, to the worker and to whoever decides by it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.reasons import NoBidReason
from backend.serving.index.codes import reason_of
from backend.serving.index.pace import paces_of
from backend.serving.index.terms import Compiler
from backend.serving.published import (
    PARTS,
    PPM,
    Allowance,
    Budgets,
    Funds,
    Told,
    budgets_of,
    by_account,
    decode_part,
    encode_part,
    part_of,
)
from backend.serving.sync.turn import Accounts
from tests.rules.index_kit import MARKETS

METAS = [f"0x{number:064x}" for number in range(1, 9)]
ALLOWANCES = st.builds(
    Allowance, st.integers(1, 12), st.sampled_from([None, NoBidReason.TOTAL_CAP, NoBidReason.PACING]),
    st.integers(1, PPM), st.integers(1, PPM), st.integers(0, 9), st.integers(0, 9),
)
FUNDS = st.tuples(st.integers(1, 9), st.sampled_from(["0xa", "0xb"]), st.booleans(), st.booleans())


def told_by(
    meta: str, funds: list[tuple[int, str, bool, bool]], spent: set[int], allowances: list[Allowance]
) -> tuple[str, Told]:
    """What an account tells, of line items of its own: no two accounts share one."""
    first = METAS.index(meta) + 1
    return meta, Told(
        [Funds(number, owner, meta, active, funded) for number, owner, active, funded in funds], sorted(spent),
        [one._replace(line_item=first + place * len(METAS)) for place, one in enumerate(allowances)],
    )


TOLD = st.builds(
    told_by,
    st.sampled_from(METAS), st.lists(FUNDS, max_size=3, unique_by=lambda one: one[0]),
    st.sets(st.integers(1, 9), max_size=2),
    st.lists(ALLOWANCES, max_size=3, unique_by=lambda one: one.line_item),
)
STATES = st.lists(TOLD, max_size=6, unique_by=lambda one: one[0]).map(dict)


def texts(accounts: Accounts) -> list[bytes]:
    return [encode_part(accounts.of_part(part)) for part in range(PARTS)]


@given(st.lists(STATES, min_size=1, max_size=5), st.integers(0, 5))
@settings(max_examples=40)
def test_accounts__any_changes__the_parts_say_what_everything_anew_would(
    states: list[dict[str, Told]], at_once: int
) -> None:
    """L74: only the parts of who has changed are written anew."""
    accounts, published = Accounts(), dict(enumerate(texts(Accounts())))
    for state in states:
        metas = accounts.follow({meta: hash(repr(told)) for meta, told in state.items()}) | accounts.next(at_once)
        told = {meta: state[meta] for meta in metas if meta in state}
        published |= {part: encode_part(accounts.of_part(part)) for part in accounts.tell(metas, told)}
        anew = Accounts()
        anew.tell(anew.follow(dict.fromkeys(state, 1)), state)
        assert list(published.values()) == texts(anew)
        assert accounts.campaigns(METAS) == {one.chain_campaign for told in state.values() for one in told.funds}


@given(st.integers(0, 3_000), st.integers(1, 700))
@settings(max_examples=30)
def test_next__any_number_of_accounts__everybody_has_a_turn(accounts: int, at_once: int) -> None:
    """And with no more than can be looked at together, in every pass."""
    marks = {f"0x{number:064x}": number for number in range(accounts)}
    turns = Accounts()
    turns.follow(marks)
    passes = 1 if accounts <= at_once else PARTS
    seen = [turns.next(at_once) for _ in range(passes)]
    assert set().union(*seen) == marks.keys()
    assert max(map(len, seen)) <= max(3 * at_once, 3 * accounts // PARTS + 60)


@given(MARKETS, STATES, STATES)
@settings(max_examples=40)
def test_paces__some_parts_are_new__as_each_line_item_is_told(
    market: list, before: dict[str, Told], now: dict[str, Told]       # type: ignore[type-arg]
) -> None:
    """A part that nobody has written anew is kept, and decides as if it had been read again."""
    terms = Compiler().compile(market)
    last, newest = read(before), read(now)
    both = zip(last.parts, newest.parts, strict=True)
    mixed = budgets_of(was if was.digest == part.digest else part for was, part in both)
    assert mixed.version == newest.version
    paces = paces_of(terms, mixed)
    told = {one.line_item: one for part in range(PARTS) for one in allowances(now, part)}
    spent = {campaign for one in now.values() for campaign in one.spent}
    for slot in terms.alive.tolist():
        item = terms.item(slot)
        one = told.get(item.id, Allowance(item.id))
        objection = NoBidReason.BUDGET if item.chain_campaign in spent else one.objection
        assert reason_of(int(paces.objections[slot])) == objection
        assert (paces.multipliers_ppm[slot], paces.participation_ppm[slot]) == one[2:4]
        assert paces.open_holds.get(slot, (0, 0)) == one[4:]
    for meta in METAS:
        for owner in ("0xa", "0xb"):
            assert mixed.funds_of((owner, meta)) == by_account(now.get(meta, Told()).funds).get((owner, meta))


def allowances(state: dict[str, Told], part: int) -> list[Allowance]:
    """In the order of the part."""
    mine = [one for meta in METAS if part_of(meta) == part and meta in state for one in state[meta].allowances]
    return sorted(mine, key=lambda one: one.line_item)


def read(state: dict[str, Told]) -> Budgets:
    accounts = Accounts()
    accounts.tell(accounts.follow(dict.fromkeys(sorted(state), 1)), state)
    return budgets_of(decode_part(text) for text in texts(accounts))


def test_paces__nothing_is_known__everybody_may_spend() -> None:
    terms = Compiler().compile([])
    paces = paces_of(terms, Budgets())
    assert not paces.objections.any()
    assert np.all(paces.multipliers_ppm == PPM)
    assert not paces.throttles
