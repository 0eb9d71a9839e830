"""Recomputes what waits for attestations and signs what it finds without any difference, and nothing else."""

import logging
from collections.abc import Iterator
from pathlib import Path

from backend.chain.client import EscrowClient
from backend.chain.proposal import Proposal
from backend.chain.signer import Signer
from backend.core.errors import Unavailable
from backend.core.ids import DUST_PUBLISHER, Address
from backend.settlement.attestation import compact, digest, settlement_of
from backend.settlement.attestor.client import PendingSettlement, Refusal, SettlementClient
from backend.settlement.attestor.store import AttestorFiles, EquivocationRefused
from backend.settlement.bundle import BundleError
from backend.settlement.history import OnChain, check_on_chain, settlements_before
from backend.settlement.statement import Statement, StatementError, data_hash
from backend.settlement.verify import Bundle, Settled, read_statement, verify

log = logging.getLogger("sightline.attestor")


class AttestorService:
    """One attestor. It trusts its own RPC and its own key; what the operator publishes is only a claim."""

    def __init__(self, client: SettlementClient, escrow: EscrowClient, signer: Signer, state: Path) -> None:
        self._client = client
        self._escrow = escrow
        self._chain_id = escrow.chain.chain_id
        self._signer = signer
        self._state = state
        self._opened: AttestorFiles | None = None
        self._refused: tuple[bytes, list[str]] | None = None

    @property
    def attestor(self) -> Address:
        return self._signer.address

    def step(self) -> bool:
        """Look at everything that waits once; True when something was attested."""
        waiting = [one for one in self._client.pending() if self.attestor not in one.attested_by]
        attested = [self.attest(one) for one in waiting]
        return any(attested)

    def attest(self, waiting: PendingSettlement) -> bool:
        """Verify, sign and send one settlement. False, with the reasons in the log, when it is refused."""
        epoch, attempt = waiting.epoch, waiting.attempt
        bundle = self._client.bundle(self._chain_id, epoch, attempt)
        differences = self.differences(epoch, attempt, bundle)
        if not differences:
            return self._sign(epoch, attempt, bundle)
        # Looked at again with every poll, since our RPC may be behind; told once.
        if (bundle.statement, differences) != self._refused:
            for difference in differences:
                log.error("epoch %d, attempt %d refused: %s", epoch, attempt, difference)
        self._refused = (bundle.statement, differences)
        return False

    def differences(self, epoch: int, attempt: int, bundle: Bundle) -> list[str]:
        """Everything in which a bundle differs from what the chain and its own events say."""
        try:
            statement = read_statement(bundle)
        except StatementError as error:
            return [str(error)]
        if (statement.epoch, statement.attempt) != (epoch, attempt):
            return [f"the bundle is of epoch {statement.epoch}, attempt {statement.attempt}"]
        try:
            return list(self._against_chain(statement)) or verify(bundle, self._earlier(bundle)).differences
        except (BundleError, StatementError) as error:
            return [str(error)]

    def _against_chain(self, statement: Statement) -> Iterator[str]:
        standing = self._escrow.standing()
        finalised, pending = standing.finalised, self._escrow.pending_proposal(standing)
        expected = (self._chain_id, self._escrow.address, self._escrow.payout)
        if (statement.chain_id, statement.contracts.escrow, statement.contracts.payout) != expected:
            yield "the statement is for another chain or other contracts"
            return
        follows_pending = pending is not None and statement.epoch == finalised + 2
        if statement.epoch != finalised + 1 and not follows_pending:
            yield f"epoch {statement.epoch} cannot be next: {finalised} is final, pending: {pending is not None}"
            return
        if statement.attempt != standing.attempt:
            yield f"attempt {statement.attempt} is over, the chain is at {standing.attempt}"
        last_root = pending.publishers_root if pending and follows_pending else self._escrow.last_root()
        if statement.previous_root != "0x" + last_root.hex():
            yield f"previous_root: stated {statement.previous_root}, on chain 0x{last_root.hex()}"
        if statement.fee_bps != self._escrow.fee_bps_at(statement.epoch):
            yield f"fee_bps: stated {statement.fee_bps}, on chain {self._escrow.fee_bps_at(statement.epoch)}"
        yield from self._against_budgets(statement, pending if follows_pending else None)
        if statement.epoch == 1:
            yield from self._against_treasury(statement)

    def _against_budgets(self, statement: Statement, pending: Proposal | None) -> Iterator[str]:
        """No campaign may be debited more than the escrow will let it."""
        wanted = {debit.campaign: int(debit.amount_micro_usdc) for debit in statement.debits}
        taken: dict[int, int] = {}
        if pending is not None:
            known = OnChain(pending.attempt, pending.data_hash)
            before = check_on_chain(self._copy(pending.epoch, known), pending.epoch, known)
            taken = {debit.campaign: int(debit.amount_micro_usdc) for debit in before.debits}
        limits = self._escrow.debit_limits(statement.epoch, wanted, taken, needed_seconds=0)
        for campaign, amount in wanted.items():
            if amount > limits[campaign]:
                yield f"debit of campaign {campaign}: {amount}, the escrow allows {limits[campaign]}"

    def _against_treasury(self, statement: Statement) -> Iterator[str]:
        treasury = self._escrow.treasury()
        for entry in statement.entries:
            if entry.index == DUST_PUBLISHER and entry.recipient != treasury:
                yield f"recipient of the dust account: stated {entry.recipient}, the treasury is {treasury}"

    def _earlier(self, bundle: Bundle) -> list[Settled]:
        def on_chain(epoch: int) -> OnChain:
            last = next(self._escrow.proposals(epoch), None)
            if last is None:
                raise Unavailable("chain_unavailable", f"the RPC does not know the proposal of epoch {epoch} yet")
            return OnChain(last.attempt, last.data_hash)

        return settlements_before(bundle, on_chain, self._copy)

    def _copy(self, epoch: int, known: OnChain) -> Bundle:
        """Our own copy of the bundle on chain, else what is published under its name."""
        own = self._files.bundle(epoch, known.attempt)
        if own is not None and data_hash(own.statement) == known.data_hash:
            return own
        return self._client.bundle(self._chain_id, epoch, known.attempt)

    def _sign(self, epoch: int, attempt: int, bundle: Bundle) -> bool:
        signed = digest(settlement_of(read_statement(bundle), bundle.statement), self._chain_id, self._escrow.address)
        try:
            self._files.promise(epoch, attempt, signed)     # first: a refused bundle must not replace the signed one
            self._files.keep_bundle(epoch, attempt, bundle)
            made = self._signer.sign_digest(signed)
            signature = "0x" + compact(made.r, made.s, made.parity).hex()
            self._client.attest(epoch, attempt, self.attestor, signature, "0x" + signed.hex())
        except (EquivocationRefused, Refusal) as refused:
            log.error("epoch %d, attempt %d not attested: %s", epoch, attempt, refused)
            return False
        log.info("epoch %d, attempt %d attested: 0x%s", epoch, attempt, signed.hex())
        return True

    @property
    def _files(self) -> AttestorFiles:
        if self._opened is None:
            genesis = self._escrow.chain.genesis()
            self._opened = AttestorFiles(self._state, self._chain_id, genesis, self._escrow.address)
        return self._opened

