"""Everybody at once: a machine that plays all roles against both contracts and a model of what they must hold."""

from dataclasses import dataclass, field

import boa
from escrow_kit.pair import (
    ESCAPE,
    FEE_BPS,
    GUARDIAN,
    NOTICE,
    USDC,
    WINDOW,
    Pair,
    Settlement,
    claim_arguments,
    deploy_pair,
    role,
    settlement,
    word,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

PUBLISHERS = 6
CAMPAIGNS_MAX = 6
LONG = settings.default.max_examples if settings.default.max_examples > 100 else 15
CAMPAIGN = st.integers(0, CAMPAIGNS_MAX - 1)
PART = st.integers(0, 100)
PERCENTS = st.lists(PART, min_size=CAMPAIGNS_MAX, max_size=CAMPAIGNS_MAX)
SHARES = st.lists(PART, min_size=1, max_size=PUBLISHERS)


@dataclass
class Budget:
    """What a campaign must hold, in micro-USDC."""

    remaining: int
    reserved: int = 0
    executable_at: int = 0
    after_epoch: int = 0
    caps: list[tuple[int, int]] = field(default_factory=list)

    def cap_at(self, epoch: int) -> int:
        """The latest wish whose time has come; a wish for an epoch overrules earlier wishes for it and later ones."""
        holding = [cap for from_epoch, cap in self.caps if from_epoch <= epoch]
        return holding[-1] if holding else 0

    def available(self, epoch: int) -> int:
        """What `epoch` may debit."""
        funds = self.remaining + (self.reserved if epoch <= self.after_epoch else 0)
        cap = self.cap_at(epoch)
        return min(funds, cap) if cap else funds


class MoneyPath(RuleBasedStateMachine):
    """Advertiser, publisher, operator, attestors, guardian, keeper and stranger in any order."""

    @initialize()
    def deploy(self) -> None:
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.pair: Pair = deploy_pair()
        self.budgets: list[Budget] = []
        self.earned = [0] * PUBLISHERS
        self.paid = [0] * PUBLISHERS
        self.moved_in = self.fees = self.epoch = self.attempt = 0
        self.final: Settlement | None = None
        self.pending: Settlement | None = None
        self.pending_debits: dict[int, int] = {}
        self.escaped = False
        # The model's copy of the operator's last sign of life.
        self.last_active_at: int = boa.env.timestamp
        self.vetoed = False
        for amount in (5 * USDC, 7, 2**40):
            self.open_campaign(amount)

    def teardown(self) -> None:
        if hasattr(self, "anchor"):
            self.anchor.__exit__(None, None, None)

    def budget(self, campaign: int) -> Budget | None:
        return self.budgets[campaign] if campaign < len(self.budgets) else None

    @property
    def can_propose(self) -> bool:
        return self.pending is None and not self.pair.escrow.paused()

    @property
    def after_epoch(self) -> int:
        return self.epoch + (2 if self.pending or self.vetoed else 1)

    # --- advertiser

    @precondition(lambda self: len(self.budgets) < CAMPAIGNS_MAX)
    @rule(amount=st.integers(1, 2**40))
    def open_campaign(self, amount: int) -> None:
        if self.pair.escrow.paused():
            with boa.reverts("paused"):
                self.pair.open(amount)
            return
        assert self.pair.open(amount) == len(self.budgets)
        self.budgets.append(Budget(amount))

    @rule(campaign=CAMPAIGN, amount=st.integers(1, 2**40))
    def deposit(self, campaign: int, amount: int) -> None:
        who = self.pair.stranger
        self.pair.token.mint(who, amount)
        self.pair.token.approve(self.pair.escrow, amount, sender=who)
        budget = self.budget(campaign)
        if budget is None or self.pair.escrow.paused():
            with boa.reverts():
                self.pair.escrow.deposit(campaign, amount, sender=who)
            return
        self.pair.escrow.deposit(campaign, amount, sender=who)
        budget.remaining += amount

    @rule(campaign=CAMPAIGN, percent=PART)
    def request_withdrawal(self, campaign: int, percent: int) -> None:
        budget = self.budget(campaign)
        amount = budget.remaining * percent // 100 if budget else 0
        if budget is None or budget.reserved or amount == 0:
            with boa.reverts():
                self.pair.escrow.request_withdrawal(campaign, amount, sender=self.pair.advertiser)
            return
        self.pair.escrow.request_withdrawal(campaign, amount, sender=self.pair.advertiser)
        budget.remaining -= amount
        budget.reserved = amount
        budget.executable_at = boa.env.timestamp + NOTICE
        budget.after_epoch = self.after_epoch

    @rule(campaign=CAMPAIGN)
    def cancel_withdrawal(self, campaign: int) -> None:
        budget = self.budget(campaign)
        if budget is None or budget.reserved == 0:
            with boa.reverts():
                self.pair.escrow.cancel_withdrawal(campaign, sender=self.pair.advertiser)
            return
        self.pair.escrow.cancel_withdrawal(campaign, sender=self.pair.advertiser)
        budget.remaining += budget.reserved
        budget.reserved = 0

    @rule(campaign=CAMPAIGN)
    def withdraw(self, campaign: int) -> None:
        """L13, L14: possible exactly when the notice and the epochs, or the operator's silence, allow it."""
        budget = self.budget(campaign)
        silent = boa.env.timestamp >= self.last_active_at + ESCAPE
        ready = (
            budget is not None
            and budget.reserved > 0
            and boa.env.timestamp >= budget.executable_at
            and (self.epoch >= budget.after_epoch or silent)
        )
        if budget is None or not ready:
            with boa.reverts():
                self.pair.escrow.withdraw(campaign, self.pair.advertiser, sender=self.pair.advertiser)
            return
        before = self.pair.balance(self.pair.advertiser)
        self.pair.escrow.withdraw(campaign, self.pair.advertiser, sender=self.pair.advertiser)
        assert self.pair.balance(self.pair.advertiser) == before + budget.reserved
        self.escaped |= self.epoch < budget.after_epoch
        budget.reserved = 0

    @rule(campaign=CAMPAIGN, cap=st.integers(0, 2**41))
    def set_epoch_cap(self, campaign: int, cap: int) -> None:
        budget = self.budget(campaign)
        if budget is None:
            with boa.reverts("auth"):
                self.pair.escrow.set_epoch_cap(campaign, cap, sender=self.pair.advertiser)
            return
        self.pair.escrow.set_epoch_cap(campaign, cap, sender=self.pair.advertiser)
        from_epoch = self.after_epoch + 1
        budget.caps = [(since, old) for since, old in budget.caps if since < from_epoch] + [(from_epoch, cap)]

    # --- operator and attestors

    @precondition(lambda self: self.pending is None)
    @rule(percents=PERCENTS, shares=SHARES)
    def propose(self, percents: list[int], shares: list[int]) -> None:
        epoch = self.epoch + 1
        debits = {
            campaign: min(budget.available(epoch), 2**56 - 1) * percent // 100
            for campaign, (budget, percent) in enumerate(zip(self.budgets, percents, strict=False))
        }
        what = self.next_settlement(debits, shares)
        if not self.can_propose:
            with boa.reverts():
                self.pair.propose(what)
            return
        self.pair.propose(what)
        self.pending, self.pending_debits, self.escaped = what, debits, False
        if not self.vetoed:
            self.last_active_at = boa.env.timestamp

    def next_settlement(self, debits: dict[int, int], shares: list[int]) -> Settlement:
        """Earnings grow by the epoch's net amount; what does not divide goes to index 0."""
        total = sum(debits.values())
        net = total - total * FEE_BPS // 10_000
        weights = [shares[index % len(shares)] for index in range(PUBLISHERS)]
        gains = [net * weight // (sum(weights) or 1) for weight in weights]
        gains[0] += net - sum(gains)
        earned = [before + gain for before, gain in zip(self.earned, gains, strict=True)]
        return settlement([(role(300 + index), amount) for index, amount in enumerate(earned)], debits)

    @precondition(lambda self: self.can_propose)
    @rule(percents=PERCENTS, shares=SHARES)
    def settle_an_epoch(self, percents: list[int], shares: list[int]) -> None:
        self.propose(percents, shares)
        boa.env.time_travel(seconds=WINDOW)
        self.finalize()

    @precondition(lambda self: self.pending is not None)
    @rule(late=st.booleans())
    def finalize_in_time(self, late: bool) -> None:
        if late:
            boa.env.time_travel(seconds=WINDOW)
        self.finalize()

    def finalize(self) -> None:
        """L3, L9, L14: after the window a proposal settles, whatever advertisers did meanwhile."""
        if self.pending is None or boa.env.timestamp < self.pair.active_at:
            if self.pending:
                with boa.reverts("window"):
                    self.pair.finalize()
            return
        epoch = self.epoch + 1
        if any(amount > self.budgets[campaign].available(epoch) for campaign, amount in self.pending_debits.items()):
            assert self.escaped, "only the escape may take money that a proposal counted on"
            with boa.reverts("budget"):
                self.pair.finalize()
            return
        self.pair.finalize()
        self.apply(self.pending, epoch)

    def apply(self, what: Settlement, epoch: int) -> None:
        for campaign, amount in self.pending_debits.items():
            budget = self.budgets[campaign]
            shortfall = max(0, amount - budget.remaining)
            budget.remaining -= amount - shortfall
            budget.reserved -= shortfall
        fee = what.total * FEE_BPS // 10_000
        self.fees += fee
        self.moved_in += what.total - fee
        self.earned = [entry & (2**64 - 1) for entry in what.tree.entries[:PUBLISHERS]]
        self.final, self.pending, self.epoch = what, None, epoch
        self.last_active_at, self.vetoed = boa.env.timestamp, False

    # --- guardian, owner

    @precondition(lambda self: self.pending is not None)
    @rule()
    def veto(self) -> None:
        """L10"""
        self.pair.escrow.veto(self.epoch + 1, sender=self.pair.guardian)
        self.pending, self.vetoed, self.attempt = None, True, self.attempt + 1

    @precondition(lambda self: self.epoch > 1)
    @rule(duration=st.integers(1, 3 * WINDOW), payout=st.booleans())
    def pause(self, duration: int, payout: bool) -> None:
        contract = self.pair.payout if payout else self.pair.escrow
        try:
            contract.pause(duration, sender=self.pair.guardian)
        except boa.BoaError:
            assert boa.env.timestamp < contract.paused_until() + 3 * WINDOW

    @rule(payout=st.booleans())
    def unpause(self, payout: bool) -> None:
        contract = self.pair.payout if payout else self.pair.escrow
        if contract.paused():
            contract.unpause(sender=self.pair.owner)

    @rule(seconds=st.sampled_from([1, WINDOW // 2, WINDOW, NOTICE]))
    def wait(self, seconds: int) -> None:
        boa.env.time_travel(seconds=seconds)

    @precondition(lambda self: self.epoch > 0)
    @rule()
    def operator_falls_silent(self) -> None:
        boa.env.time_travel(seconds=ESCAPE)

    # --- publisher, keeper, stranger

    @precondition(lambda self: self.final is not None)
    @rule(index=st.integers(0, PUBLISHERS - 1))
    def claim(self, index: int) -> None:
        """L5"""
        assert self.final is not None
        due = self.earned[index] - self.paid[index]
        if due == 0 or self.pair.payout.paused():
            with boa.reverts():
                self.pair.claim(self.final, index)
            return
        assert self.pair.payout.claimable(*claim_arguments(self.final.tree, index)) == due
        assert self.pair.claim(self.final, index) == due
        self.paid[index] += due

    @precondition(lambda self: self.final is not None)
    @rule(start=st.integers(0, 1), groups=st.integers(1, 2), blocked=st.integers(0, 2 * PUBLISHERS))
    def pay_range(self, start: int, groups: int, blocked: int) -> None:
        """L6, L7: a blacklisted payee is skipped and keeps its claim."""
        assert self.final is not None
        groups = min(groups, self.final.tree.groups - start)
        if self.pair.payout.paused():
            with boa.reverts("paused"):
                self.pair.pay_range(self.final, start, groups)
            return
        boss = self.pair.token.blacklister()
        self.pair.token.blacklist(role(300 + blocked), sender=boss)
        self.pair.pay_range(self.final, start, groups)
        self.pair.token.unBlacklist(role(300 + blocked), sender=boss)
        for index in range(4 * start, min(4 * (start + groups), PUBLISHERS)):
            if index != blocked:
                self.paid[index] = self.earned[index]

    @rule()
    def withdraw_fees(self) -> None:
        if self.fees:
            assert self.pair.escrow.withdraw_fees(sender=self.pair.stranger) == self.fees
            self.fees = 0

    @rule(campaign=CAMPAIGN)
    def stranger_tries(self, campaign: int) -> None:
        """L10, L11, L14, L15"""
        pair, stranger = self.pair, self.pair.stranger
        root = bytes([1]) * 32
        for call in (
            lambda: pair.escrow.request_withdrawal(campaign, 1, sender=stranger),
            lambda: pair.escrow.cancel_withdrawal(campaign, sender=stranger),
            lambda: pair.escrow.withdraw(campaign, stranger, sender=stranger),
            lambda: pair.escrow.set_epoch_cap(campaign, 1, sender=stranger),
            lambda: pair.escrow.propose(root, root, 0, 1, root, root, [], sender=stranger),
            lambda: pair.escrow.propose(root, root, 0, 1, root, root, [], sender=pair.operator),
            lambda: pair.escrow.veto(self.epoch + 1, sender=stranger),
            lambda: pair.escrow.propose_config(GUARDIAN, word(stranger), sender=stranger),
            lambda: pair.payout.set_root(1, root, sender=stranger),
            lambda: pair.payout.pause(1, sender=stranger),
        ):
            with boa.reverts():
                call()

    # --- laws

    @invariant()
    def escrow_can_pay_everybody(self) -> None:
        """L1, L4"""
        held = 0
        for campaign, budget in enumerate(self.budgets):
            assert self.pair.escrow.remaining(campaign) == budget.remaining
            assert self.pair.escrow.reservation(campaign)[0] == budget.reserved
            held += budget.remaining + budget.reserved
        assert self.pair.escrow.fees() == self.fees
        assert self.pair.balance(self.pair.escrow) == held + self.fees

    @invariant()
    def payout_spends_what_it_was_given(self) -> None:
        """L2, L5"""
        paid = [self.pair.payout.paid(index) for index in range(PUBLISHERS)]
        assert paid == self.paid
        assert self.pair.balance(self.pair.payout) == self.moved_in - sum(paid)
        assert all(before <= now for before, now in zip(paid, self.earned, strict=True))

    @invariant()
    def epochs_and_roots_follow_the_proposals(self) -> None:
        """L9, L10, L18"""
        assert self.pair.escrow.epoch() == self.epoch
        assert self.pair.escrow.attempt() == self.attempt
        assert (self.pair.escrow.pending() != bytes(32)) == (self.pending is not None)
        assert self.pair.payout.root() == (self.final.root if self.final else bytes(32))


MoneyPath.TestCase.settings = settings(
    max_examples=LONG,
    stateful_step_count=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the trace is short enough to read; shrinking takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class TestStateful(MoneyPath.TestCase):
    """L1, L2, L3, L4, L5, L6, L7, L9, L10, L13, L14 under every order of calls that was tried."""


def test_stateful_model__one_usdc__is_a_million() -> None:
    assert USDC == 10**6
