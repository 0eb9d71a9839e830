"""Rules of card money, with examples and with a machine in which banks, networks and webhooks do what they like.

Laws L59 (every cent is in exactly one account), L60, L61 (a webhook has its effect once, in any order) and L62.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend.core.errors import Conflict
from backend.core.transfers import Transfer
from backend.onramp.book import (
    Book,
    cleared,
    deposited,
    heard,
    refund_asked,
    refundable_cents,
    released,
    returned,
    signed,
    transfers,
    unsigned,
)
from backend.onramp.payment import (
    Dispute,
    DisputeHeard,
    DisputeOutcome,
    FeeHeard,
    OrderStatus,
    Over,
    Paid,
    Payment,
    PaymentFact,
    PaymentStatus,
    Refund,
    RefundHeard,
    RefundStatus,
    Warned,
    hear,
)
from backend.onramp.tiers import CardTerms, History, Tier, TierTerms, check_daily, tier_of
from backend.onramp.treasury.sending import BUMP_SECONDS, Fees, Mined, Step, Transaction, next_step

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
HOLD = timedelta(days=7)
LATER = NOW + HOLD
CENT = 10_000
CAMPAIGN = 5


def book(*payments: Payment) -> Book:
    return Book(CAMPAIGN, {payment.id: payment for payment in payments})


def checkout(number: int = 1, cents: int = 100_00) -> Payment:
    return Payment(number, CAMPAIGN, cents, int(HOLD.total_seconds()))


def paid_book(cents: int = 100_00) -> Book:
    return heard(book(checkout(1, cents)), 1, Paid(cents, NOW))


def deposited_book(cents: int = 100_00) -> Book:
    return deposited(signed(cleared(paid_book(cents), 1, "order", LATER), 1, "order"), 1, "order")


def status(found: Book, payment: int = 1) -> PaymentStatus:
    return found.payments[payment].status


def taken(cents: int, outcome: DisputeOutcome | None = None, back: int = 0) -> DisputeHeard:
    return DisputeHeard("du", Dispute(cents, back, 15_00, 0, outcome))


# ---- examples ------------------------------------------------------------------------------------------------------


def test_payment__without_trouble__is_held_then_deposited() -> None:
    found = paid_book()
    assert status(book(checkout())) is PaymentStatus.CREATED
    assert status(found) is PaymentStatus.HELD
    assert cleared(found, 1, "order", LATER - timedelta(seconds=1)) == found
    found = cleared(found, 1, "order", LATER)
    assert status(found) is PaymentStatus.CLEARED
    found = signed(found, 1, "order")
    assert status(found) is PaymentStatus.DEPOSITING
    found = deposited(found, 1, "order")
    assert (status(found), found.balance_micro_usdc) == (PaymentStatus.DEPOSITED, 0)


def test_payment__paid_after_it_expired__is_held() -> None:
    found = heard(book(checkout()), 1, Over())
    assert status(found) is PaymentStatus.EXPIRED
    assert status(heard(found, 1, Paid(100_00, NOW))) is PaymentStatus.HELD


def test_warning__before_the_deposit__calls_it_off_until_a_person_releases() -> None:
    found = heard(cleared(paid_book(), 1, "order", LATER), 1, Warned("issfr"))
    assert (status(found), found.frozen, found.payments[1].orders) == (PaymentStatus.FROZEN, True, {})
    with pytest.raises(Conflict):
        signed(replace(found, payments=cleared(paid_book(), 1, "order", LATER).payments), 1, "other")
    assert cleared(found, 1, "order", LATER) == found
    found = released(found, 1)
    assert (status(found), found.frozen) == (PaymentStatus.HELD, False)
    assert status(heard(found, 1, Warned("issfr"))) is PaymentStatus.HELD       # told again
    assert status(heard(found, 1, Warned("another"))) is PaymentStatus.FROZEN


def test_heard__another_payment_of_the_campaign__keeps_what_waits() -> None:
    found = cleared(paid_book().with_payment(checkout(2)), 1, "order", LATER)
    assert heard(found, 2, Paid(100_00, NOW)).payments[1] == found.payments[1]


def test_heard__refund_by_the_dashboard__calls_off_what_it_took() -> None:
    found = cleared(paid_book(), 1, "order", LATER)
    found = heard(found, 1, RefundHeard("re_1", Refund(1, RefundStatus.SUCCEEDED, "re_1")))
    assert (found.payments[1].orders, status(found)) == ({}, PaymentStatus.HELD)


def test_release__nothing_frozen__is_refused() -> None:
    with pytest.raises(Conflict, match="nothing_to_release"):
        released(paid_book(), 1)


def test_warning__payment_fully_refunded__freezes_nothing() -> None:
    found = heard(paid_book(), 1, Warned("issfr"))
    found = refund_asked(found, 1, "refund", None)
    assert (status(found), found.frozen) == (PaymentStatus.REFUNDED, False)


def test_dispute__after_the_deposit__is_a_debt_that_freezes() -> None:
    found = heard(deposited_book(), 1, taken(100_00))
    assert (status(found), found.balance_micro_usdc, found.frozen) == (PaymentStatus.DISPUTED, -100_00 * CENT, True)
    lost = heard(found, 1, taken(100_00, DisputeOutcome.LOST))
    assert (status(lost), lost.frozen) == (PaymentStatus.LOST, True)
    won = heard(found, 1, taken(100_00, DisputeOutcome.WON, back=100_00))
    assert (status(won), won.balance_micro_usdc, won.frozen) == (PaymentStatus.DEPOSITED, 0, False)


def test_dispute__inquiry_without_money__freezes_until_it_closes() -> None:
    found = heard(paid_book(), 1, DisputeHeard("du", Dispute()))
    assert (status(found), found.frozen) == (PaymentStatus.DISPUTED, True)
    closed = heard(found, 1, DisputeHeard("du", Dispute(outcome=DisputeOutcome.WARNING_CLOSED)))
    assert (status(closed), closed.frozen) == (PaymentStatus.HELD, False)


def test_cleared__campaign_owes__deposits_only_what_is_left() -> None:
    owing = heard(deposited_book(), 1, taken(30_00, DisputeOutcome.LOST))
    found = heard(owing.with_payment(checkout(2)), 2, Paid(100_00, NOW))
    found = cleared(found, 2, "second", LATER)
    assert found.payments[2].orders["second"].amount_micro_usdc == 70_00 * CENT


def test_refund__unspent__goes_back_once() -> None:
    found = refund_asked(paid_book(), 1, "refund", 40_00)
    assert refundable_cents(found, 1) == 60_00
    with pytest.raises(Conflict, match="nothing_to_refund"):
        refund_asked(found, 1, "more", 60_01)
    found = cleared(found, 1, "order", LATER)
    assert found.payments[1].orders["order"].amount_micro_usdc == 60_00 * CENT


def test_refund__deposit_only_waits__calls_it_off() -> None:
    found = refund_asked(cleared(paid_book(), 1, "order", LATER), 1, "refund", None)
    assert (found.payments[1].orders, status(found)) == ({}, PaymentStatus.REFUNDED)


@pytest.mark.parametrize("found", [deposited_book(), signed(cleared(paid_book(), 1, "order", LATER), 1, "order")])
def test_refund__on_chain_or_on_its_way__is_refused(found: Book) -> None:
    with pytest.raises(Conflict, match="nothing_to_refund"):
        refund_asked(found, 1, "refund", 1)


def test_refund__treasury_took_it_back__is_possible() -> None:
    found = returned(deposited_book(), 25_00 * CENT + 1)
    assert refundable_cents(found, 1) == 25_00
    found = refund_asked(found, 1, "refund", None)
    assert (found.payments[1].refunded_cents, found.balance_micro_usdc) == (25_00, 1)


def test_refund__fails_at_the_bank__is_ours_again() -> None:
    found = refund_asked(paid_book(), 1, "refund", 100_00)
    found = heard(found, 1, RefundHeard("refund", Refund(100_00, RefundStatus.FAILED, "re_1")))
    assert (refundable_cents(found, 1), status(found)) == (100_00, PaymentStatus.HELD)


def test_refund__of_another_payments_money__is_refused() -> None:
    """L62: what one card paid never goes to another."""
    found = heard(paid_book(40_00).with_payment(checkout(2, 60_00)), 2, Paid(60_00, NOW))
    assert [refundable_cents(found, number) for number in (1, 2)] == [40_00, 60_00]


@pytest.mark.parametrize(("history", "tier"), [
    (History(), Tier.NEW),
    (History(NOW - timedelta(days=89)), Tier.NEW),
    (History(NOW - timedelta(days=90)), Tier.TRUSTED),
    (History(NOW - timedelta(days=900), troubles=1), Tier.NEW),
])
def test_tier__by_age_and_troubles(history: History, tier: Tier) -> None:
    assert tier_of(history, CardTerms(TierTerms(7, 500), TierTerms(1, 5_000), 90), NOW) is tier


def test_daily_cap__beyond__tells_what_is_left() -> None:
    check_daily(History(today_cents=300), 200, TierTerms(7, 500))
    with pytest.raises(Conflict) as refused:
        check_daily(History(today_cents=300), 201, TierTerms(7, 500))
    assert (refused.value.code, refused.value.extra) == ("card_daily_cap", {"left_cents": 200})


# ---- the treasury's next step ---------------------------------------------------------------------------------------

SIGNED = Transaction("0x1", 7, "0xraw", Fees(10, 1))


@pytest.mark.parametrize(("mined", "final_nonce", "is_mirrored", "age", "step"), [
    (None, 7, False, 0, Step.SEND),
    (None, 7, False, BUMP_SECONDS + 1, Step.BUMP),
    (None, 8, False, 0, Step.AGAIN),                                # another transaction used the nonce up
    (None, 8, True, 0, Step.WAIT),                                  # an RPC that lags: the mirror knows better
    (Mined("0x1", 3, False, True), 7, False, 0, Step.WAIT),
    (Mined("0x1", 3, True, True), 8, False, 0, Step.DONE),
    (Mined("0x1", 3, False, False), 7, False, 0, Step.WAIT),
    (Mined("0x1", 3, True, False), 8, False, 0, Step.AGAIN),
])
def test_next_step__of_a_signed_deposit(
    mined: Mined | None, final_nonce: int, is_mirrored: bool, age: float, step: Step
) -> None:
    assert next_step([replace(SIGNED, age_seconds=age)], mined, final_nonce, is_mirrored) is step


def test_fees__bumped__are_enough_for_a_replacement() -> None:
    assert Fees(1, 1).bumped() == Fees(2, 2)
    assert Fees(100, 8).bumped().at_least(Fees(1_000, 1)) == Fees(1_000, 11)


# ---- properties ----------------------------------------------------------------------------------------------------

CENTS = st.integers(1, 100_00)
REFUNDS = st.builds(
    RefundHeard, st.sampled_from(["r1", "r2"]),
    st.builds(Refund, st.just(10_00), st.sampled_from(RefundStatus), st.just("re_1")),
)
DISPUTES = st.builds(
    DisputeHeard, st.sampled_from(["d1", "d2"]),
    st.sampled_from([Dispute(), Dispute(50_00, 0, 15_00), Dispute(50_00, 0, 15_00, 0, DisputeOutcome.LOST),
                     Dispute(50_00, 50_00, 15_00, 0, DisputeOutcome.WON)]),
)
FACTS = st.one_of(
    st.builds(Paid, st.just(100_00), st.datetimes(NOW.replace(tzinfo=None), LATER.replace(tzinfo=None),
                                                 timezones=st.just(UTC))),
    st.builds(Over), REFUNDS, DISPUTES, st.builds(Warned, st.sampled_from(["w1", "w2"])), st.builds(FeeHeard, CENTS),
)


def all_heard(facts: Sequence[PaymentFact]) -> Payment:
    payment = checkout()
    for fact in facts:
        payment = hear(payment, fact)
    return payment


@given(st.lists(FACTS, max_size=8), st.data())
def test_facts__any_order_any_repetition__same_payment(facts: list[PaymentFact], data: st.DataObject) -> None:
    """L61."""
    repeated = facts + (data.draw(st.lists(st.sampled_from(facts), max_size=4)) if facts else [])
    shuffled = data.draw(st.permutations(repeated))
    assert all_heard(facts) == all_heard(shuffled)


class CardMoney(RuleBasedStateMachine):
    """One campaign with two payments. `mail` is what Stripe has sent, in no order and never lost."""

    def __init__(self) -> None:
        super().__init__()
        self.book = book(checkout(1, 100_00), checkout(2, 60_00))
        self.ledger: Counter[str] = Counter()
        self.mail: list[tuple[int, PaymentFact]] = []
        self.disputes: dict[int, Dispute] = {}
        self.chain: Counter[str] = Counter()
        self.withdrawn = 0
        self.numbers = 0

    def become(self, after: Book) -> None:
        for moved in transfers(self.book, after):
            assert moved.amount_micro_usdc > 0
            self._enter(moved)
        self.book = after

    def _enter(self, moved: Transfer) -> None:
        self.ledger[moved.debit_account] -= moved.amount_micro_usdc
        self.ledger[moved.credit_account] += moved.amount_micro_usdc

    def name(self) -> str:
        self.numbers += 1
        return f"n{self.numbers}"

    # -- the world

    @rule(payment=st.sampled_from([1, 2]))
    def cardholder_pays(self, payment: int) -> None:
        self.mail.append((payment, Paid(self.book.payments[payment].asked_cents, NOW)))

    @rule(payment=st.sampled_from([1, 2]))
    def network_warns(self, payment: int) -> None:
        self.mail.append((payment, Warned(self.name())))

    @rule(payment=st.sampled_from([1, 2]))
    def bank_disputes(self, payment: int) -> None:
        if payment not in self.disputes:
            self.disputes[payment] = Dispute()
            self.mail.append((payment, DisputeHeard(f"d{payment}", Dispute())))
            self.disputes[payment] = Dispute(self.book.payments[payment].asked_cents // 2, 0, 15_00)
            self.mail.append((payment, DisputeHeard(f"d{payment}", self.disputes[payment])))

    @precondition(lambda self: any(one.outcome is None for one in self.disputes.values()))
    @rule(won=st.booleans())
    def bank_decides(self, won: bool) -> None:
        number, dispute = next((n, one) for n, one in self.disputes.items() if one.outcome is None)
        back = dispute.withdrawn_cents if won else 0
        closed = replace(dispute, reinstated_cents=back, outcome=DisputeOutcome.WON if won else DisputeOutcome.LOST)
        self.disputes[number] = closed
        self.mail.append((number, DisputeHeard(f"d{number}", closed)))

    @rule(payment=st.sampled_from([1, 2]), cents=st.integers(1, 20_00))
    def dashboard_refunds(self, payment: int, cents: int) -> None:
        if self.book.payments[payment].left_cents >= cents:
            self.mail.append((payment, RefundHeard(self.name(), Refund(cents, RefundStatus.SUCCEEDED, "re"))))

    @precondition(lambda self: self.mail)
    @rule(data=st.data(), again=st.booleans())
    def webhook_comes(self, data: st.DataObject, again: bool) -> None:
        place = data.draw(st.integers(0, len(self.mail) - 1))
        payment, fact = self.mail[place] if again else self.mail.pop(place)
        self.become(heard(self.book, payment, fact))

    # -- us

    @rule(payment=st.sampled_from([1, 2]), days=st.integers(0, 9))
    def worker_clears(self, payment: int, days: int) -> None:
        now = NOW + timedelta(days=days)
        before = self.book
        self.become(cleared(self.book, payment, self.name(), now))
        if self.book != before:
            assert now >= LATER
            assert not before.frozen

    @rule()
    def treasury_signs(self) -> None:
        for payment, order in self._orders(OrderStatus.WAITING):
            try:
                self.become(signed(self.book, payment, order))
            except Conflict:
                continue
            assert not self.book.frozen
            assert self.book.free_micro_usdc >= 0
            return

    @rule(lost=st.booleans())
    def chain_mines(self, lost: bool) -> None:
        for payment, order in self._orders(OrderStatus.SIGNED)[:1]:
            if lost:
                self.become(unsigned(self.book, payment, order))
                continue
            self.chain[order] += self.book.payments[payment].orders[order].amount_micro_usdc
            self.become(deposited(self.book, payment, order))

    @rule(share=st.integers(1, 4))
    def treasury_withdraws(self, share: int) -> None:
        self.withdrawn += (sum(self.chain.values()) - self.withdrawn) // share
        self.become(returned(self.book, self.withdrawn))

    @rule(payment=st.sampled_from([1, 2]), cents=st.none() | st.integers(1, 100_00))
    def advertiser_asks_for_a_refund(self, payment: int, cents: int | None) -> None:
        try:
            after = refund_asked(self.book, payment, self.name(), cents)
        except Conflict:
            return
        assert after.free_micro_usdc >= 0
        assert after.payments[payment].refunded_cents <= after.payments[payment].paid_cents
        self.become(after)

    @rule(payment=st.sampled_from([1, 2]))
    def person_releases(self, payment: int) -> None:
        if status(self.book, payment) is PaymentStatus.FROZEN:
            self.become(released(self.book, payment))

    def _orders(self, wanted: OrderStatus) -> list[tuple[int, str]]:
        return [(number, name) for number, payment in self.book.payments.items()
                for name, order in payment.orders.items() if order.status is wanted]

    # -- laws

    @invariant()
    def every_cent_is_in_one_account(self) -> None:
        """L59."""
        payments = self.book.payments.values()
        held_by_stripe = sum(one.left_cents - one.fees_cents for one in payments) * CENT
        assert sum(self.ledger.values()) == 0
        assert self.ledger[f"card:{CAMPAIGN}"] == self.book.balance_micro_usdc
        assert -self.ledger["stripe:balance"] == held_by_stripe
        assert self.ledger["treasury"] == sum(self.chain.values()) - self.withdrawn
        assert -self.ledger["card_fee"] == sum(one.fees_cents for one in payments) * CENT

    @invariant()
    def nothing_is_released_that_did_not_arrive(self) -> None:
        payments = self.book.payments.values()
        signed_too = sum(one.deposited_micro_usdc + one.outstanding_micro_usdc for one in payments)
        assert signed_too - self.book.returned_micro_usdc <= sum(one.paid_cents for one in payments) * CENT


TestCardMoney = CardMoney.TestCase
