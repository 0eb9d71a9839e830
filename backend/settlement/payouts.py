"""Which groups of publishers the keeper pays, and in which ranges."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backend.settlement.tree import CUMULATIVE_MAX, GROUP_SIZE, Tree

GROUPS_MAX = 100   # what `PublisherPayout.pay_range` takes


@dataclass(frozen=True, slots=True)
class Range:
    """Neighbouring groups, paid in one transaction."""

    start_group: int
    groups: int


def groups_of(publishers: Iterable[int], tree: Tree) -> list[int]:
    """The groups that hold `publishers` and are in the tree, ascending."""
    return sorted({index // GROUP_SIZE for index in publishers if index < len(tree.entries)})


def due_groups(auto: Collection[int], tree: Tree, paid: Mapping[int, Sequence[int]]) -> list[int]:
    """Groups in which a publisher of `auto` has something to claim. `paid`: micro-USDC paid so far, by group."""
    return [
        group
        for group in sorted(paid)
        if any(
            GROUP_SIZE * group + lane in auto and (entry & CUMULATIVE_MAX) > paid[group][lane]
            for lane, entry in enumerate(tree.group(GROUP_SIZE * group))
        )
    ]


def ranges(groups: Sequence[int]) -> list[Range]:
    """Ascending groups as ranges without gaps, none longer than GROUPS_MAX."""
    found: list[Range] = []
    for group in groups:
        last = found[-1] if found else None
        if last and group == last.start_group + last.groups and last.groups < GROUPS_MAX:
            found[-1] = Range(last.start_group, last.groups + 1)
        else:
            found.append(Range(group, 1))
    return found
