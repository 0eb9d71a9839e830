"""Which budgets a pass looks at: those that may be others now, and in turn some of all, whether anybody told or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backend.serving.published import PARTS, Told, part_of


@dataclass
class Accounts:
    """What a process knows of all metas on chain after a pass. `marks`: another number means another budget, perhaps;

    `told` is what deciders were told of each.
    """

    marks: Mapping[str, int] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)         # campaigns on chain that have purses, but no meta any more
    metas: list[set[str]] = field(default_factory=lambda: [set() for _ in range(PARTS)])      # by part
    turn: int = 0
    looked_at: frozenset[int] = frozenset()             # parts whose turn it is

    def follow(self, marks: Mapping[str, int]) -> set[str]:
        """Metas that have come, gone or another mark than before."""
        changed = {meta for meta, _ in self.marks.items() ^ marks.items()}
        for meta in changed:
            part = self.metas[part_of(meta)]
            part.add(meta) if meta in marks else part.discard(meta)
        self.marks = marks
        return changed

    def next(self, at_once: int) -> set[str]:
        """About `at_once` metas, or all of them when there are no more, in turn: 7,000 are 109 a part, so 250 at once

        are the next three parts.
        """
        parts = min(PARTS, -(-at_once * PARTS // max(1, len(self.marks))))
        self.looked_at = frozenset((self.turn + step) % PARTS for step in range(parts))
        metas = set().union(*(self.metas[part] for part in self.looked_at))
        self.turn = (self.turn + parts) % PARTS
        return metas

    def next_gone(self) -> set[int]:
        """Campaigns that a reorganisation took away, in the same turn."""
        return {campaign for campaign in self.gone if campaign % PARTS in self.looked_at}

    def campaigns(self, metas: Iterable[str]) -> set[int]:
        """Campaigns on chain that deciders were told of."""
        return {one.chain_campaign for meta in metas if meta in self.told for one in self.told[meta].funds}

    def tell(self, metas: Iterable[str], told: Mapping[str, Told]) -> set[int]:
        """This is told of these metas, and nothing of those that are not in it any more. Gives their parts."""
        for meta in metas:
            if meta in told:
                self.told[meta] = told[meta]
            else:
                self.told.pop(meta, None)
        return {part_of(meta) for meta in metas}

    def of_part(self, part: int) -> list[Told]:
        """What is told of a part."""
        return [self.told[meta] for meta in self.metas[part] if meta in self.told]
