"""The indexer against our contracts on a real chain: what they did is what the tables say."""

from collections.abc import Callable
from typing import Any

import pytest

from indexer.config import Config
from indexer.main import rebuild

USDC = 1_000_000


@pytest.fixture
def emitter(market: Any, emitter_code: bytes) -> str:
    """A contract that calls others with calldata of its making."""
    address: str = market.node.send("0x" + "05" * 20, None, emitter_code)["contractAddress"]
    return address


@pytest.fixture
def forward(market: Any, emitter: str, encode_call: Callable[..., bytes]) -> Callable[..., None]:
    """Sends a call through the other contract; with a mask its words exist only inside the call."""

    def send(target: Any, data: bytes, mask: int = 0) -> None:
        words = [int.from_bytes(data[i : i + 32], "big") ^ mask for i in range(4, len(data), 32)]
        masked = data[:4] + b"".join(word.to_bytes(32, "big") for word in words)
        call = encode_call("forward(address,bytes,uint256)", target.address, masked, mask)
        market.node.send("0x" + "05" * 20, emitter, call)

    return send


def settled_market(market: Any) -> Any:
    """Three campaigns, one epoch vetoed and proposed again, finalised; a second epoch rolled and finalised."""
    first, second, third = market.open(100 * USDC), market.open(50 * USDC), market.open(30 * USDC)
    market.deposit(first, 5 * USDC)
    market.propose({first: 10 * USDC}, market.cumulative(0, 9 * USDC).root)
    market.veto()
    market.propose({first: 10 * USDC, third: 2 * USDC}, market.cumulative(1, 5 * USDC, 4 * USDC).root)
    market.roll({second: 7 * USDC}, market.cumulative(1, 6 * USDC, 4 * USDC, 0, 1, 2, 3).root)
    market.finalize()
    return market


def assert_mirrors(market: Any, mirror: Any) -> None:
    """Every projection says what the contracts say."""
    campaigns = mirror.select("SELECT campaign, remaining, reserved FROM chain_campaign ORDER BY campaign")
    assert [campaign for campaign, _, _ in campaigns] == list(range(market.escrow.read("campaign_count")))
    for campaign, remaining, reserved in campaigns:
        assert remaining == market.escrow.read("remaining", campaign)
        assert reserved == market.escrow.read("reservation", campaign)
    for index, paid in mirror.select("SELECT publisher_index, paid FROM chain_publisher"):
        assert paid == market.payout.read("paid", index)
    broken = "SELECT count(*) FROM chain_campaign WHERE remaining + reserved <> deposited - withdrawn - debited"
    assert mirror.value(broken) == 0


def test_deposits_and_switches__are_mirrored(market: Any, mirror: Any) -> None:
    campaign = market.open(10 * USDC)
    market.deposit(campaign, 3 * USDC)
    market.escrow.send("0x" + "a1" * 20, "set_campaign_active", campaign, False)
    market.escrow.send("0x" + "a1" * 20, "set_epoch_cap", campaign, 2 * USDC)
    mirror.catch_up()
    assert mirror.select(
        "SELECT owner, deposited, remaining, active, epoch_cap, epoch_cap_from FROM chain_campaign"
    ) == [("0x" + "a1" * 20, 13 * USDC, 13 * USDC, False, 2 * USDC, 3)]
    head = market.node.head()
    assert mirror.select("SELECT number, confirmed_number FROM chain_cursor") == [(head, head - 2)]
    assert mirror.value("SELECT bool_and(proven) FROM chain_block")
    assert_mirrors(market, mirror)


def test_settlement__debits_and_attempts_are_mirrored(market: Any, mirror: Any) -> None:
    settled_market(market)
    mirror.catch_up()
    assert mirror.select("SELECT epoch, campaign, amount FROM chain_debit ORDER BY epoch, campaign") == [
        (1, 0, 10 * USDC),
        (1, 2, 2 * USDC),
        (2, 1, 7 * USDC),
    ]
    assert mirror.select("SELECT epoch, attempt, status, total, fee FROM chain_epoch ORDER BY epoch, attempt") == [
        (1, 0, "vetoed", 10 * USDC, None),
        (1, 1, "finalized", 12 * USDC, 1_200_000),
        (2, 1, "finalized", 7 * USDC, 700_000),
    ]
    assert_mirrors(market, mirror)


