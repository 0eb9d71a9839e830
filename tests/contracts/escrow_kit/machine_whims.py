"""What tokens take into their heads: fees, lies, bars, and calls to every function from the middle of a transfer."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from escrow_kit.machine_advertisers import Advertisers
from escrow_kit.machine_governors import Governors
from escrow_kit.machine_model import CAMPAIGNS_MAX, Budget, now
from escrow_kit.machine_publishers import Publishers, recipient_of
from escrow_kit.machine_settlers import PERCENTS, SIGNERS, Settlers
from escrow_kit.machine_stage import ELSEWHERE, KEEPER, PUBLISHERS_MAX, Callback, person, turn
from escrow_kit.pair import META, range_arguments
from escrow_kit.tokens import WHIM_BLACKLIST, WHIM_CALLBACK, WHIM_FALSE, WHIM_FEE, WHIM_REFUSE, WHIM_RESCALE

# The campaign that the token owns where it calls back.
TOKENS_OWN = 2
# Which turns each whim brings.
WHIM_TURNS = {
    WHIM_FALSE: ("token_answers_false",),
    WHIM_FEE: ("token_takes_a_fee",),
    WHIM_RESCALE: ("token_changes_its_scale",),
    WHIM_REFUSE: ("bar", "lift_all_bars"),
    WHIM_BLACKLIST: ("bar", "lift_all_bars"),
    WHIM_CALLBACK: ("call_back", "intrude"),
}
Intrusion = tuple[str, bool, str, tuple[object, ...], Callable[[], str | None], Callable[[], object]]


class Whims(Advertisers, Settlers, Publishers, Governors):
    """Turns of the token. A call back succeeds exactly when the contract that it calls is not busy."""

    @turn(answers_false=st.sampled_from([True, False, False]))
    def token_answers_false(self, answers_false: bool) -> None:
        """L7, L8: nothing is credited, nothing recorded as paid."""
        self.on_token("misbehave", 0, answers_false)
        self.book.answers_false = answers_false

    @turn(fee_bps=st.sampled_from([0, 0, 0, 1, 100, 10_000]))
    def token_takes_a_fee(self, fee_bps: int) -> None:
        """L2, L8: deposits that arrive short are refused; what left is accounted for, whatever arrives."""
        self.on_token("misbehave", fee_bps, False)
        self.book.fee_bps = fee_bps

    @turn(decimals=st.sampled_from([0, 6, 18]))
    def token_changes_its_scale(self, decimals: int) -> None:
        """L8: amounts are the token's smallest units; what it calls them later changes no lane."""
        self.on_token("rescale", decimals)

    @turn(
        number=st.integers(0, PUBLISHERS_MAX + 2),
        burns=st.booleans(),
    )
    def bar(self, number: int, burns: bool) -> None:
        """L7: a publisher, ELSEWHERE, the payout contract or PAYER can no longer be paid; one may burn all gas."""
        special = {PUBLISHERS_MAX: ELSEWHERE, PUBLISHERS_MAX + 1: self.payout, PUBLISHERS_MAX + 2: person(7)}
        epoch = max(0, self.model.epoch - 1)
        who = special.get(number) or person(300 + PUBLISHERS_MAX * (epoch // 5 % 8) + number)
        if WHIM_BLACKLIST in self.kind.whims:
            self.on_token("blacklist", who, sender=self.pair.token.blacklister())
        else:
            burns &= self.book.burner in (None, who)
            self.on_token("refuse", who, not burns, burns)
            self.book.burner = who if burns else self.book.burner
        self.book.barred.add(who)
        self.count("bar", None)

    @turn(when=lambda self: self.book.barred)
    def lift_all_bars(self) -> None:
        """L7: what was skipped is payable again, in full."""
        for who in sorted(self.book.barred):
            if WHIM_BLACKLIST in self.kind.whims:
                self.on_token("unBlacklist", who, sender=self.pair.token.blacklister())
            else:
                self.on_token("refuse", who, False, False)
        self.book.barred.clear()
        self.book.burner = None

    @turn(
        4,
        which=st.integers(0, 12),
        index=st.integers(0, 9),
        amount=st.integers(1, 1000),
    )
    def call_back(self, which: int, index: int, amount: int) -> None:
        """L23: arms the token; it calls in the middle of each transfer until it is let in once."""
        makers = (
            self.nested_deposit,
            self.nested_opening,
            self.nested_permit,
            self.nested_fees,
            self.nested_withdrawal,
            self.nested_finality,
            self.nested_claim,
            self.nested_claim_with_sig,
            self.nested_range,
            self.nested_request,
            self.nested_cancel,
            self.nested_cap,
            self.nested_root,
        )
        made: Intrusion | None = makers[which](index, amount)
        if made is None:
            return
        contract, locked, function, arguments, refusal, effect = made
        target: Any = getattr(self.pair, contract)
        data = getattr(target, function).prepare_calldata(*arguments)
        self.on_token("call_back", target.address, data)
        self.callback = Callback(contract, locked, refusal, effect)
        self.count(f"armed: {function}", None)

    @turn(
        8,
        which=st.integers(0, 12),
        index=st.integers(0, 9),
        during=st.sampled_from(["pay_range", "pay_range", "claim", "deposit", "finalize", "withdraw_fees"]),
        percents=PERCENTS,
        choice=SIGNERS,
    )
    def intrude(self, which: int, index: int, during: str, percents: list[int], choice: int) -> None:
        """L23: arms the token when something is due, and pays at once."""
        if self.model.pending is None and not self.model.escrow_pause.running:
            self.propose(percents, [1, 2, 3], 2, "", choice)
        if self.model.pending and during != "finalize":
            self.finalize(waits=True, sender=KEEPER)
        self.call_back(which, index, 7)
        if during == "deposit":
            self.deposit(index, 100, False)
        elif during == "withdraw_fees":
            self.withdraw_fees()
        elif during == "finalize" and self.model.pending:
            self.finalize(waits=True, sender=KEEPER)
        elif self.finals:
            self.wait_until(self.model.payout_pause.until)
            self.pay_range(0, 3, 0, "") if during == "pay_range" else self.claim(index, 0, "")

    def supply_token(self, amount: int) -> None:
        self.on_token("mint", self.token, amount)
        self.book.mint(self.token, amount)

    def arrive(self, amount: int) -> None:
        self.book.move(self.token, self.escrow, amount)

    def nested_deposit(self, index: int, amount: int) -> Intrusion:
        self.supply_token(amount)
        campaign = index % 3
        return (
            *("escrow", True, "deposit", (campaign, amount)),
            lambda: self.model.refuses_credit(campaign, amount),
            lambda: (self.add_budget(campaign, amount), self.arrive(amount)),
        )

    def nested_opening(self, index: int, amount: int) -> Intrusion | None:
        self.supply_token(amount)

        def effect() -> None:
            self.model.budgets.append(Budget(self.token, amount))
            self.arrive(amount)

        if len(self.model.budgets) >= CAMPAIGNS_MAX - 1:
            return None
        return (
            *("escrow", True, "open_campaign", (self.token, amount, META)),
            lambda: self.model.refuses_opening(amount, self.token),
            effect,
        )

    def nested_permit(self, index: int, amount: int) -> Intrusion:
        self.supply_token(amount)
        campaign = index % 3
        signature = (now(), 27, bytes([1]) * 32, bytes([1]) * 32)
        return (
            *("escrow", True, "deposit_with_permit", (campaign, amount, *signature)),
            lambda: self.model.refuses_credit(campaign, amount),
            lambda: (self.add_budget(campaign, amount), self.arrive(amount)),
        )

    def nested_fees(self, index: int, amount: int) -> Intrusion:
        def effect() -> None:
            self.book.move(self.escrow, self.model.treasury, self.model.fees)
            self.model.fees = 0

        return "escrow", True, "withdraw_fees", (), lambda: None if self.model.fees else "zero", effect

    def nested_withdrawal(self, index: int, amount: int) -> Intrusion:
        def effect() -> None:
            budget = self.model.budgets[TOKENS_OWN]
            self.escaped |= self.model.epoch < budget.after_epoch
            self.book.move(self.escrow, ELSEWHERE, budget.reserved)
            budget.reserved = 0

        return (
            *("escrow", True, "withdraw", (TOKENS_OWN, ELSEWHERE)),
            lambda: self.model.refuses_withdrawal(TOKENS_OWN, ELSEWHERE, self.token),
            effect,
        )

    def nested_finality(self, index: int, amount: int) -> Intrusion | None:
        proposal, sigs = self.model.pending, self.sigs
        if proposal is None:
            return None

        def effect() -> None:
            for move in self.handed_over(self.model.take_debits()):
                self.book.move(*move)
            self.bury(proposal, sigs)

        arguments = proposal.arguments
        return "escrow", True, "finalize", arguments, lambda: self.model.refuses_finality(*arguments), effect

    def nested_claim(self, index: int, amount: int) -> Intrusion | None:
        if not self.finals:
            return None
        arguments = self.arguments(self.finals[-1], index)
        return self.nested_payment("claim", arguments, (), recipient_of(arguments[1][arguments[0] & 3]))

    def nested_claim_with_sig(self, index: int, amount: int) -> Intrusion | None:
        if not self.finals:
            return None
        arguments = self.arguments(self.finals[-1], index)
        at, entry = arguments[0], arguments[1][arguments[0] & 3]
        nonce, deadline = self.model.nonces.get(at, 0), now() + 10**6
        message: dict[str, object] = {"index": at, "to": ELSEWHERE, "nonce": nonce, "deadline": deadline}
        signature = self.claim_signature(entry, message, "good", "long")

        def is_stale() -> bool:
            return now() > deadline or self.model.nonces.get(at, 0) != nonce or entry == 0

        def effect(payment: Callable[[], object]) -> None:
            payment()
            self.model.nonces[at] = nonce + 1

        made = self.nested_payment("claim_to_with_sig", arguments, (ELSEWHERE, deadline, signature), ELSEWHERE)
        refusal, payment = made[4], made[5]
        return *made[:4], lambda: "signer" if is_stale() else refusal(), lambda: effect(payment)

    def nested_payment(
        self,
        function: str,
        arguments: tuple[int, tuple[int, int, int, int], list[bytes]],
        extra: tuple[object, ...],
        to: str,
    ) -> Intrusion:
        index, entries, _ = arguments

        def effect() -> None:
            amount = self.due(index, entries[index & 3])
            self.pay(index, amount)
            self.book.move(self.payout, to, amount)

        return (
            *("payout", True, function, (*arguments, *extra)),
            lambda: self.refuses_claim(arguments, to, None),
            effect,
        )

    def nested_range(self, index: int, amount: int) -> Intrusion | None:
        if not self.finals:
            return None
        draft = self.finals[-1]
        arguments = range_arguments(draft.tree, 0, draft.tree.groups)

        def effect() -> None:
            for move in self.plan(0, arguments[2]):
                self.book.move(*move)

        return "payout", True, "pay_range", arguments, lambda: self.model.refuses_node(draft.root), effect

    # Without a lock, because they move no money: what they do in the middle of a transfer is as good as after it.

    def nested_request(self, index: int, amount: int) -> Intrusion:
        return (
            *("escrow", False, "request_withdrawal", (TOKENS_OWN, amount)),
            lambda: self.model.refuses_request(TOKENS_OWN, amount, self.token),
            lambda: self.model.request(TOKENS_OWN, amount),
        )

    def nested_cancel(self, index: int, amount: int) -> Intrusion:
        return (
            *("escrow", False, "cancel_withdrawal", (TOKENS_OWN,)),
            lambda: self.model.refuses_cancel(TOKENS_OWN, self.token),
            lambda: self.model.cancel(TOKENS_OWN),
        )

    def nested_cap(self, index: int, amount: int) -> Intrusion:
        return (
            *("escrow", False, "set_epoch_cap", (TOKENS_OWN, amount)),
            lambda: self.model.refuses_cap(TOKENS_OWN, amount, self.token),
            lambda: self.model.set_cap(TOKENS_OWN, amount),
        )

    def nested_root(self, index: int, amount: int) -> Intrusion:
        return "payout", False, "set_root", (1, bytes([1]) * 32), lambda: "auth", lambda: None
