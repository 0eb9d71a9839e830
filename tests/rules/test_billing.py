"""VAT, numbers, lines and files of invoices (L71)."""

import csv
import io
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.billing import account_statement, profile
from backend.billing.account_statement import Movement, state
from backend.billing.document import Document, DocumentKind, Line, as_csv, decode, digest, draw_up, encode, number_of
from backend.billing.due import CampaignDue, EpochEarned, campaign_lines, epoch_lines, last_month
from backend.billing.pdf import document_pdf, statement_pdf
from backend.billing.profile import EU, UNKNOWN, BillingProfile
from backend.billing.reconciling.figures import (
    ChainFigures,
    LedgerFigures,
    Status,
    StripeFigures,
    compare,
    report,
    status_of,
)
from backend.billing.vat import OUTSIDE, REVERSE_CHARGE, SELLER_OUTSIDE, STANDARD_RATES_BP, split, treatment
from backend.core.errors import Unprocessable

SELLER = BillingProfile("Operator", ("Street 1",), "DE", "DE123456789")
WALLET = "0x" + "a1" * 20
AMOUNTS = st.integers(-(10**15), 10**15)


def business(country: str, number: str | None = None) -> BillingProfile:
    return BillingProfile("Buyer", ("Street 2",), country, number)


# --- VAT --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seller", "buyer", "rate", "note"),
    [
        (SELLER, business("DE", "DE999999999"), 1_900, "Includes 19 % VAT of DE."),
        (SELLER, business("DE"), 1_900, "Includes 19 % VAT of DE."),
        (SELLER, business("FR", "FRAB123456789"), 0, REVERSE_CHARGE),
        (SELLER, business("FI"), 2_550, "Includes 25.5 % VAT of FI."),
        (SELLER, business("US"), 0, OUTSIDE),
        (SELLER, UNKNOWN, 1_900, "Includes 19 % VAT of DE."),
        (business("US"), business("DE"), 0, SELLER_OUTSIDE),
        (UNKNOWN, UNKNOWN, 0, SELLER_OUTSIDE),
    ],
)
def test_treatment__parties__are_taxed_by_the_directive(
    seller: BillingProfile, buyer: BillingProfile, rate: int, note: str
) -> None:
    found = treatment(seller, buyer)
    assert (found.rate_bp, found.note) == (rate, note)


def test_rates__every_country_of_the_eu__has_one() -> None:
    assert STANDARD_RATES_BP.keys() == EU
    assert len(EU) == 27


@given(gross=st.integers(0, 10**15), rate=st.sampled_from([0, *STANDARD_RATES_BP.values()]))
def test_split__any_price__adds_up_and_is_the_nearest(gross: int, rate: int) -> None:
    taxed = split(gross, rate)
    assert taxed.net_micro_usdc + taxed.vat_micro_usdc == gross
    assert abs(taxed.net_micro_usdc * (10_000 + rate) - gross * 10_000) * 2 <= 10_000 + rate


@pytest.mark.parametrize("wrong", [("DE", "DE12345678"), ("DE", "FR12345678901"), ("US", "US123456789")])
def test_profile__vat_number_of_another_form__is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(Unprocessable, match="vat_number_malformed"):
        profile.check(business(*wrong))
    profile.check(business("GR", "EL123456789"))


# --- documents --------------------------------------------------------------------------------------------------


@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=40))
def test_draw_up__any_lines__sums_to_the_total(amounts: list[int]) -> None:
    lines = [Line(f"campaign:{number}", "Advertising", amount) for number, amount in enumerate(amounts)]
    document = drawn(lines)
    assert document.net_micro_usdc + document.vat_micro_usdc == document.gross_micro_usdc == sum(amounts)
    assert decode(encode(document)) == document
    rows = list(csv.reader(io.StringIO(as_csv(document))))
    assert [int(row[6]) for row in rows[1:-3]] == amounts
    assert [int(row[6]) for row in rows[-3:]][2] == sum(amounts)


def drawn(lines: list[Line]) -> Document:
    buyer = business("DE")
    return draw_up(
        number_of(DocumentKind.INVOICE, 2026, 17), DocumentKind.INVOICE, date(2026, 12, 3),
        (date(2026, 11, 1), date(2026, 11, 30)), (SELLER, buyer), WALLET, lines, treatment(SELLER, buyer),
    )


def test_number__series_and_year__are_in_it() -> None:
    assert number_of(DocumentKind.INVOICE, 2026, 17) == "SL-2026-000017"
    assert number_of(DocumentKind.SELF_BILLING, 2027, 1) == "SB-2027-000001"


def test_pdf__long_invoice__is_the_same_every_time_and_has_pages() -> None:
    document = drawn([Line(f"campaign:{number}", f"Advertising: Größe {number} 漢", 10**6) for number in range(120)])
    drawing = document_pdf(document, digest(encode(document)))
    assert drawing == document_pdf(document, digest(encode(document)))
    assert drawing.startswith(b"%PDF-")
    assert drawing.count(b"/Type /Page\n") >= 3


