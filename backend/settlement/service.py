"""Takes one step of the settlement at a time: read chain and tables, decide, do. Every step can be repeated."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from backend.chain.client import EscrowClient, Reverted
from backend.chain.proposal import NO_PROPOSAL, Proposal
from backend.core.errors import Conflict, Unavailable
from backend.core.ids import DUST_PUBLISHER
from backend.core.ruleset import Ruleset
from backend.core.transfers import Transfer
from backend.db.engine import Connection, Engine
from backend.db.ledger import wait_for_lock, write_transfers
from backend.settlement import store
from backend.settlement.attestation import Settlement, digest, quorum, settlement_of
from backend.settlement.bundle import decode_events, decompress
from backend.settlement.closing import DEBIT_WORDS_MAX, Closing, OpenCharges, can_settle, close, groups_by_age
from backend.settlement.drafting import Closed, Place, draft
from backend.settlement.epoch import (
    Action,
    Close,
    Facts,
    Finalise,
    Nothing,
    Pending,
    Propose,
    Publish,
    Reopen,
    Restore,
    Roll,
    Stage,
    interval_start,
    is_due,
    next_action,
    oldest_charge_ms,
)
from backend.settlement.history import OnChain, check_on_chain
from backend.settlement.publication.store import BundleFiles
from backend.settlement.recovery import store as recovery
from backend.settlement.recovery.books import charges_of, closing_of
from backend.settlement.statement import ZERO_ROOT, Statement, data_hash, decode
from backend.settlement.store import EpochRow
from backend.settlement.tree import encode_debits
from backend.settlement.verify import Bundle

log = logging.getLogger("sightline.settlement")

# A withdrawal that may escape within that many windows is not counted on.
WINDOWS_TO_FINALITY = 3


class EpochService:
    """Closes epochs and brings them on chain. One process at a time: the operator's lock decides which."""

    def __init__(
        self,
        engine: Engine,
        escrow: EscrowClient,
        bundles: BundleFiles,
        ruleset: Ruleset,
        epoch_seconds: int,
        confirmations: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._escrow = escrow
        self._bundles = bundles
        self._ruleset = ruleset
        self._epoch_seconds = epoch_seconds
        self._confirmations = confirmations
        self._clock = clock
        self._decoded: tuple[str, Statement, bytes] | None = None   # the last statement read, by its hash

    def step(self) -> bool:
        """Do the next thing; False when there is nothing to do now, or another process does it."""
        with self._engine.begin() as lock:
            if not store.try_operator_lock(lock):
                return False
            facts = self.facts()
            action = next_action(facts)
            if self._try(action):
                return True
            # Open charges that the chain would refuse now must not keep a proposal from becoming final.
            return isinstance(action, Close) and self._try(next_action(replace(facts, due=False, open_charges=False)))

    def _try(self, action: Action) -> bool:
        try:
            return self.perform(action)
        except Reverted as refused:
            # The head moved between reading and sending, or the contract is paused: look again later.
            log.warning("%s: %s", action, refused)
            return False

    def facts(self) -> Facts:
        """What chain and tables say now. Statuses in our tables are corrected on the way."""
        standing = self._escrow.standing()
        finalised, attempt = standing.finalised, standing.attempt
        proposal = self._escrow.pending_proposal(standing)
        following = finalised + (2 if proposal else 1)
        awaited = self._is_awaited(following)
        with self._engine.begin() as connection:
            pending = self._pending(connection, proposal)
            ours = finalised + 1 if pending and pending.ours else None
            store.sync_statuses(connection, finalised, ours)
            row = store.read_epoch(connection, following)
            later = store.read_epoch(connection, finalised + 2)
            before = store.read_epochs(connection, 1)
            oldest = store.first_open_charge(connection)
            oldest_ms = int(oldest[:12], 16) if oldest else 0 if awaited else None
            stranded = later is not None and later.attempt < attempt
            return Facts(
                finalised=finalised,
                pending=pending,
                next_stage=self._stage(connection, row, attempt),
                open_charges=oldest_ms is not None,
                due=is_due(self._now_ms(), self._epoch_seconds, before[0].to_ms if before else None, oldest_ms),
                missing=recovery.first_missing(connection, finalised + (1 if proposal else 0)),
                stranded=finalised + 2 if stranded else None,
                veto_confirmed=not stranded or self._veto_is_confirmed(finalised + 1),
            )

    def _veto_is_confirmed(self, epoch: int) -> bool:
        vetoed = self._escrow.vetoed_in(epoch)
        return vetoed is not None and self._escrow.chain.head().number - vetoed >= self._confirmations

    def perform(self, action: Action) -> bool:
        """Do what was decided; False when nothing came of it. Raises Reverted when the contract refuses."""
        match action:
            case Nothing():
                return False
            case Close(epoch):
                done = self._close(epoch)
            case Reopen(epoch):
                done = self._reopen(epoch)
            case Restore(epoch):
                done = self._restore(epoch)
            case Publish(epoch):
                done = self._publish(epoch)
            case Propose(epoch):
                done = self._propose(epoch)
            case Roll(epoch):
                done = self._roll(epoch)
            case Finalise(epoch):
                done = self._finalise(epoch)
        log.info("%s: %s", action, "done" if done else "nothing came of it")
        return done

    def _pending(self, connection: Connection, proposal: Proposal | None) -> Pending | None:
        if proposal is None:
            return None
        row = store.read_epoch(connection, proposal.epoch)
        now = max(self._escrow.chain.now(), int(self._clock()))
        return Pending(
            ours=row is not None and row.data_hash == _hex(proposal.data_hash),
            window_passed=now >= proposal.active_at,
            grace_over=now >= proposal.active_at + self._epoch_seconds,
            other_attempt=row is not None and row.attempt != proposal.attempt,
        )

    def _stage(self, connection: Connection, row: EpochRow | None, attempt: int) -> Stage | None:
        if row is None:
            return None
        if row.status == "closed" or row.attempt != attempt or self._statement(row) is None:
            return Stage.CLOSED
        if row.previous_root != self._previous_root(connection, row.epoch):
            return Stage.CLOSED
        return Stage.PUBLISHED if self._quorum(connection, row) is None else Stage.ATTESTED

    def _close(self, epoch: int) -> bool:
        """Close an epoch in one transaction; False when none of the open charges can be settled now.

        An epoch without charges is closed when a withdrawal waits for it.
        """
        now_ms = self._now_ms()
        fee_bps = self._escrow.fee_bps_at(epoch)
        treasury = self._escrow.treasury()
        attempt = self._escrow.attempt()
        if not self._is_next(epoch):
            return False
        limits = self._limits(epoch, now_ms)
        awaited = self._is_awaited(epoch)
        with self._engine.begin() as connection:
            wait_for_lock(connection)
            before = self._before(connection, epoch)
            store.assign_charges(connection, epoch, now_ms, limits)
            charges = store.read_charges(connection, epoch)
            if not charges and not awaited:
                return False
            span = store.read_span(connection, epoch)
            oldest = oldest_charge_ms(span, now_ms, self._ruleset.conversion_days_max)
            from_ms = self._from_ms(before, oldest, now_ms)
            previous = {line.index: line for line in store.read_lines(connection, epoch - 1)}
            wallets = store.read_wallets(connection, [charge.publisher for charge in charges])
            closing = close(charges, fee_bps, previous, {**wallets, DUST_PUBLISHER: treasury})
            write_transfers(connection, closing.transfers, epoch=epoch)
            store.insert_epoch(connection, epoch, attempt, (from_ms, now_ms), span.events, closing)
        return True

    def _is_awaited(self, epoch: int) -> bool:
        """Whether a withdrawal waits for an epoch. Apart from other work, so that the mirror is not held up by it."""
        with self._engine.connect() as connection:
            return store.is_awaited(connection, self._place.chain_id, epoch)

    def _from_ms(self, before: EpochRow | None, oldest_ms: int | None, now_ms: int) -> int:
        """Where the interval of an epoch starts whose oldest charge was decided at `oldest_ms`, if it has any."""
        previous_to_ms = before.to_ms if before else None
        if oldest_ms is None:
            return now_ms - 1_000 * self._epoch_seconds if previous_to_ms is None else previous_to_ms
        return interval_start(previous_to_ms, oldest_ms, self._ruleset.token_seconds)

    def _is_next(self, epoch: int) -> bool:
        """Whether an epoch is the first that is not on chain. A veto after this is seen by the attempt read before."""
        is_pending = self._escrow.pending() != NO_PROPOSAL
        return epoch == self._escrow.epoch() + (2 if is_pending else 1)

    def _before(self, connection: Connection, epoch: int) -> EpochRow | None:
        row = store.read_epoch(connection, epoch - 1)
        if row is None and epoch > 1:
            raise Conflict("epoch_unknown", f"epoch {epoch - 1} is on chain but not in our tables: restore it first")
        return row

    def _limits(self, epoch: int, now_ms: int) -> dict[int, int]:
        """What each campaign can be debited so that the chain cannot refuse the epoch; only groups that fit."""
        with self._engine.connect() as connection:
            waiting = store.read_open(connection, now_ms)
            pending = store.read_debits(connection, epoch - 1) if self._escrow.epoch() + 2 == epoch else {}
        groups = groups_by_age(waiting)
        chosen: list[list[OpenCharges]] = []
        limits: dict[int, int] = {}
        # Attesting takes a while, then comes the window, then somebody finalises.
        needed_seconds = WINDOWS_TO_FINALITY * self._escrow.window_seconds()
        while groups and len(chosen) < DEBIT_WORDS_MAX:
            asked, groups = groups[:DEBIT_WORDS_MAX], groups[DEBIT_WORDS_MAX:]
            wanted = {one.campaign: one.amount for group in asked for one in group}
            limits |= self._escrow.debit_limits(epoch, wanted, pending, needed_seconds)
            chosen += [group for group in asked if can_settle(group, limits)]
        fitting = [one for group in chosen[:DEBIT_WORDS_MAX] for one in group]
        for one in fitting:
            if limits[one.campaign] < one.amount:
                log.warning(
                    "campaign %d: only %d of %d fit epoch %d", one.campaign, limits[one.campaign], one.amount, epoch
                )
        return {one.campaign: limits[one.campaign] for one in fitting}

    def _reopen(self, epoch: int) -> bool:
        """Undo `_close`: reverse its transfers and set its charges free."""
        with self._engine.begin() as connection:
            wait_for_lock(connection)
            return self._undo_closing(connection, epoch)

    def _undo_closing(self, connection: Connection, epoch: int) -> bool:
        row = store.read_epoch(connection, epoch)
        if row is None:
            return False
        closing = self._closing(connection, row)
        reversed_transfers = [
            Transfer(one.kind, one.credit_account, one.debit_account, one.amount_micro_usdc)
            for one in closing.transfers
        ]
        write_transfers(connection, reversed_transfers, epoch=epoch)
        store.delete_epoch(connection, epoch)
        return True

    def _restore(self, epoch: int) -> bool:
        """Write an epoch that is on chain into our tables again. Charges that were not proposed are lost with them."""
        proposal = next(self._escrow.proposals(epoch), None)
        if proposal is None:
            raise Unavailable("chain_unavailable", f"the RPC does not know the proposal of epoch {epoch} yet")
        bundle = self._bundles.read(self._place.chain_id, epoch, proposal.attempt)
        if bundle is None:
            folder = self._bundles.folder(self._place.chain_id, epoch, proposal.attempt)
            raise Conflict("bundle_missing", f"epoch {epoch} is on chain; put its bundle back into {folder}")
        statement = check_on_chain(bundle, epoch, OnChain(proposal.attempt, proposal.data_hash))
        events = decode_events(decompress(bundle.events, statement.events.bytes))
        with self._engine.begin() as connection:
            wait_for_lock(connection)
            self._undo_closing(connection, epoch)     # a backup may hold it as closed, with other charges
            closing = closing_of(statement, events, store.read_lines(connection, epoch - 1))
            recovery.insert_events(connection, epoch, events)
            recovery.insert_publishers(connection, [line for line in closing.lines if line.index != DUST_PUBLISHER])
            charges = charges_of(events)
            revived = recovery.revive_charges(connection, charges)
            write_transfers(connection, revived, epoch=0)
            known = recovery.adopt_charges(connection, epoch, charges)
            fresh = [charge for charge in charges if charge.event_id not in known]
            write_transfers(connection, fresh, epoch=epoch)
            write_transfers(connection, closing.transfers, epoch=epoch)
            interval = (statement.interval.from_ms, statement.interval.to_ms)
            store.insert_epoch(connection, epoch, statement.attempt, interval, len(events), closing)
            recovery.add_spend(connection, [*fresh, *revived])
            store.mark_published(connection, epoch, statement.attempt, _hashes(statement, bundle))
        return True

    def _closing(self, connection: Connection, row: EpochRow) -> Closing:
        """The numbers of a closed epoch, computed again and compared with what was stored."""
        charges = store.read_charges(connection, row.epoch)
        previous = {line.index: line for line in store.read_lines(connection, row.epoch - 1)}
        stored = store.read_lines(connection, row.epoch)
        recipients = {line.index: line.recipient for line in stored}
        closing = close(charges, self._escrow.fee_bps_at(row.epoch), previous, recipients)
        if closing.lines != stored or closing.debits != store.read_debits(connection, row.epoch):
            raise Conflict("epoch_changed", f"epoch {row.epoch} is not what its charges say")
        return closing

    def _publish(self, epoch: int) -> bool:
        attempt = self._escrow.attempt()
        ruleset = replace(self._ruleset, fee_bps=self._escrow.fee_bps_at(epoch))
        with self._engine.begin() as connection:
            row = store.read_epoch(connection, epoch)
            if row is None:
                return False
            closing = self._closing(connection, row)
            closed = Closed(
                epoch, attempt, row.from_ms, row.to_ms, row.total, row.fee, row.dust, closing.lines, closing.debits
            )
            previous_root = self._previous_root(connection, epoch)
            events = store.read_events(connection, epoch)
            statement, bundle = draft(closed, self._place, ruleset, previous_root, events)
            self._bundles.write(self._place.chain_id, epoch, attempt, bundle)
            store.mark_published(connection, epoch, attempt, _hashes(statement, bundle))
        return True

    def _propose(self, epoch: int) -> bool:
        with self._engine.connect() as connection:
            row = self._row(connection, epoch)
            signatures = self._quorum(connection, row)
        if signatures is None:
            return False
        self._escrow.propose(_proposal(self._settlement(row)), signatures)
        return True

    def _roll(self, epoch: int) -> bool:
        pending = self._escrow.pending_proposal()
        with self._engine.connect() as connection:
            row = self._row(connection, epoch)
            signatures = self._quorum(connection, row)
            debits = encode_debits(store.read_debits(connection, epoch - 1))
        if pending is None or pending.epoch != epoch - 1 or signatures is None:
            return False
        self._escrow.roll(pending, debits, _proposal(self._settlement(row)), signatures)
        return True

    def _finalise(self, epoch: int) -> bool:
        pending = self._escrow.pending_proposal()
        with self._engine.connect() as connection:
            debits = encode_debits(store.read_debits(connection, epoch))
        if pending is None or pending.epoch != epoch:
            return False
        self._escrow.finalize(pending, debits)
        return True

    def _quorum(self, connection: Connection, row: EpochRow) -> list[bytes] | None:
        """Signatures of a quorum over what we published, for attestors who are registered now."""
        signed = _hex(digest(self._settlement(row), self._place.chain_id, self._place.escrow))
        made = {
            attestor: bytes.fromhex(signature.removeprefix("0x"))
            for attestor, over, signature in store.read_attestations(connection, row.epoch, row.attempt)
            if over == signed
        }
        threshold = self._escrow.threshold()
        if len(made) < threshold:
            return None
        registered = [attestor for attestor in made if self._escrow.is_attestor(attestor)]
        return quorum(made, registered, threshold)

    def _row(self, connection: Connection, epoch: int) -> EpochRow:
        row = store.read_epoch(connection, epoch)
        if row is None:
            raise Conflict("epoch_unknown", f"epoch {epoch} is not in our tables")
        return row

    def _statement(self, row: EpochRow) -> tuple[Statement, bytes] | None:
        """The published statement, if it is there and is the one that our tables mean."""
        if self._decoded is None or self._decoded[0] != row.data_hash:
            raw = self._bundles.read_statement(self._place.chain_id, row.epoch, row.attempt)
            if raw is None or _hex(data_hash(raw)) != row.data_hash:
                return None
            self._decoded = (row.data_hash, decode(raw), raw)
        return self._decoded[1:]

    def _settlement(self, row: EpochRow) -> Settlement:
        found = self._statement(row)
        if found is None:
            raise Unavailable("bundle_missing", f"the bundle of epoch {row.epoch} is not on disk")
        return settlement_of(*found)

    def _previous_root(self, connection: Connection, epoch: int) -> str:
        if epoch == 1:
            return ZERO_ROOT
        before = self._before(connection, epoch)
        return (before.publishers_root if before else None) or ZERO_ROOT

    @property
    def _place(self) -> Place:
        return Place(self._escrow.chain.chain_id, self._escrow.address, self._escrow.payout)

    def _now_ms(self) -> int:
        return int(self._clock() * 1_000)


def _proposal(settlement: Settlement) -> Proposal:
    return Proposal(
        settlement.epoch, settlement.attempt, settlement.publishers_root, settlement.debits_hash,
        settlement.total_debit, settlement.publishers, settlement.ruleset_hash, settlement.data_hash, active_at=0,
    )


def _hashes(statement: Statement, bundle: Bundle) -> dict[str, str]:
    return {
        "previous_root": statement.previous_root, "publishers_root": statement.publishers_root,
        "debits_hash": statement.debits_hash, "data_hash": _hex(data_hash(bundle.statement)),
        "ruleset_hash": statement.ruleset.sha256,
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
