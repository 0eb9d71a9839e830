"""The record of processing (GDPR art. 30) as tables, for docs/privacy.md and for the pages under /legal."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.core.consent import NEEDS, Basis, Purpose
from backend.privacy.holdings import HOLDINGS
from backend.privacy.retention.terms import FOR_EVER, TERMS


@dataclass(frozen=True, slots=True)
class Activity:
    """One processing of data about customers; those about viewers are core/consent.py's."""

    name: str
    purpose: str
    people: str
    data: str
    basis: Basis
    recipients: str


ACTIVITIES: tuple[Activity, ...] = (
    Activity("Accounts and sign-in", "to know who acts, and for whom", "advertisers, publishers, their members",
             "wallet address, name of the organisation, roles, sessions with network (/24 or /48) and kind of browser",
             Basis.CONTRACT, "none"),
    Activity("Campaigns and creatives", "to show what an advertiser orders", "advertisers",
             "names, terms, assets, addresses that clicks lead to", Basis.CONTRACT,
             "worlds and their viewers (the creative), the public chain (a hash of the terms)"),
    Activity("Worlds and placements", "to sell surfaces and to pay for them", "publishers",
             "names, addresses, proofs of control, wallet that is paid", Basis.CONTRACT,
             "the public (sellers.json, only as agreed), the public chain (payouts)"),
    Activity("Payments by card", "to take and give back money", "advertisers",
             "amounts, Stripe's references; never a card number", Basis.CONTRACT, "Stripe"),
    Activity("Invoices", "to account for what was charged and paid", "advertisers, publishers",
             "name, address, VAT number, sealed", Basis.LEGAL_OBLIGATION, "tax authorities, when they ask"),
    Activity("Moderation", "to keep unlawful and harmful ads away", "advertisers, moderators",
             "creatives, decisions with reasons, appeals", Basis.LEGITIMATE_INTEREST, "none"),
    Activity("Conversions", "to charge for what an advertiser reports", "customers of advertisers",
             "the advertiser's order number, the click id", Basis.LEGITIMATE_INTEREST, "the advertiser who told us"),
    Activity("Notices and webhooks", "to tell customers what happened", "advertisers, publishers",
             "notices, the address where they are delivered", Basis.CONTRACT, "the address that the customer gave"),
    Activity("Audit trail", "to prove who did what", "all who sign in", "wallet addresses, actions, ids",
             Basis.LEGITIMATE_INTEREST, "auditors"),
    Activity("Security", "to keep the service up and honest", "all who send requests",
             "network of the sender (/24 or /48), counted for minutes", Basis.LEGITIMATE_INTEREST, "none"),
)

PROCESSORS: tuple[tuple[str, str, str], ...] = (
    ("Stripe Payments Europe, Ltd. (Ireland)", "payments by card, purchases of USDC", "is a controller of its own for "
     "the card; transfers to the USA under the EU-U.S. Data Privacy Framework"),
    ("The operator's host", "runs the servers and their stores", "as the operator's contract with it says"),
    ("The operator's node of the chain", "reads and sends transactions", "sees wallet addresses, which are public"),
)

Rows = Sequence[Sequence[str]]
_NAMES = {
    Purpose.STORE_ON_DEVICE: "1 (store information on a device)",
    Purpose.SELECT_BY_LIMITED_DATA: "2 (select advertising by limited data)",
    Purpose.MEASURE_ADVERTISING: "7 (measure advertising performance)",
}


def viewers() -> Rows:
    head = ("Processing", "What it does", "Legal basis", "TCF purposes", "Keyed by viewer", "Sec-GPC", "Kept")
    rows = [
        (name.value, need.what, need.basis.value, ", ".join(_NAMES[purpose] for purpose in need.purposes) or "none",
         "yes" if need.keyed else "no", "stops it" if need.purposes or need.objection else "changes nothing", need.kept)
        for name, need in NEEDS.items()
    ]
    return [head, *rows]


def activities() -> Rows:
    head = ("Processing", "Purpose", "Whose data", "Data", "Legal basis", "Recipients")
    return [head, *((one.name, one.purpose, one.people, one.data, one.basis.value, one.recipients)
                    for one in ACTIVITIES)]


def processors() -> Rows:
    return [("Who", "What for", "Where and how"), *PROCESSORS]


def retention() -> Rows:
    head = ("What", "Kept for", "Since", "Why")
    rows = [
        (term.what.value, f"{term.kept.days} days" if term.kept else "no longer", term.since, term.why)
        for term in TERMS
    ]
    return [head, *rows, *((what, "no term", "", why) for what, why in FOR_EVER.items())]


def holdings() -> Rows:
    head = ("Table", "What it holds", "In an export", "After an erasure", "Why")
    return [head, *(
        (f"`{one.table}`", one.what, "yes" if one.of else "no",
         one.erase.value if one.of else "", one.why)
        for one in HOLDINGS
    )]


TABLES: Mapping[str, Callable[[], Rows]] = {
    "viewers": viewers, "activities": activities, "processors": processors, "retention": retention,
    "holdings": holdings,
}


def markdown(rows: Rows) -> str:
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body]) + "\n"


def page_table(rows: Rows) -> str:
    """The rows as an HTML table; on a narrow screen each cell says what it is by its `data-label`."""
    head, *body = rows
    heads = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    lines = [
        "<tr>" + "".join(
            f'<td data-label="{html.escape(name)}">{html.escape(cell)}</td>'
            for name, cell in zip(head, row, strict=True)
        ) + "</tr>"
        for row in body
    ]
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>\n"


def filled(page: str, render: Callable[[Rows], str]) -> str:
    """`page` with every table anew: between `<!-- table NAME -->` and `<!-- /table -->`. Raises KeyError."""
    parts = page.split("<!-- table ")
    done = [parts[0]]
    for part in parts[1:]:
        name, rest = part.split(" -->", 1)
        done.append(f"{name} -->\n{render(TABLES[name]())}<!-- /table -->{rest.split('<!-- /table -->', 1)[1]}")
    return "<!-- table ".join(done)
