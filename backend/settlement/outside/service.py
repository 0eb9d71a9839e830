"""Compares a published settlement with the chain and with its own events, for anybody who asks."""

from collections.abc import Iterator

from backend.chain.client import Chain, EscrowClient
from backend.chain.proposal import Proposal
from backend.core.errors import SightlineError
from backend.settlement.bundle import BundleError
from backend.settlement.history import OnChain, settlements_before
from backend.settlement.outside.client import BundleSource
from backend.settlement.statement import Statement, StatementError, data_hash
from backend.settlement.verify import read_statement, verify


def differences(rpc_url: str, statement: str, *, escrow: str | None = None, since: int = 0) -> list[str]:
    """Everything in which a settlement differs from the chain or from its own events; empty when it is right.

    `statement` is a path or URL; `escrow` the contract that it must belong to (else the one it names); `since` the
    block of its deployment, so that public RPCs need not search from the first. What cannot be read is a difference.
    """
    try:
        return list(_differences(rpc_url, BundleSource(statement), escrow, since))
    except (SightlineError, BundleError, StatementError) as error:
        return [str(error)]


def _differences(rpc_url: str, source: BundleSource, escrow: str | None, since: int) -> Iterator[str]:
    bundle = source.bundle()
    statement = read_statement(bundle)
    if escrow is not None and escrow.lower() != statement.contracts.escrow:
        yield f"contracts.escrow: stated {statement.contracts.escrow}, expected {escrow.lower()}"
        return
    client = EscrowClient(Chain(rpc_url, statement.chain_id), statement.contracts.escrow, since=since)
    if client.payout != statement.contracts.payout:
        yield f"contracts.payout: stated {statement.contracts.payout}, on chain {client.payout}"
    proposals = list(client.proposals(statement.epoch))
    hashed = data_hash(bundle.statement)
    proposal = next((one for one in proposals if one.data_hash == hashed), None)
    if proposal is None:
        on_chain = ", ".join("0x" + one.data_hash.hex() for one in proposals) or "nothing"
        yield f"data_hash: the statement hashes to 0x{hashed.hex()}, proposed for epoch {statement.epoch}: {on_chain}"
    else:
        yield from _against_proposal(statement, proposal)
        yield from _against_finality(statement, proposal is proposals[0], client)

    def last_proposal(epoch: int) -> OnChain:
        last = next(client.proposals(epoch), None)
        if last is None:
            raise BundleError(f"epoch {epoch} was never proposed on chain")
        return OnChain(last.attempt, last.data_hash)

    yield from verify(bundle, settlements_before(bundle, last_proposal, source.other)).differences


def _against_proposal(statement: Statement, proposal: Proposal) -> Iterator[str]:
    pairs = (
        ("attempt", statement.attempt, proposal.attempt),
        ("publishers_root", statement.publishers_root, "0x" + proposal.publishers_root.hex()),
        ("debits_hash", statement.debits_hash, "0x" + proposal.debits_hash.hex()),
        ("total", int(statement.totals.total_micro_usdc), proposal.total),
        ("publishers", statement.publishers, proposal.publishers),
        ("ruleset", statement.ruleset.sha256, "0x" + proposal.ruleset.hex()),
    )
    for what, stated, on_chain in pairs:
        if stated != on_chain:
            yield f"{what}: stated {stated}, on chain {on_chain}"


def _against_finality(statement: Statement, newest: bool, client: EscrowClient) -> Iterator[str]:
    """A final epoch took the stated fee; one that is not final yet must name the fee that will be taken."""
    final = client.finalised(statement.epoch)
    if not newest or (final is None and statement.attempt != client.attempt()):
        yield f"attempt {statement.attempt} was vetoed"
        return
    if final is None:
        fee_bps = client.fee_bps_at(statement.epoch)
        if statement.fee_bps != fee_bps:
            yield f"fee_bps: stated {statement.fee_bps}, on chain {fee_bps}"
        return
    if final.publishers_root != bytes.fromhex(statement.publishers_root[2:]):
        yield f"publishers_root: final is 0x{final.publishers_root.hex()}"
    if final.fee != int(statement.totals.fee_micro_usdc):
        yield f"fee: stated {statement.totals.fee_micro_usdc}, on chain {final.fee}"
