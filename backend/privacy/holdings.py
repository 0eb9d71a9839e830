"""Every table, whose data is in it, and what becomes of it when its account asks for a copy or is erased.

A test walks the database and fails for a table that is not here, so that nobody adds one without deciding this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ERASED = "erased"
NO_URL = "https://erased.invalid/"      # RFC 2606: never resolves
ROW_ID = "erased-{id}"          # for columns whose values must differ


class Erase(StrEnum):
    """What an erasure does to the rows of its account."""

    DELETE = "deleted"
    BLANK = "personal fields blanked"
    KEEP = "kept"


@dataclass(frozen=True, slots=True)
class Of:
    """How a row names its account: by one of its own columns, or by the row of another table that it belongs to."""

    columns: tuple[str, ...] = ()
    through: str = ""               # a table of this list; `columns` has the one that refers to it
    key: str = "id"                 # what it refers to there


@dataclass(frozen=True, slots=True)
class Holding:
    """A table. With `of` it holds data of accounts; without, `why` says why it holds none.

    `hidden` columns are never exported (hashes of secrets); `sealed` ones are opened for their owner (db/sealed.py).
    `blank` are the columns that an erasure overwrites, and with what; `why` is the reason when rows are kept.
    """

    table: str
    what: str
    of: Of | None = None
    erase: Erase = Erase.KEEP
    blank: Mapping[str, str | bool | None] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    why: str = ""


def _by(*columns: str) -> Of:
    return Of(columns)


def _in(column: str, table: str, key: str = "id") -> Of:
    return Of((column,), table, key)


MONEY = "the law wants payments and what they were for to be kept for ten years"
INVOICES = (
    "the law wants invoices to be kept for ten years; they are sealed with a key of their own, which is deleted then"
)
SETTLED = "settlements are recomputed from it by anyone; it names wallets, which are public on chain"
TRAIL = "who did what must stay provable; it names wallets and ids, nothing else"

HOLDINGS: tuple[Holding, ...] = (
    # accounts
    Holding("member", "who acts for which organisation", _by("account", "wallet"), Erase.DELETE),
    Holding("invitation", "offers to become a member", _by("account", "wallet", "invited_by"), Erase.DELETE),
    Holding("organisation", "the name of an account with members", _by("wallet"), Erase.DELETE, sealed=("name",)),
    Holding("platform_role", "roles of the operator's people", _by("wallet"), Erase.DELETE),
    Holding("session", "who is signed in, from which network, with which kind of browser", _by("wallet"), Erase.DELETE,
            hidden=("digest",)),
    Holding("key_wallet", "wallets that once signed with their own key", _by("wallet"), Erase.DELETE),
    Holding("api_key", "programs that act for an account", _by("account", "created_by"), Erase.DELETE,
            hidden=("digest",)),
    Holding("idempotency_key", "requests that must not happen twice, with their answers", _by("wallet"), Erase.DELETE),
    # advertisers
    Holding("conversion", "conversions that an advertiser reported", _in("goal_id", "conversion_goal"), Erase.BLANK,
            {"order_id": ROW_ID}, why=MONEY),
    Holding("conversion_goal", "what an advertiser counts as a conversion", _in("campaign_id", "campaign"),
            Erase.BLANK, {"name": ERASED, "status": "archived"}, why=MONEY),
    Holding("creative_review", "what moderators decided on creatives", _in("creative_id", "creative"), Erase.BLANK,
            {"note": None}, why=TRAIL),
    Holding("creative", "what line items show and where clicks lead", _in("line_item_id", "line_item"), Erase.BLANK,
            {"asset_url": NO_URL, "click_url": NO_URL, "alt_text": "", "note": None, "appeal_text": None,
             "status": "withdrawn"}, why=MONEY),
    Holding("asset", "files that an advertiser has uploaded", _by("account"), Erase.DELETE),
    Holding("external_bidder", "servers that bid for an advertiser's line items", _in("line_item_id", "line_item"),
            Erase.DELETE),
    Holding("deal", "private deals between a publisher and an advertiser", _by("publisher", "advertiser"), Erase.BLANK,
            {"name": ERASED}, why=MONEY),
    Holding("line_item_spend", "what a line item was charged on a day", _in("line_item_id", "line_item"), why=MONEY),
    Holding("line_item", "buying orders", _in("campaign_id", "campaign"), Erase.BLANK,
            {"name": ERASED, "status": "paused"}, why=MONEY),
    Holding("campaign_terms", "the terms behind the hash on chain, with their salt", _in("campaign_id", "campaign"),
            Erase.DELETE),
    # money
    Holding("treasury_transaction", "the treasury's deposits for card payments",
            _in("order_reference", "treasury_order", "reference"), why=MONEY, hidden=("raw", "nonce")),
    Holding("treasury_order", "deposits that the treasury owes", _in("payment_id", "card_payment"), why=MONEY),
    Holding("card_refund", "refunds to cards", _in("payment_id", "card_payment"), why=MONEY),
    Holding("card_dispute", "disputes of cardholders", _in("payment_id", "card_payment"), why=MONEY),
    Holding("card_warning", "warnings of card networks", _in("payment_id", "card_payment"), why=MONEY),
    Holding("card_campaign", "escrow accounts that cards paid for", _in("campaign_id", "campaign"), why=MONEY),
    Holding("card_payment", "payments by card; the card itself is known to Stripe alone", _by("account"), Erase.BLANK,
            {"checkout_url": None}, why=MONEY),
    Holding("onramp_session", "purchases of USDC at Stripe", _by("account"), Erase.DELETE),
    Holding("billing_profile", "who an account is on its invoices", _by("account"), Erase.DELETE, sealed=("sealed",)),
    Holding("billing_document", "invoices and self-billed invoices", _by("account"), why=INVOICES, sealed=("sealed",)),
    Holding("billed_campaign", "how much of a campaign is in invoices", _in("campaign_id", "campaign"), why=MONEY),
    Holding("campaign", "campaigns", _by("owner"), Erase.BLANK, {"name": ERASED, "status": "ended"}, why=MONEY),
    # publishers
    Holding("publisher_block", "what a publisher does not show", _in("publisher_index", "publisher", "index"),
            Erase.DELETE),
    Holding("exchange", "exchanges that sell to us, each by a world of its publisher", _in("world_id", "world"),
            Erase.DELETE, hidden=("token_digest",)),
    Holding("placement_share", "who is paid for a placement", _in("publisher_index", "publisher", "index"),
            why=SETTLED),
    Holding("placement", "surfaces", _in("world_id", "world"), Erase.BLANK, {"name": ERASED, "status": "paused"},
            why=SETTLED),
    Holding("world", "virtual worlds and where they are", _in("publisher_index", "publisher", "index"), Erase.BLANK,
            {"name": ERASED, "url": NO_URL, "place": None, "proof_wallet": None, "status": "paused"}, why=SETTLED),
    Holding(
        "traffic_allowance", "networks from which worlds are streamed", _in("publisher_index", "publisher", "index"),
        Erase.DELETE,
    ),
    Holding("traffic_flag", "what was called invalid, and objections", _in("publisher_index", "publisher", "index"),
            Erase.BLANK, {"objection": "", "note": None}, why=SETTLED),
    Holding("publisher", "who is paid, and how it agreed to be named in sellers.json", _by("wallet"), Erase.BLANK,
            {"listed_name": None, "listed_domain": None}, why=SETTLED),
    # what was done, and who was told
    Holding("webhook_attempt", "tries to deliver notices", _in("delivery_id", "webhook_delivery"), Erase.DELETE),
    Holding("webhook_delivery", "notices on their way", _in("webhook_id", "webhook"), Erase.DELETE),
    Holding("webhook", "where an account wants to be told", _by("account"), Erase.DELETE,
            hidden=("secret_nonce", "old_secret_nonce")),
    Holding("notice", "what an account was told", _by("account"), Erase.DELETE),
    Holding("audit_entry", "what was done by whom", _by("actor", "account"), why=TRAIL),
    Holding("privacy_export", "copies of one's data", _by("account"), Erase.BLANK, {"status": "deleted"},
            why="that there was a copy must stay provable"),
    Holding("erasure", "accounts that were erased", _by("account"), why="a backup that comes back is erased again"),
    # nobody's
    Holding("audit_link", "the chain of the audit trail", why="hashes and places; the entries are exported"),
    Holding("subject_key", "keys that personal data is sealed with", why="wrapped keys; an erasure deletes them"),
    Holding("event", "what happened to ads that were shown", why="tied to a decision, never to a viewer or account"),
    Holding("dropped_event", "reports that were not charged", why="tied to a decision, never to a viewer or account"),
    Holding("early_click", "clicks whose view has not come", why="tied to a decision, never to a viewer or account"),
    Holding("late_click", "goals whose logs are read once more, and since when", why="a number and a time"),
    Holding("billing_counter", "the last number of a series of invoices", why="numbers"),
    Holding("reconciliation", "whether chain, ledger and Stripe agree", why="sums, and ids of campaigns and payments"),
    Holding("flagged_event", "events under a flag, and what the ledger did", why="tied to an event, never to a person"),
    Holding("traffic_list", "published lists of networks and crawlers", why="published by those who own the networks"),
    Holding("traffic_progress", "how far events are counted", why="one number"),
    Holding("traffic_cell", "sums by day and placement, viewer or network",
            why="under keyed hashes of one day, which nobody can reverse; gone after two days"),
    Holding("traffic_count", "how much there ever was", why="counts"),
    Holding("rate_count", "what followed decisions, by line item and placement", why="counts"),
    Holding("rate_delta", "how that changed lately", why="counts"),
    Holding("rate_cursor", "how far that is counted", why="a number and a minute"),
    Holding("serving_change", "which numbers of things have changed, for an hour",
            why="numbers of things, and hashes of wallets whose memberships changed; gone after an hour"),
    Holding("serving_tally", "answers to ad requests by minute", why="counts"),
    Holding("serving_landscape", "what had to be beaten, by hour", why="counts"),
    Holding("pacing_week", "how ad requests spread over the week", why="168 numbers"),
    Holding("serving_audience", "what ad requests said, by hour", why="counts"),
    Holding("ledger_account", "totals of the ledger", why="numbers of campaigns and publishers, published in bundles"),
    Holding("ledger_transfer", "double entries", why="numbers of campaigns and publishers, published in bundles"),
    Holding("epoch", "settlements", why="published on chain and in bundles"),
    Holding("epoch_publisher", "a publisher's line in a settlement", why="published on chain and in bundles"),
    Holding("epoch_debit", "a campaign's line in a settlement", why="published on chain and in bundles"),
    Holding("attestation", "signatures of attestors", why="published on chain and in bundles"),
    Holding("stripe_event", "what Stripe told us", why="Stripe's ids and amounts; names and cards are not taken over"),
)
"""Children before their parents, so that an erasure can delete in this order."""

BY_TABLE: Mapping[str, Holding] = {holding.table: holding for holding in HOLDINGS}


def exported() -> Iterator[Holding]:
    """What an account can ask a copy of."""
    return (holding for holding in HOLDINGS if holding.of)


def belongs(holding: Holding) -> str:
    """SQL condition for the rows of the account `:account`. Everything in it comes from this file."""
    assert holding.of is not None
    if not holding.of.through:
        return "(" + " or ".join(f'"{column}" = :account' for column in holding.of.columns) + ")"
    parent, (column,) = BY_TABLE[holding.of.through], holding.of.columns
    return f'"{column}" in (select "{holding.of.key}" from "{parent.table}" where {belongs(parent)})'  # noqa: S608
