"""Everything that accounts are told: the kinds of notices, which are the events of webhooks too.

`make generated` writes them into docs/notices.md. A kind is `<thing>.<past participle>`, and is never renamed.
"""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    # people and keys
    "invitation.received": "a wallet is invited into an organisation: `organisation`, `role`, `invitation`",
    "member.joined": "a wallet accepted an invitation: `wallet`, `role`",
    "member.changed": "a member has another role: `wallet`, `role`",
    "member.left": "a member left or was removed: `wallet`",
    "key.made": "an API key was made: `prefix`, `name`, `scopes`",
    "key.revoked": "an API key was revoked: `prefix`, `name`",
    # creatives
    "creative.approved": "a creative may be shown: `creative`, `line_item`, `version`",
    "creative.rejected": "a creative may not be shown: `creative`, `line_item`, `version`, `reasons`, `note`",
    "creative.taken_down": "a creative that was approved is not shown any more: as `creative.rejected`",
    "creative.appeal_granted": "an appeal was right, the creative may be shown: as `creative.rejected`",
    "creative.appeal_denied": "an appeal was not right: as `creative.rejected`",
    # worlds
    "world.verified": "a world is proved to be its owner's: `world`, `method`",
    "world.proof_missed": "a proof was not found; it is looked for again: `world`, `reason`, `checks_left`",
    "world.unverified": "a proof was not found for too long: `world`, `reason`",
    # private deals
    "deal.offered": "a publisher offers a placement to you: `deal`, `placement`",
    "deal.accepted": "the advertiser has accepted: `deal`, `placement`",
    "deal.declined": "the advertiser has declined: `deal`, `placement`",
    "deal.withdrawn": "the publisher has taken its offer back: `deal`, `placement`",
    "deal.ended": "the other side has ended a deal: `deal`, `placement`",
    # traffic
    "traffic.flagged": "statistics call events of a placement invalid; the first of the day: `flag`, `placement`",
    "traffic.upheld": "an objection to a flag was not right: `flag`, `placement`, `note`",
    "traffic.lifted": "a flag was wrong, its events are paid: `flag`, `placement`, `note`",
    # money
    "card_payment.paid": "a card was charged; the money is held: `payment`, `campaign`",
    "card_payment.expired": "a Checkout was not paid in time: `payment`, `campaign`",
    "card_payment.deposited": "the money is on the campaign's escrow account: `payment`, `campaign`",
    "card_payment.frozen": "an early fraud warning stopped the campaign: `payment`, `campaign`",
    "card_payment.disputed": "the cardholder's bank wants the money back; the campaign stands: `payment`, `campaign`",
    "card_payment.released": "a warning or dispute is over, the campaign goes on: `payment`, `campaign`",
    "card_payment.lost": "the bank took the money back: `payment`, `campaign`",
    "card_payment.refunded": "unspent money went back to the card: `payment`, `campaign`",
    "onramp_session.requires_payment": "Stripe waits for the payment: `session`",
    "onramp_session.rejected": "Stripe refused the purchase: `session`",
    "onramp_session.fulfillment_processing": "Stripe sends the USDC: `session`",
    "onramp_session.fulfillment_complete": "Stripe has sent the USDC to the wallet: `session`",
    "invoice.issued": "an invoice or statement can be fetched: `number`, `document`",
    "reconciliation.differs": "for admins: chain, ledger and Stripe do not agree: `day`, `first`",
    # privacy and operation
    "events.set_aside": "for admins: events could not be stored and wait for a decision (`sightline events poison`): "
    "`entries`",
    "export.finished": "an export of personal data can be fetched: `export`",
    "webhook.delivery_failed": "an event could not be delivered for three days: `webhook`, `delivery`, `event`",
    "webhook.disabled": "a webhook failed for three days and is switched off: `webhook`, `failing_since`",
}


def kinds_table() -> str:
    """KINDS as a markdown table, sorted."""
    rows = [f"| `{kind}` | {meaning} |" for kind, meaning in sorted(KINDS.items())]
    return "\n".join(["| Kind | What it tells |", "|---|---|", *rows]) + "\n"
