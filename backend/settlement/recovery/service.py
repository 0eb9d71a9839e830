"""Reads an epoch that is on chain back from its bundle, so that a lost database costs no earnings."""

from backend.chain.client import EscrowClient
from backend.core.errors import Conflict, Unavailable
from backend.core.ids import DUST_PUBLISHER
from backend.core.transfers import Transfer, campaign_account, earned_account
from backend.db.engine import Engine
from backend.db.ledger import wait_for_lock, write_transfers
from backend.settlement import store
from backend.settlement.bundle import ChargedEvent, decode_events, decompress
from backend.settlement.closing import Charge, PublisherLine, close
from backend.settlement.history import OnChain, check_on_chain
from backend.settlement.publication.store import BundleFiles
from backend.settlement.recovery import store as recovered
from backend.settlement.statement import Entry, Statement, data_hash


class Recovery:
    """Restores one epoch a call, the lowest first. What was charged but not settled is lost with the database."""

    def __init__(self, engine: Engine, escrow: EscrowClient, bundles: BundleFiles) -> None:
        self._engine = engine
        self._escrow = escrow
        self._bundles = bundles

    def restore(self, epoch: int) -> bool:
        """Restore an epoch that is proposed or final. Raises Conflict `bundle_missing` and BundleError."""
        proposal = next(self._escrow.proposals(epoch), None)
        if proposal is None:
            raise Unavailable("chain_unavailable", f"the RPC does not know the proposal of epoch {epoch} yet")
        bundle = self._bundles.read(self._escrow.chain.chain_id, epoch, proposal.attempt)
        if bundle is None:
            folder = self._bundles.folder(self._escrow.chain.chain_id, epoch, proposal.attempt)
            raise Conflict("bundle_missing", f"epoch {epoch} is on chain; put its bundle back into {folder}")
        statement = check_on_chain(bundle, epoch, OnChain(proposal.attempt, proposal.data_hash))
        events = decode_events(decompress(bundle.events, statement.events.bytes))
        self._write(statement, events, "0x" + data_hash(bundle.statement).hex())
        return True

    def _write(self, statement: Statement, events: list[ChargedEvent], hashed: str) -> None:
        epoch = statement.epoch
        lines = [_line(entry) for entry in statement.entries]
        charges = [Charge(event.campaign, event.publisher, event.price_micro_usdc) for event in events]
        with self._engine.begin() as connection:
            wait_for_lock(connection)
            previous = {line.index: line for line in store.read_lines(connection, epoch - 1)}
            closing = close(charges, statement.fee_bps, previous, {line.index: line.recipient for line in lines})
            if closing.lines != lines:
                raise Conflict("epoch_changed", f"the bundle of epoch {epoch} does not follow from the one before")
            recovered.insert_events(connection, epoch, events)
            recovered.insert_publishers(connection, [line for line in lines if line.index != DUST_PUBLISHER])
            write_transfers(connection, [_charge(event) for event in events], epoch=epoch)
            write_transfers(connection, closing.transfers, epoch=epoch)
            interval = (statement.interval.from_ms, statement.interval.to_ms)
            store.insert_epoch(connection, epoch, statement.attempt, interval, len(events), closing)
            recovered.add_spend(connection, epoch)
            store.mark_published(connection, epoch, statement.attempt, {
                "previous_root": statement.previous_root, "publishers_root": statement.publishers_root,
                "debits_hash": statement.debits_hash, "data_hash": hashed, "ruleset_hash": statement.ruleset.sha256,
            })


def _line(entry: Entry) -> PublisherLine:
    return PublisherLine(
        entry.index, entry.recipient, int(entry.gross_micro_usdc), int(entry.net_micro_usdc),
        int(entry.cumulative_micro_usdc),
    )


def _charge(event: ChargedEvent) -> Transfer:
    return Transfer(
        "charge", campaign_account(event.campaign), earned_account(event.publisher), event.price_micro_usdc,
        event.event_id,
    )
