"""The law on the status page: nothing is conserved by construction, each figure can break it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.pages import PAGE, content_policy
from backend.reports.status.overview import CampaignView, money, solvency

CAMPAIGN = CampaignView(0, "Autumn", "0x" + "1" * 40, True, 10_000_000, 0, 0, 7_000_000, 3_000_000, 0)


def test_money__worked_example__adds_up() -> None:
    """L38"""
    books = money([CAMPAIGN], final_fee_micro_usdc=300_000, final_net_micro_usdc=2_700_000, paid_micro_usdc=2_000_000)
    assert books.conserved
    assert (books.remaining_micro_usdc, books.unclaimed_micro_usdc) == (7_000_000, 700_000)


amounts = st.integers(0, 10**15)


@given(st.lists(st.tuples(amounts, amounts, amounts, amounts), max_size=5), amounts, amounts)
def test_money__any_campaigns__conserved_exactly_when_debits_are_final(
    parts: list[tuple[int, int, int, int]], fee: int, paid: int
) -> None:
    """L38"""
    campaigns = [
        replace(
            CAMPAIGN, campaign=i, deposited_micro_usdc=sum(amounts), withdrawn_micro_usdc=amounts[0],
            reserved_micro_usdc=amounts[1], remaining_micro_usdc=amounts[2], debited_micro_usdc=amounts[3],
        )
        for i, amounts in enumerate(parts)
    ]
    net = sum(amounts[3] for amounts in parts) - fee
    books = money(campaigns, final_fee_micro_usdc=fee, final_net_micro_usdc=net, paid_micro_usdc=paid)
    assert books.conserved == (paid <= net)
    astray = money(campaigns, final_fee_micro_usdc=fee + 1, final_net_micro_usdc=net, paid_micro_usdc=paid)
    assert not astray.conserved


@pytest.mark.parametrize(("escrow", "payout", "expected"), [
    (7_200_000, 700_000, True), (7_199_999, 700_000, False), (7_200_000, 699_999, False), (8_000_000, 900_000, True),
    (None, 700_000, None), (7_200_000, None, None),
])
def test_solvency__balances__against_what_is_owed(
    escrow: int | None, payout: int | None, expected: bool | None
) -> None:
    """L1, L2: 0.1 of the 0.3 USDC fee have left the escrow."""
    books = money([CAMPAIGN], final_fee_micro_usdc=300_000, final_net_micro_usdc=2_700_000, paid_micro_usdc=2_000_000)
    assert solvency(books, 100_000, escrow, payout).solvent is expected


def test_page__everything_inside__asks_no_other_host() -> None:
    page = PAGE.read_text()
    assert "src=" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert "innerHTML" not in page, "names come from strangers"
    assert 'style="' not in page, "the policy forbids style attributes"
    assert " onclick=" not in page


def test_content_policy__script_and_style_by_their_hash() -> None:
    policy = content_policy("<style>a{}</style><script>b()</script>")
    assert "script-src 'sha256-cf242PFc/kb7xD0Qzhsmd9vvRkc+cWFmbi+k+YvtdKc='" in policy
    assert "unsafe" not in content_policy(PAGE.read_text())
    assert "script-src 'none'" in content_policy("<p>")
