"""The ledger's account of Stripe against Stripe's own books, after payments, a refund and a dispute (L72)."""

from contextlib import closing

from cards_kit.desk import Desk
from cards_kit.stripe import KEY

from backend.billing.reconciling.client import StripeBooks
from backend.billing.reconciling.figures import Status, status_of
from backend.billing.reconciling.service import ReconciliationService

CHAIN_ID = 31_337
FEE_IS_KNOWN_SECONDS = 3_600


async def test_compare__payments_refund_and_dispute__stripe_and_ledger_agree(desk: Desk) -> None:
    await desk.create_campaign()
    payment, _ = await desk.paid(100_00)
    _, intent = await desk.paid(70_00)
    assert (await desk.refund(payment, 30_00)).status_code in (200, 201)
    desk.stripe.dispute(intent)
    await desk.hear_all()
    await desk.advance(FEE_IS_KNOWN_SECONDS)
    desk.upkeep().ask()                     # Stripe says what it kept of a payment only when it is asked
    await desk.hear_all()
    with closing(StripeBooks(KEY, url=desk.stripe.url)) as stripe:
        comparisons, missing = ReconciliationService(desk.engine, CHAIN_ID, stripe, clock=desk.clock).compare()
    cards = [one for one in comparisons if one.name.endswith("of cards")]
    assert [one.difference_micro_usdc for one in cards] == [0, 0, 0, 0]
    assert {one.name: one.left_micro_usdc > 0 for one in cards} == {
        "payments of cards": True, "refunds of cards": True, "disputes of cards": True, "fees of cards": True,
    }
    assert status_of(cards, complete=not missing) in (Status.AGREE, Status.INCOMPLETE)
