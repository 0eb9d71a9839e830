"""What may still be spent: one formula for the serving holds and for the ledger's last word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CampaignBudget:
    """Facts about one chain campaign, all micro-USDC; read by `backend.db.budgets` in one statement.

    `deposited` is without what came, or came back by a cancelled withdrawal, and is not confirmed; withdrawals and open
    requests count as soon as they are seen.
    `ledger_debits` is everything ever charged less what was given back (settled on chain or not); `open_charged` the
    part in no epoch yet (0 where no cap may bind); `epoch_cap` the least of the advertiser's caps that bind that epoch
    or a later one; `chain_debits` what final epochs took.
    """

    campaign: int
    owner: str
    meta: str
    active: bool
    deposited: int
    withdrawn: int
    reserved: int
    ledger_debits: int
    open_charged: int
    epoch_cap: int
    chain_debits: int = 0

    @property
    def spendable(self) -> int:
        """Most that may be charged now, never negative; the advertiser's epoch cap (0: none) binds as well.

        On chain remaining = deposited - withdrawn - reserved - debits final, and everything charged is either final
        or still to be proposed, so subtracting all ledger debits counts each exactly once. A ledger that knows less
        than the chain has lost rows that are being restored: until then nothing may be spent.
        """
        if self.ledger_debits < self.chain_debits:
            return 0
        left = self.deposited - self.withdrawn - self.reserved - self.ledger_debits
        if self.epoch_cap:
            left = min(left, self.epoch_cap - self.open_charged)
        return max(0, left)