def test_payouts__claim_batch_and_refused_transfer__are_mirrored(market: Any, mirror: Any) -> None:
    settled_market(market)
    market.claim(1)
    market.refuse_payouts_to("0x" + "b2" * 20)
    market.pay_range(0, 2)
    market.pay_range(0, 2)  # nothing is left but the refused one
    mirror.catch_up()
    paid = mirror.select("SELECT publisher_index, recipient, amount FROM chain_payout ORDER BY publisher_index")
    recipients = {0: "0x" + "04" * 20} | {i: "0x" + f"b{i}" * 20 for i in range(1, 7)}
    amounts = {0: 1, 1: 6 * USDC, 4: 1, 5: 2, 6: 3}
    assert paid == [(index, recipients[index], amount) for index, amount in amounts.items()]
    assert mirror.value("SELECT count(*) FROM chain_payout_failed") == 2
    assert mirror.value("SELECT count(*) FROM chain_paid") == 1
    assert_mirrors(market, mirror)


def test_withdrawal__reservation_pays_old_epochs_and_the_rest_leaves(market: Any, mirror: Any) -> None:
    campaign, untouched = market.open(20 * USDC), market.open(USDC)
    advertiser = "0x" + "a1" * 20
    market.escrow.send(advertiser, "request_withdrawal", untouched, USDC)
    market.escrow.send(advertiser, "cancel_withdrawal", untouched)
    market.propose({campaign: 15 * USDC}, market.cumulative(0, 1).root)
    market.escrow.send(advertiser, "request_withdrawal", campaign, 12 * USDC)
    mirror.catch_up()
    assert_mirrors(market, mirror)
    assert mirror.select("SELECT remaining, reserved, reserved_after_epoch FROM chain_campaign WHERE campaign = 0") == [
        (8 * USDC, 12 * USDC, 3)
    ]
    market.finalize()  # 15 are debited: 8 from the budget, 7 from the reservation
    for epoch in (2, 3):
        market.propose({}, market.cumulative(0, epoch).root)
        market.finalize()
    market.node.wait(20)
    market.escrow.send(advertiser, "withdraw", campaign, advertiser)
    mirror.catch_up()
    assert mirror.select("SELECT remaining, reserved, debited, withdrawn FROM chain_campaign WHERE campaign = 0") == [
        (0, 0, 15 * USDC, 5 * USDC)
    ]
    assert_mirrors(market, mirror)


def test_withdrawal__reservation_used_up_by_a_debit__request_is_over(market: Any, mirror: Any) -> None:
    campaign = market.open(10 * USDC)
    market.escrow.send("0x" + "a1" * 20, "request_withdrawal", campaign, 4 * USDC)
    market.propose({campaign: 10 * USDC}, market.cumulative(0, 1).root)
    market.finalize()
    market.deposit(campaign, 3 * USDC)
    market.escrow.send("0x" + "a1" * 20, "request_withdrawal", campaign, USDC)
    mirror.catch_up()
    assert_mirrors(market, mirror)


@pytest.mark.parametrize("mask", [0, 2**255 + 12345], ids=["embedded", "composed inside"])
def test_calldata__calls_by_another_contract__are_found(
    market: Any, mirror: Any, forward: Callable[..., None], mask: int
) -> None:
    campaign = market.open(10 * USDC)
    market.propose({campaign: 3 * USDC}, market.cumulative(5, 7, 9).root)
    forward(market.escrow, market.escrow.data("finalize", *market.finalize_args()), mask)
    forward(market.payout, market.payout.data("pay_range", *market.range_args(0, 1)), mask)
    mirror.catch_up()
    assert mirror.select("SELECT campaign, amount FROM chain_debit") == [(campaign, 3 * USDC)]
    assert mirror.select("SELECT publisher_index, paid FROM chain_publisher ORDER BY 1") == [(0, 5), (1, 7), (2, 9)]
    assert_mirrors(market, mirror)


def test_rebuild__after_everything__digest_is_the_same(market: Any, mirror: Any, config: Config) -> None:
    """L39."""
    settled_market(market)
    market.pay_range(0, 2)
    mirror.catch_up()
    before = mirror.digest()
    market.node.mine(3)  # what came later is no part of the comparison
    rebuild(config)
    assert mirror.digest() == before
