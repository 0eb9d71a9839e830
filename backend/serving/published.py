"""What may be spent, as the worker tells every deciding process: two texts in Redis, each read only when it is new.

It is a hint, so that hardly anybody tries to hold what is not there; the purses decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np

from backend.core.reasons import NoBidReason

PPM = 1_000_000


class Funds(NamedTuple):
    """A chain campaign. `funded`: it has money by the books; deposits count for the owner and meta that they name."""

    chain_campaign: int
    owner: str
    meta: str
    active: bool
    funded: bool


class Allowance(NamedTuple):
    """A line item that is not simply free to spend: what its caps say, how it is paced, what its open holds are.

    `multiplier_ppm` of its bid is offered, and it takes part in `participation_ppm` of the decisions.
    """

    line_item: int
    objection: NoBidReason | None = None
    multiplier_ppm: int = PPM
    participation_ppm: int = PPM
    held_total_micro_usdc: int = 0
    held_today_micro_usdc: int = 0


@dataclass(frozen=True, slots=True)
class Budgets:
    """`spent`: chain campaigns with nothing left. `version` names what was read."""

    funds: Sequence[Funds] = ()
    spent: frozenset[int] = frozenset()
    allowances: Sequence[Allowance] = ()
    version: str = ""
    known: bool = True


UNKNOWN = Budgets(known=False)
"""Redis has forgotten what the books say."""


class _Lines(msgspec.Struct, array_like=True):
    spent: list[int]
    reasons: list[str]
    columns: list[bytes] = field(default_factory=list)


def encode_funds(funds: Sequence[Funds]) -> bytes:
    return msgspec.msgpack.encode(list(funds))


def decode_funds(text: bytes) -> list[Funds]:
    return msgspec.msgpack.decode(text, type=list[Funds])


def encode_allowances(spent: Sequence[int], allowances: Sequence[Allowance]) -> bytes:
    """As columns of 64-bit numbers: they are read by twenty processes for each time that they are written."""
    reasons: dict[NoBidReason | None, int] = {None: 0}
    rows = [(one[0], reasons.setdefault(one[1], len(reasons)), *one[2:]) for one in allowances]
    columns = np.array(rows, "<i8").reshape(-1, len(Allowance._fields)).T
    named = [reason.value for reason in reasons if reason is not None]
    return msgspec.msgpack.encode(_Lines(sorted(spent), named, [column.tobytes() for column in columns]))


def decode_allowances(text: bytes) -> tuple[frozenset[int], list[Allowance]]:
    """Campaigns with nothing left, and allowances. A reason that this version does not know is a budget's."""
    lines = msgspec.msgpack.decode(text, type=_Lines)
    reasons: list[NoBidReason | None] = [None, *map(_reason, lines.reasons)]
    columns = [np.frombuffer(column, "<i8").tolist() for column in lines.columns]
    rows = zip(*columns, strict=True)
    return frozenset(lines.spent), [Allowance(row[0], reasons[row[1]], *row[2:]) for row in rows]


def digest(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()


def by_account(funds: Sequence[Funds]) -> Mapping[tuple[str, str], Funds]:
    """Campaigns by (owner, meta). Of two with the same the older one counts, as everywhere."""
    found: dict[tuple[str, str], Funds] = {}
    for one in sorted(funds):
        found.setdefault((one.owner, one.meta), one)
    return found


def _reason(name: str) -> NoBidReason:
    known = NoBidReason._value2member_map_.get(name)
    return NoBidReason(name) if known else NoBidReason.BUDGET
