"""Decides the next step of the settlement from what the chain and our tables say now. No step depends on memory."""

from dataclasses import dataclass
from enum import Enum, auto

MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Span:
    """How many charges an epoch has, and when the oldest of them were decided (Unix milliseconds; None: there is no
    such charge). Conversions are apart: their decision may lie weeks back."""

    events: int
    oldest_ms: int | None
    oldest_conversion_ms: int | None


class Stage(Enum):
    """How far a closed epoch got before the chain. A bundle of an older attempt or another past counts as CLOSED."""

    CLOSED = auto()
    PUBLISHED = auto()
    ATTESTED = auto()


@dataclass(frozen=True, slots=True)
class Pending:
    """The proposal that waits on chain. `ours`: it is what our bundle says; `grace_over`: nobody should wait longer.
    `other_attempt`: our bundle is of another attempt at the same epoch, since a reorganisation undid a veto."""

    ours: bool
    window_passed: bool
    grace_over: bool = False
    other_attempt: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """`finalised` is the chain's last final epoch. `next_stage` is the stage of the first epoch that is not on chain:
    finalised + 1, or finalised + 2 while a proposal is pending; None when it is still open. `open_charges`: there is
    something to settle, also when it is only a withdrawal that waits for an epoch to become final. `stranded` is an
    epoch that was closed behind a proposal which has been vetoed since: the escrow no longer reserves withdrawals for
    it.
    `veto_confirmed`: that veto lies so deep that no reorganisation is expected to undo it.
    `missing` is the lowest epoch on chain that our tables do not have."""

    finalised: int
    pending: Pending | None
    next_stage: Stage | None
    open_charges: bool
    due: bool
    stranded: int | None = None
    missing: int | None = None
    veto_confirmed: bool = True

    @property
    def next_epoch(self) -> int:
        return self.finalised + (2 if self.pending else 1)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Wait: for charges, attestations or the challenge window. `why` is for the log."""

    why: str


@dataclass(frozen=True, slots=True)
class Close:
    epoch: int


@dataclass(frozen=True, slots=True)
class Reopen:
    """Undo the closing of an epoch that never got on chain, so that it is closed anew when its turn comes."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Restore:
    """Read an epoch that is on chain, but not in our tables, back from its bundle."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Publish:
    epoch: int


@dataclass(frozen=True, slots=True)
class Propose:
    epoch: int


@dataclass(frozen=True, slots=True)
class Roll:
    """Finalise `epoch - 1` and propose `epoch` in one transaction."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Finalise:
    epoch: int


Action = Nothing | Close | Reopen | Restore | Publish | Propose | Roll | Finalise


def next_action(facts: Facts) -> Action:
    """The one thing to do now. After a veto nothing is pending and the bundle is of an old attempt, so the stage is
    CLOSED: the same epoch is published, attested and proposed again."""
    if facts.missing is not None:
        return Restore(facts.missing)
    if facts.pending and not facts.pending.ours:
        # The same entries give the same bundle again, so the attempt that is back on chain becomes ours.
        again = Publish(facts.finalised + 1)
        return again if facts.pending.other_attempt else Nothing("the pending proposal is not in our tables")
    if facts.stranded is not None:
        return _reopen(facts, facts.stranded)
    if facts.next_stage is Stage.ATTESTED:
        return _to_chain(facts)
    if facts.next_stage is Stage.CLOSED:
        return Publish(facts.next_epoch)
    if facts.next_stage is None and facts.due and _can_follow(facts.pending):
        return Close(facts.next_epoch)
    return _finalise_alone(facts)


def _reopen(facts: Facts, stranded: int) -> Action:
    """What was signed for this epoch and attempt would be signed once: with the veto undone and the epoch closed anew,
    attestors would have to sign another digest for the same attempt, and they refuse."""
    return Reopen(stranded) if facts.veto_confirmed else Nothing("the veto may still be undone")


def _can_follow(pending: Pending | None) -> bool:
    """An epoch is closed when it can be proposed, not before: the escrow keeps withdrawals back for one epoch that is
    over and not on chain, and for the one that runs."""
    return pending is None or pending.window_passed


def _to_chain(facts: Facts) -> Action:
    if facts.pending is None:
        return Propose(facts.next_epoch)
    if facts.pending.window_passed:
        return Roll(facts.next_epoch)
    return Nothing("the challenge window is open")


def _finalise_alone(facts: Facts) -> Action:
    """Without anything to propose, finalise alone when no epoch follows soon: a later `roll` would be cheaper."""
    if facts.pending is None:
        return Nothing("no attestations yet" if facts.next_stage else "no charges that are due")
    if not facts.pending.window_passed:
        return Nothing("the challenge window is open")
    follows = facts.open_charges or facts.next_stage is not None
    if follows and not facts.pending.grace_over:
        return Nothing("the next epoch follows soon")
    return Finalise(facts.finalised + 1)


def is_due(now_ms: int, epoch_seconds: int, previous_to_ms: int | None, oldest_open_ms: int | None) -> bool:
    """An epoch is over `epoch_seconds` after the last one ended, or after its first charge if that came later."""
    if oldest_open_ms is None:
        return False
    return now_ms >= max(previous_to_ms or 0, oldest_open_ms) + 1_000 * epoch_seconds


def oldest_charge_ms(span: Span, now_ms: int, conversion_days_max: int) -> int | None:
    """When the oldest charge was decided, as far as it matters for the interval (Unix milliseconds): a conversion is as
    old as its decision less the longest lookback, so that it never stretches the interval for all other events."""
    conversion_ms = None if span.oldest_conversion_ms is None else (
        span.oldest_conversion_ms + MS_PER_DAY * conversion_days_max
    )
    known = [ms for ms in (span.oldest_ms, conversion_ms) if ms is not None and ms < now_ms]
    return min(known, default=None)


def interval_start(previous_to_ms: int | None, oldest_charge_ms: int, token_seconds: int) -> int:
    """Start of the interval: where the last one ended; earlier when charges were posted late, so that each was decided
    at most a token's life before it (verifiers then compare with more than one bundle for repetitions)."""
    if previous_to_ms is None:
        return oldest_charge_ms
    return min(previous_to_ms, oldest_charge_ms + 1_000 * token_seconds)
