"""Everything that accounts are told: the kinds of notices, which are the events of webhooks too.

`make generated` writes them into docs/notices.md. A kind is `<thing>.<past participle>`, and is never renamed.
"""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "invitation.received": "you are asked to join an organisation: `organisation`, `role`, `invitation`",
    "member.joined": "a wallet took an invitation: `wallet`, `role`",
    "member.changed": "a member has another role: `wallet`, `role`",
    "member.left": "a member left or was removed; its API keys are dead: `wallet`",
    "key.made": "an API key was made: `prefix`, `name`, `scopes`",
    "key.revoked": "an API key was revoked: `prefix`, `name`",
    "creative.approved": "a moderator approved the creative: `creative`, `line_item`, `version`",
    "creative.rejected": "a moderator rejected it: `creative`, `line_item`, `version`, `reasons`, `note`",
    "creative.taken_down": "an approved creative is not shown any more: as for `creative.rejected`",
    "creative.appeal_granted": "the appeal was granted, the creative is shown: as for `creative.approved`",
    "creative.appeal_denied": "the appeal was denied, which is final: as for `creative.rejected`",
    "invoice.issued": "an invoice or a self-billing invoice was issued: `number`, `document`, `gross_micro_usdc`",
    "reconciliation.differs": "chain, ledger and Stripe disagree; for admins: `day`, `first`",
    "world.verified": "control of the world is proved: `world`, `method`",
    "world.proof_missed": "the daily check found no proof of control: `world`, `reason`, `checks_left`",
    "world.unverified": "it was not found three days in a row, the world does not sell: `world`, `reason`",
    "campaign.funded": "money arrived on the campaign's escrow account",
    "webhook.delivery_failed": "an event could not be delivered for three days: `webhook`, `delivery`, `event`",
    "webhook.disabled": "a webhook failed for three days and is switched off: `webhook`, `failing_since`",
}


def kinds_table() -> str:
    """KINDS as a markdown table, sorted."""
    rows = [f"| `{kind}` | {meaning} |" for kind, meaning in sorted(KINDS.items())]
    return "\n".join(["| Kind | What it tells |", "|---|---|", *rows]) + "\n"
