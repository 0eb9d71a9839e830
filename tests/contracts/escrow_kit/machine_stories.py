"""Several turns in a row that chance alone would seldom put together."""

from escrow_kit.machine_advertisers import CAMPAIGN, PERCENT
from escrow_kit.machine_settlers import NEWCOMERS, PERCENTS, SHARES, SIGNERS
from escrow_kit.machine_stage import KEEPER, has_final, turn
from escrow_kit.machine_whims import Whims


class Stories(Whims):
    """Turns made of other turns. Each step may fail where the model says so."""

    @turn(3, campaign=CAMPAIGN, percent=PERCENT, percents=PERCENTS, choice=SIGNERS)
    def leave(self, campaign: int, percent: int, percents: list[int], choice: int) -> None:
        """L4, L14: what is withdrawn in the end is what the epochs in service at the request have left over."""
        self.request_withdrawal(campaign, percent, True)
        budget = self.model.budget(self.model.known(campaign))
        if budget and budget.reserved and choice % 2:
            # Too early: the notice is over, the epochs are not.
            self.wait_until(budget.executable_at)
            self.withdraw_from(self.model.known(campaign), True, "self")
        while budget and budget.reserved and self.model.epoch < budget.after_epoch:
            self.settle_one(percents, choice)
            if self.model.pending:
                return  # it could not become final
        if budget and budget.reserved:
            self.wait_until(budget.executable_at)
            self.withdraw_from(self.model.known(campaign), True, "self")

    def settle_one(self, percents: list[int], choice: int) -> None:
        """One epoch more, unless a pause or a whim of the token is in the way."""
        if self.model.pending is None:
            self.wait_until(self.model.escrow_pause.until)
            self.propose(percents, [1], 0, "", choice)
        self.finalize(waits=True, sender=KEEPER)

    @turn(2, when=has_final, percents=PERCENTS, shares=SHARES, newcomers=NEWCOMERS, choice=SIGNERS)
    def settle_and_pay(self, percents: list[int], shares: list[int], newcomers: int, choice: int) -> None:
        """L5, L6: one publisher by claim, the rest by range; who claimed is not paid again."""
        if self.model.pending is None and not self.model.escrow_pause.running:
            self.settle_an_epoch(percents, shares, newcomers, choice)
        self.wait_until(self.model.payout_pause.until)
        self.claim(choice % 4, 0, "")
        self.pay_range(0, 3, 0, "")

    @turn(2, percents=PERCENTS, shares=SHARES, choice=SIGNERS)
    def roll_three_times(self, percents: list[int], shares: list[int], choice: int) -> None:
        """L3, L9: as the operator does, one transaction an epoch."""
        for _ in range(3):
            if self.model.pending is None:
                self.propose(percents, shares, 1, "", choice)
            else:
                self.roll(percents, shares, 1, "", choice, True)
