"""Advertisers: they open campaigns, deposit in every way there is, set caps and leave with what is unspent."""

from eth_abi.abi import encode
from hypothesis import strategies as st

from backend.core.keccak import keccak256
from escrow_kit.machine_model import CAMPAIGNS_MAX, ZERO, Budget, now
from escrow_kit.machine_stage import ADVERTISERS, ELSEWHERE, PAYER, PAYER_KEY, STRANGER, Stage, turn
from escrow_kit.pair import META, NOTICE, WINDOW
from escrow_kit.signing import AUTHORIZATION_FIELDS, PERMIT_FIELDS, account, domain, sign
from escrow_kit.tokens import WORDLESS

CAMPAIGN = st.integers(0, CAMPAIGNS_MAX)
AMOUNT = st.one_of(st.integers(1, 2**40), st.integers(0, 3), st.just(2**62))
PERCENT = st.integers(0, 100)
IS_OWNER = st.sampled_from([True, True, True, False])
FOREVER = 2**256 - 1


def bound_nonce(campaign: int, salt: bytes) -> bytes:
    """The EIP-3009 nonce that is good for one campaign only."""
    return keccak256(encode(["uint256", "bytes32"], [campaign, salt]))


class Advertisers(Stage):
    """Rules of advertisers and of whoever pays for them."""

    @turn(
        when=lambda self: len(self.model.budgets) < CAMPAIGNS_MAX,
        amount=AMOUNT,
        owner=st.sampled_from([*ADVERTISERS, ZERO]),
    )
    def open_campaign(self, amount: int, owner: str) -> None:
        """L4, L8: PAYER opens it for somebody else."""
        self.fund(PAYER, amount)
        self.open_now(owner, amount)

    @turn(2, campaign=CAMPAIGN, amount=AMOUNT, is_short=st.sampled_from([False, False, False, True]))
    def deposit(self, campaign: int, amount: int, is_short: bool) -> None:
        """L4, L8: by approval, sometimes of too little."""
        campaign = self.model.known(campaign)
        self.fund(PAYER, amount, allowed=max(0, amount - 1) if is_short else None)
        self.credit(campaign, amount, "deposit", (campaign, amount))

    def credit(self, campaign: int, amount: int, function: str, arguments: tuple[object, ...]) -> None:
        """Any deposit that ends in `transferFrom`, as the allowance stands now."""
        refusal = self.model.refuses_credit(campaign, amount) or self.refuses_pull(PAYER, amount)
        moves = [] if refusal else self.pulled(PAYER, amount)
        self.act(
            "escrow",
            function,
            *arguments,
            sender=PAYER,
            reason=refusal,
            effect=lambda: self.add_budget(campaign, amount),
            moves=moves,
        )

    def add_budget(self, campaign: int, amount: int) -> None:
        self.model.budgets[campaign].remaining += amount

    # --- permits

    @turn(
        campaign=CAMPAIGN,
        amount=AMOUNT,
        how=st.sampled_from(["good", "submitted before", "stale", "stale and short", "somebody else's"]),
        opens=st.booleans(),
    )
    def deposit_with_permit(self, campaign: int, amount: int, how: str, opens: bool) -> None:
        """L20: who submits the permit first gains nothing; where it fails, the allowance decides."""
        campaign, deadline = self.model.known(campaign), now() - 1 if "stale" in how else now()
        signature = self.permit(account(PAYER_KEY + 1 if "else" in how else PAYER_KEY), amount, deadline)
        self.fund(PAYER, amount, allowed={"stale": amount, "stale and short": max(0, amount - 1)}.get(how, 0))
        if how == "submitted before" and self.kind.permits:
            self.on_token("permit", PAYER, self.escrow, amount, deadline, *signature, sender=STRANGER)
        is_allowed = how in ("good", "submitted before") and self.kind.permits
        allowed_before = self.book.allowed[PAYER]
        if is_allowed:
            self.book.allowed[PAYER] = amount
        if opens and len(self.model.budgets) < CAMPAIGNS_MAX:
            self.open_with_permit(amount, deadline, signature)
        else:
            self.credit(campaign, amount, "deposit_with_permit", (campaign, amount, deadline, *signature))
        if how == "good" and is_allowed and self.book.allowed[PAYER] == amount:
            self.book.allowed[PAYER] = allowed_before  # the deposit failed, and the permit with it

    def permit(self, signer: object, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
        """PAYER's permit for the escrow, signed by `signer`; of an invented domain where the token knows none."""
        name, version = self.kind.permits or ("none", "1")
        where = domain(name, version, self.pair.domain["chainId"], self.token)  # type: ignore[arg-type]
        nonce = self.pair.token.nonces(PAYER) if self.kind.permits else 0
        message = {"owner": PAYER, "spender": self.escrow, "value": amount, "nonce": nonce, "deadline": deadline}
        return sign(signer, where, "Permit", PERMIT_FIELDS, message)  # type: ignore[arg-type]

    def open_with_permit(self, amount: int, deadline: int, signature: tuple[int, bytes, bytes]) -> None:
        refusal = self.model.refuses_opening(amount, PAYER) or self.refuses_pull(PAYER, amount)
        moves = [] if refusal else self.pulled(PAYER, amount)
        self.act(
            "escrow",
            "open_campaign_with_permit",
            *(PAYER, amount, META, deadline, *signature),
            sender=PAYER,
            reason=refusal,
            effect=lambda: self.model.budgets.append(Budget(PAYER, amount)),
            moves=moves,
        )

    @turn(
        campaign=CAMPAIGN,
        amount=st.integers(1, 2**40),
        how=st.sampled_from(["good", "good", "other campaign", "expired", "poor", "twice"]),
        salt=st.binary(min_size=32, max_size=32),
    )
    def deposit_with_authorization(self, campaign: int, amount: int, how: str, salt: bytes) -> None:
        """L8: a stranger submits it, and cannot turn it to another campaign, because the nonce binds this one."""
        campaign = self.model.known(campaign)
        if how != "poor":
            self.fund(PAYER, amount, allowed=0)
        elif PAYER not in self.book.barred:
            amount = self.book.balances[PAYER] + 1
        before = now() + (0 if how == "expired" else 1)
        signature = self.authorization(amount, before, bound_nonce(campaign, salt))
        target = campaign ^ 1 if how == "other campaign" else campaign
        used = self.kind.authorizes and self.pair.token.authorizationState(PAYER, bound_nonce(target, salt))
        for _ in range(2 if how == "twice" else 1):
            refusal = self.model.refuses_credit(target, amount) or self.refuses_authorization(amount, how, used)
            self.act(
                "escrow",
                "deposit_with_authorization",
                *(target, PAYER, amount, 0, before, salt, *signature),
                sender=STRANGER,
                reason=refusal,
                effect=lambda: self.add_budget(target, amount),
                moves=[(PAYER, self.escrow, amount)],
            )
            used |= refusal is None

    def refuses_authorization(self, amount: int, how: str, used: bool) -> str | None:
        if not self.kind.authorizes:
            return "received" if self.kind.swallows else WORDLESS
        if PAYER in self.book.barred:
            return "blacklisted"
        if how == "expired":
            return "expired"
        if how == "other campaign":
            return "signer"
        return "used" if used else self.book.refusal(PAYER, self.escrow, amount)

    def authorization(self, amount: int, before: int, nonce: bytes) -> tuple[int, bytes, bytes]:
        name, version = self.kind.permits or ("none", "1")
        where = domain(name, version, self.pair.domain["chainId"], self.token)  # type: ignore[arg-type]
        message: dict[str, object] = {
            "from": PAYER,
            "to": self.escrow,
            "value": amount,
            "validAfter": 0,
            "validBefore": before,
            "nonce": nonce,
        }
        return sign(account(PAYER_KEY), where, "ReceiveWithAuthorization", AUTHORIZATION_FIELDS, message)

    # --- what only the owner may do

    def caller(self, campaign: int, is_owner: bool) -> str:
        """The owner of a campaign, or somebody who owns another."""
        owner = self.model.owner_of(campaign)
        return owner if is_owner and owner != ZERO else next(who for who in ADVERTISERS if who != owner)

    @turn(3, campaign=CAMPAIGN, percent=PERCENT, is_owner=IS_OWNER)
    def request_withdrawal(self, campaign: int, percent: int, is_owner: bool) -> None:
        """L14"""
        campaign = self.model.known(campaign)
        budget, who = self.model.budget(campaign), self.caller(campaign, is_owner)
        amount = budget.remaining * percent // 100 if budget else 1
        amount += 1 if budget and percent == 100 and budget.remaining % 5 == 0 else 0
        self.act(
            "escrow",
            "request_withdrawal",
            *(campaign, amount),
            sender=who,
            reason=self.model.refuses_request(campaign, amount, who),
            effect=lambda: self.model.request(campaign, amount),
        )

    @turn(campaign=CAMPAIGN, is_owner=IS_OWNER)
    def cancel_withdrawal(self, campaign: int, is_owner: bool) -> None:
        """L14"""
        campaign = self.model.known(campaign)
        who = self.caller(campaign, is_owner)
        self.act(
            "escrow",
            "cancel_withdrawal",
            campaign,
            sender=who,
            reason=self.model.refuses_cancel(campaign, who),
            effect=lambda: self.model.cancel(campaign),
        )

    @turn(
        4,
        campaign=CAMPAIGN,
        is_owner=IS_OWNER,
        to=st.sampled_from(["self", "self", "elsewhere", "payout", "escrow", ""]),
    )
    def withdraw(self, campaign: int, is_owner: bool, to: str) -> None:
        """L14: mostly from a campaign that has asked for it."""
        reserved = [at for at, one in enumerate(self.model.budgets) if one.reserved]
        known = self.model.known(campaign)
        self.withdraw_from(reserved[campaign % len(reserved)] if reserved and to == "self" else known, is_owner, to)

    def withdraw_from(self, campaign: int, is_owner: bool, to: str) -> None:
        """L13, L14: possible exactly when the notice and the epochs, or the operator's silence, allow it; no pause
        enters into it."""
        who, budget = self.caller(campaign, is_owner), self.model.budget(campaign)
        target = {"self": who, "elsewhere": ELSEWHERE, "payout": self.payout, "escrow": self.escrow, "": ZERO}[to]
        amount = budget.reserved if budget else 0
        refusal = self.model.refuses_withdrawal(campaign, target, who)
        refusal = refusal or self.book.refusal(self.escrow, target, amount)
        if refusal is None and budget:
            # Only the escape takes what a proposal may have counted on.
            self.escaped |= self.model.epoch < budget.after_epoch
            budget.reserved = 0
        done = self.act(
            "escrow",
            "withdraw",
            *(campaign, target),
            sender=who,
            reason=refusal,
            moves=[(self.escrow, target, amount)],
        )
        assert refusal is not None or done.number == amount

    @turn(2, when=lambda self: any(budget.reserved for budget in self.model.budgets))
    def wait_for_the_notice(self) -> None:
        """L13, L14: the moment from which the next withdrawal is due, and no later."""
        self.wait_until(min(budget.executable_at for budget in self.model.budgets if budget.reserved))

    @turn(2, campaign=CAMPAIGN, cap=st.one_of(st.integers(0, 2**41), st.just(2**56)), is_owner=IS_OWNER)
    def set_epoch_cap(self, campaign: int, cap: int, is_owner: bool) -> None:
        """L4: binds whatever operator and attestors sign, from the epoch after those in service."""
        campaign = self.model.known(campaign)
        who = self.caller(campaign, is_owner)
        self.act(
            "escrow",
            "set_epoch_cap",
            *(campaign, cap),
            sender=who,
            reason=self.model.refuses_cap(campaign, cap, who),
            effect=lambda: self.model.set_cap(campaign, cap),
        )

    @turn(campaign=CAMPAIGN, active=st.booleans(), is_owner=IS_OWNER)
    def set_campaign_active(self, campaign: int, active: bool, is_owner: bool) -> None:
        """L4: a signal only; no money moves."""
        campaign = self.model.known(campaign)
        who = self.caller(campaign, is_owner)
        self.act(
            "escrow",
            "set_campaign_active",
            *(campaign, active),
            sender=who,
            reason=None if who == self.model.owner_of(campaign) else "auth",
            effect=lambda: setattr(self.model.budgets[campaign], "active", active),
        )

    @turn(2, seconds=st.sampled_from([1, WINDOW // 2, WINDOW, NOTICE]))
    def time_passes(self, seconds: int) -> None:
        """L9, L13, L14: every bound of time is met at any moment."""
        self.wait(seconds)

    @turn(to_payout=st.booleans(), amount=st.integers(1, 1000))
    def donate(self, to_payout: bool, amount: int) -> None:
        """L1, L2: a gift belongs to nobody and harms no sum."""
        to = self.payout if to_payout else self.escrow
        if to not in self.book.barred:
            self.on_token("mint", to, amount, sender=STRANGER)
            self.book.mint(to, amount)
            self.gifts[to] += amount
