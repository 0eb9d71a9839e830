"""What a deployment looks like at one block, and what would be wrong with it. Pure: facts in, judgement out.

`state_reader.py` reads the facts, `status_tables.py` shows them. Amounts are micro-USDC, times Unix
seconds, durations seconds, hashes 0x-hex.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# `propose_config` in contracts/modules/configuration.vy: kind, and what its value is.
KINDS = {
    1: ("operator", "address"),
    2: ("guardian", "address"),
    3: ("attestor to add", "address"),
    4: ("attestor to remove", "address"),
    5: ("threshold", "attestors"),
    6: ("fee", "bps"),
    7: ("challenge window", "seconds"),
    8: ("notice", "seconds"),
    9: ("treasury", "address"),
}
ATTESTOR_ADD = 3
# APPLY_SECONDS_MAX there: a change that nobody applied in this time is void and has to be cancelled.
APPLY_SECONDS_MAX = 30 * 86_400
NO_HASH = "0x" + "00" * 32
NOBODY = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Money:
    """What the contracts hold and owe. The payout contract owes what final epochs moved there and nobody was paid."""

    campaigns: int
    requests: int
    escrow_balance: int
    remaining: int
    reserved: int
    fees: int
    payout_balance: int
    settled: int
    paid: int

    @property
    def escrow_owes(self) -> int:
        return self.remaining + self.reserved + self.fees

    @property
    def payout_owes(self) -> int:
        return self.settled - self.paid

    @property
    def solvent(self) -> bool:
        """Whether both contracts can pay everybody now (L1, L2). More than they owe is a donation, and no fault."""
        return self.escrow_balance >= self.escrow_owes and self.payout_balance >= self.payout_owes


@dataclass(frozen=True, slots=True)
class Pending:
    """The pending proposal. Its log's facts are None when the node does not have the log."""

    epoch: int
    hash: str
    root: str | None
    total: int | None
    publishers: int | None
    active_at: int | None


@dataclass(frozen=True, slots=True)
class Epochs:
    """Where the settlement stands."""

    final: int
    attempt: int
    last_root: str
    active_root: str
    last_active_at: int
    pending: Pending | None


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what. `attestors` are those that we could name, out of `attestor_count`."""

    owner: str
    pending_owner: str
    operator: str
    guardian: str
    treasury: str
    attestors: tuple[str, ...]
    attestor_count: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Terms:
    """Fee in basis points and times. A changed fee waits in `next_fee_bps` for epoch `next_fee_epoch`."""

    fee_bps: int
    fee_bps_max: int
    next_fee_bps: int | None
    next_fee_epoch: int | None
    window: int
    notice: int
    timelock: int
    escape: int


@dataclass(frozen=True, slots=True)
class Change:
    """An announced configuration change that is neither applied nor cancelled; `value` is a word of 32 bytes."""

    kind: int
    value: str
    active_at: int

    @property
    def expires_at(self) -> int:
        return self.active_at + APPLY_SECONDS_MAX

    def stage(self, now: int) -> str:
        """What the owner can do with it now."""
        if now < self.active_at:
            return "waiting"
        return "applicable" if now <= self.expires_at else "expired"


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a contract: keccak256 of what is deployed, and how it differs from the local build, if it does."""

    name: str
    address: str
    code_hash: str
    difference: str | None


@dataclass(frozen=True, slots=True)
class State:
    """Everything at one block. `paused_until` of the two contracts is in the past when no pause is running."""

    chain_id: int
    block: int
    time: int
    token: str
    money: Money
    epochs: Epochs
    roles: Roles
    terms: Terms
    escrow_paused_until: int
    payout_paused_until: int
    changes: tuple[Change, ...]
    code: tuple[Code, ...]

    @property
    def escape_at(self) -> int:
        """When withdrawals stop waiting for epochs, unless the operator shows up before."""
        return self.epochs.last_active_at + self.terms.escape


def problems(state: State, planned: Mapping[str, object]) -> list[str]:
    """What a person has to look at, in words; empty when all is well. `planned` are the parameters of the file."""
    return [*_money_problems(state.money), *_code_problems(state.code), *_role_problems(state, planned)]


def changed_terms(terms: Terms, planned: Mapping[str, object]) -> dict[str, object]:
    """By name what the file says of terms that are others now. The owner may change fee, window and notice."""
    names = {"fee_bps": "fee_bps", "window": "window_seconds", "notice": "notice_seconds"}
    file = {name: planned[key] for name, key in names.items() if key in planned}
    return {name: value for name, value in file.items() if value != getattr(terms, name)}


def announced(kind: int, value: str) -> tuple[str, int | str]:
    """(what changes, its new value as an address or a number) of a configuration change."""
    name, unit = KINDS.get(kind, (f"kind {kind}", "number"))
    return name, ("0x" + value[-40:] if unit == "address" else int(value, 16))


def usdc(micro: int) -> str:
    """1234567890 -> "1,234.567890"."""
    return f"{micro // 10**6:,}.{micro % 10**6:06d}"


def lanes_sum(words: Sequence[int]) -> int:
    """Sum of the budgets in storage words of four lanes; the budget is the low 62 bits of a lane of 64."""
    return sum((word >> bit) & (2**62 - 1) for word in words for bit in (0, 64, 128, 192))


def _money_problems(money: Money) -> list[str]:
    found = []
    for name, balance, owes in (
        ("escrow", money.escrow_balance, money.escrow_owes),
        ("payout contract", money.payout_balance, money.payout_owes),
    ):
        if balance < owes:
            found.append(f"the {name} is insolvent: it owes {usdc(owes)} USDC and holds {usdc(balance)}")
    return found


def _code_problems(code: Sequence[Code]) -> list[str]:
    return [f"the code of {one.name} is not the local build: {one.difference}" for one in code if one.difference]


def _role_problems(state: State, planned: Mapping[str, object]) -> list[str]:
    roles, terms = state.roles, state.terms
    now: dict[str, object] = {name: getattr(roles, name) for name in ("owner", "operator", "guardian", "treasury")}
    now |= {"threshold": roles.threshold, "fee_bps_max": terms.fee_bps_max}
    now |= {"timelock_seconds": terms.timelock, "escape_seconds": terms.escape}
    found = [
        f"{name} is {value}, the deployment's file says {planned[name]}"
        for name, value in now.items()
        if name in planned and str(value).lower() != str(planned[name]).lower()
    ]
    expected = planned.get("attestors")
    if isinstance(expected, list):
        found += _attestor_problems(roles, [str(address) for address in expected])
    unnamed = roles.attestor_count - len(roles.attestors)
    if unnamed:
        found.append(f"{unnamed} of {roles.attestor_count} attestors are neither in the file nor in the logs")
    return found


def _attestor_problems(roles: Roles, expected: Sequence[str]) -> list[str]:
    present, planned = ({address.lower() for address in some} for some in (roles.attestors, expected))
    more = [f"attestor {address} is not in the deployment's file" for address in sorted(present - planned)]
    less = [f"attestor {address} of the deployment's file is none any more" for address in sorted(planned - present)]
    return more + less
