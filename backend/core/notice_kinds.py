"""Everything that accounts are told: the kinds of notices, which are the events of webhooks too.

`make generated` writes them into docs/notices.md. A kind is `<thing>.<past participle>`, and is never renamed.
"""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "campaign.funded": "money arrived on the campaign's escrow account",
    "webhook.delivery_failed": "an event could not be delivered for three days: `webhook`, `delivery`, `event`",
    "webhook.disabled": "a webhook failed for three days and is switched off: `webhook`, `failing_since`",
}


def kinds_table() -> str:
    """KINDS as a markdown table, sorted."""
    rows = [f"| `{kind}` | {meaning} |" for kind, meaning in sorted(KINDS.items())]
    return "\n".join(["| Kind | What it tells |", "|---|---|", *rows]) + "\n"