def test_csv__text_that_is_a_formula__is_defused() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(drawn([Line("campaign:1", "=cmd|' /C calc'!A0", 1)])))))
    assert rows[1][4] == "'=cmd|' /C calc'!A0"


# --- what is due ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "period"),
    [(date(2026, 12, 2), None), (date(2026, 12, 3), (date(2026, 11, 1), date(2026, 11, 30))),
     (date(2027, 1, 31), (date(2026, 12, 1), date(2026, 12, 31))),
     (date(2028, 3, 3), (date(2028, 2, 1), date(2028, 2, 29)))],
)
def test_last_month__after_the_days_of_grace__is_invoiced(today: date, period: tuple[date, date] | None) -> None:
    assert last_month(today) == period


def test_campaign_lines__nothing_due__no_line() -> None:
    due = [CampaignDue(1, "Autumn", 10, 10), CampaignDue(2, "Winter", 30, 10), CampaignDue(3, "Spring", 5, 9)]
    assert campaign_lines(due) == [
        Line("campaign:2", "Advertising: Winter", 20), Line("campaign:3", "Advertising: Spring", -4)
    ]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10**12)), max_size=60))
def test_epoch_lines__any_epochs__a_line_a_day_that_sums(earned: list[tuple[int, int]]) -> None:
    start = date(2026, 11, 1)
    epochs = [EpochEarned(number, start + timedelta(days=day), net) for number, (day, net) in enumerate(earned, 1)]
    lines = epoch_lines(epochs)
    assert len(lines) == len({one.day for one in epochs})
    assert sum(line.amount_micro_usdc for line in lines) == sum(one.net_micro_usdc for one in epochs)


# --- statements -------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 90), AMOUNTS), max_size=40), st.integers(0, 90), st.integers(0, 30))
def test_statement__any_period__closing_is_all_that_moved_until_then(
    moved: list[tuple[int, int]], first: int, days: int
) -> None:
    start = date(2026, 1, 1)
    movements = [Movement(start + timedelta(days=day), "deposit", "campaign:1", amount) for day, amount in moved]
    from_day = start + timedelta(days=first)
    found = state(WALLET, from_day, from_day + timedelta(days=days), movements)
    assert found.closing_micro_usdc == sum(amount for day, amount in moved if day <= first + days)
    rows = list(csv.reader(io.StringIO(account_statement.as_csv(found))))
    assert int(rows[-1][5]) == found.closing_micro_usdc
    assert statement_pdf(found).startswith(b"%PDF-")


# --- reconciliation ---------------------------------------------------------------------------------------------

CHAIN = ChainFigures({1: 70, 2: 30}, fees=10, settled=90, paid=80, treasury=500)
LEDGER = LedgerFigures(
    {1: 70, 2: 30}, fees=10, settled=90, owed=90, treasury=500, card_in=900, card_refund=100, card_dispute=50,
    card_fee=29, debits=1_000, credits=1_000,
)
STRIPE = StripeFigures(900, 100, 50, 29)


def test_compare__all_three_agree__nothing_differs() -> None:
    comparisons = compare(CHAIN, LEDGER, STRIPE)
    assert status_of(comparisons, complete=True) is Status.AGREE
    assert report(comparisons, []) == {"differences": [], "agreed": len(comparisons), "missing": []}
    assert status_of(compare(CHAIN, LEDGER, None), complete=False) is Status.INCOMPLETE


@pytest.mark.parametrize(
    ("chain", "stripe", "name"),
    [
        (ChainFigures({1: 70, 2: 31}, 10, 90, 80, 500), STRIPE, "debits of campaign 2"),
        (ChainFigures({1: 70}, 10, 90, 80, 500), STRIPE, "debits of campaign 2"),
        (ChainFigures({1: 70, 2: 30}, 11, 90, 80, 500), STRIPE, "fees of final epochs"),
        (ChainFigures({1: 70, 2: 30}, 10, 89, 80, 500), STRIPE, "publishers' share of final epochs"),
        (ChainFigures({1: 70, 2: 30}, 10, 90, 91, 500), STRIPE, "paid beyond what was owed"),
        (ChainFigures({1: 70, 2: 30}, 10, 90, 80, 499), STRIPE, "card money in the escrow"),
        (CHAIN, StripeFigures(901, 100, 50, 29), "payments of cards"),
        (CHAIN, StripeFigures(900, 99, 50, 29), "refunds of cards"),
        (CHAIN, StripeFigures(900, 100, 0, 29), "disputes of cards"),
        (CHAIN, StripeFigures(900, 100, 50, 30), "fees of cards"),
    ],
)
def test_compare__one_figure_is_off__it_is_named(chain: ChainFigures, stripe: StripeFigures, name: str) -> None:
    comparisons = compare(chain, LEDGER, stripe)
    assert [one.name for one in comparisons if one.difference_micro_usdc] == [name]
    assert status_of(comparisons, complete=True) is Status.DIFFER
