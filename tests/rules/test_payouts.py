"""Whom the keeper pays: every group with an automatic publisher who has something to claim, and no other."""

from hypothesis import given
from hypothesis import strategies as st

from backend.settlement.payouts import GROUPS_MAX, Range, due_groups, groups_of, ranges
from backend.settlement.tree import build_tree, encode_entry

WALLET = "0x" + "b0" * 20


def test_due_groups__manual_alone_or_paid__left_alone() -> None:
    tree = build_tree([encode_entry(WALLET, amount) for amount in (1, 10, 20, 0, 30, 40, 0, 0, 50)])
    paid = {0: (0, 10, 0, 0), 1: (0, 0, 0, 0), 2: (50, 0, 0, 0)}
    assert due_groups({1}, tree, paid) == []
    assert due_groups({2}, tree, paid) == [0]
    assert due_groups({4, 8}, tree, paid) == [1]
    assert due_groups({6}, tree, paid) == []


def test_groups_of__publisher_outside_the_tree__ignored() -> None:
    tree = build_tree([encode_entry(WALLET, 1)] * 5)
    assert groups_of([1, 2, 4, 99], tree) == [0, 1]


@given(st.sets(st.integers(0, 400)))
def test_ranges__any_groups__cover_them_exactly_within_the_limit(groups: set[int]) -> None:
    """L22: no batch is larger than the contract takes."""
    found = ranges(sorted(groups))
    covered = [group for one in found for group in range(one.start_group, one.start_group + one.groups)]
    assert covered == sorted(groups)
    assert all(1 <= one.groups <= GROUPS_MAX for one in found)


def test_ranges__neighbours__in_one_transaction() -> None:
    assert ranges([0, 1, 2, 5]) == [Range(0, 3), Range(5, 1)]
    assert ranges(list(range(150))) == [Range(0, 100), Range(100, 50)]
