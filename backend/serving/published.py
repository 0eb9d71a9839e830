"""What may be spent, as the worker tells every deciding process: texts in Redis, each read only when it is new.

Accounts are spread over 64 parts by their meta; a part is one text, so whoever reads sees all of a campaign or nothing,
and a change of one budget is told by a sixty-fourth of everything. It is a hint, so that hardly anybody tries to hold
what is not there; the purses decide.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from backend.core.reasons import NoBidReason

PPM = 1_000_000
PARTS = 64


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


class Told(NamedTuple):
    """What there is to say about one meta. `spent`: chain campaigns with nothing left."""

    funds: Sequence[Funds] = ()
    spent: Sequence[int] = ()
    allowances: Sequence[Allowance] = ()


Account = tuple[str, str]
"""Owner and meta."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was read of one part. `allowances` has a row for each field of `Allowance`, objections by `reasons`."""

    digest: bytes
    funds: Mapping[Account, Funds]
    spent: Sequence[int]
    reasons: Sequence[NoBidReason | None]
    allowances: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Budgets:
    """All parts, or none while nothing was read. `version` names what was read."""

    parts: tuple[Part, ...] = ()
    version: str = ""
    known: bool = True

    def funds_of(self, account: Account) -> Funds | None:
        """The campaign on chain that pays for it."""
        return self.parts[part_of(account[1])].funds.get(account) if self.parts else None


UNKNOWN = Budgets(known=False)
"""Redis has forgotten what the books say."""


class _Lines(msgspec.Struct, array_like=True):
    funds: list[Funds]
    spent: list[int]
    reasons: list[str]
    columns: list[bytes] = field(default_factory=list)


def part_of(meta: str) -> int:
    """The part in which everything of this meta is."""
    return crc32(meta.encode()) % PARTS


def encode_part(told: Iterable[Told]) -> bytes:
    """Allowances as columns of 64-bit numbers: they are read by twenty processes for each time that they are written.

    The same is always said by the same text.
    """
    kept = list(told)
    funds = sorted(funds for one in kept for funds in one.funds)
    spent = sorted(campaign for one in kept for campaign in one.spent)
    allowances = sorted((allowance for one in kept for allowance in one.allowances), key=lambda one: one.line_item)
    reasons: dict[NoBidReason | None, int] = {None: 0}
    rows = [(one[0], reasons.setdefault(one[1], len(reasons)), *one[2:]) for one in allowances]
    columns = np.array(rows, "<i8").reshape(-1, len(Allowance._fields)).T
    named = [reason.value for reason in reasons if reason is not None]
    return msgspec.msgpack.encode(_Lines(funds, spent, named, [column.tobytes() for column in columns]))


def decode_part(text: bytes) -> Part:
    """A reason that this version does not know is a budget's."""
    lines = msgspec.msgpack.decode(text, type=_Lines)
    allowances = np.array([np.frombuffer(column, "<i8") for column in lines.columns], np.int64)
    return Part(digest(text), by_account(lines.funds), lines.spent, [None, *map(_reason, lines.reasons)], allowances)


def budgets_of(parts: Iterable[Part]) -> Budgets:
    """Of all parts, in their order."""
    kept = tuple(parts)
    return Budgets(kept, digest(b"".join(part.digest for part in kept)).hex())


def digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=8).digest()


def by_account(funds: Sequence[Funds]) -> Mapping[Account, Funds]:
    """Campaigns by (owner, meta). Of two with the same the older one counts, as everywhere."""
    found: dict[Account, Funds] = {}
    for one in sorted(funds):
        found.setdefault((one.owner, one.meta), one)
    return found


def _reason(name: str) -> NoBidReason:
    known = NoBidReason._value2member_map_.get(name)
    return NoBidReason(name) if known else NoBidReason.BUDGET
