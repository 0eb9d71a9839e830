"""The auction: L30, and that bidding one's true value is the best one can do."""

from hypothesis import given
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.serving.auction import PPM, Bid, Sale, auction, floor_ecpm_nano_usdc, rate_of

RATES = st.one_of(st.just(PPM), st.integers(10, PPM))
BIDS = st.builds(
    Bid, st.integers(1, 30), st.sampled_from(["0xa", "0xb", "0xc", "0xd"]), st.integers(1, 1_000_000), RATES
)
BOOKS = st.lists(BIDS, max_size=8, unique_by=lambda bid: bid.line_item)
FLOORS = st.integers(0, 500_000)
SEEDS = st.integers(0, 2**64 - 1)


def vcpm(line_item: int, bid_micro_usdc: int, owner: str = "") -> Bid:
    return Bid(line_item, owner or f"0x{line_item}", bid_micro_usdc, PPM)


def raised(bid: Bid, by_micro_usdc: int) -> Bid:
    return Bid(bid.line_item, bid.owner, bid.bid_micro_usdc + by_micro_usdc, bid.rate_ppm)


def test_auction__two_bids__the_second_sets_the_price() -> None:
    assert auction([vcpm(1, 9_000), vcpm(2, 6_000)], 1_000, seed=0) == Sale(vcpm(1, 9_000), 6_000)


def test_auction__one_bid__pays_the_floor() -> None:
    assert auction([vcpm(1, 9_000)], 2_500, seed=0) == Sale(vcpm(1, 9_000), 2_500)


def test_auction__no_floor_no_rival__costs_one_micro_usdc() -> None:
    assert auction([vcpm(1, 9_000)], 0, seed=0) == Sale(vcpm(1, 9_000), 1)


def test_auction__all_below_the_floor__nobody_wins() -> None:
    assert auction([vcpm(1, 999), vcpm(2, 1)], 1_000, seed=0) is None


def test_auction__click_bid__is_compared_by_its_click_rate_and_pays_per_click() -> None:
    # 250,000 per click at 2 % is 5,000 per impression: it beats 4,000, and 4,000 per impression is 200,000 per click
    click = Bid(1, "0xa", 250_000, rate_of(BidKind.CPC, 20_000))
    assert auction([click, vcpm(2, 4_000)], 1_000, seed=0) == Sale(click, 200_000)


def test_auction__own_second_line_item__does_not_raise_the_price() -> None:
    book = [vcpm(1, 9_000, "0xa"), vcpm(2, 8_000, "0xa"), vcpm(3, 3_000, "0xb")]
    assert auction(book, 1_000, seed=0) == Sale(book[0], 3_000)


def test_auction__equal_bids__each_seed_draws_and_every_bid_is_drawn() -> None:
    book = [vcpm(1, 5_000), vcpm(2, 5_000), vcpm(3, 5_000)]
    drawn = {sale.bid.line_item for seed in range(30) if (sale := auction(book, 0, seed))}
    assert drawn == {1, 2, 3}


@given(BOOKS, FLOORS, SEEDS)
def test_auction__any_book__price_between_floor_and_own_bid(book: list[Bid], floor: int, seed: int) -> None:
    """L30."""
    sale = auction(book, floor, seed)
    if sale is None:
        assert all(bid.ecpm_nano_usdc < floor_ecpm_nano_usdc(floor) for bid in book)
        return
    paid = sale.price_micro_usdc * sale.bid.rate_ppm
    assert 1 <= sale.price_micro_usdc <= sale.bid.bid_micro_usdc
    assert paid >= floor_ecpm_nano_usdc(floor)
    assert all(paid >= bid.ecpm_nano_usdc for bid in book if bid.owner != sale.bid.owner)
    assert sale.bid.ecpm_nano_usdc == max(bid.ecpm_nano_usdc for bid in book)


@given(BOOKS, FLOORS, SEEDS, st.integers(1, 1_000_000))
def test_auction__winner_raises_its_bid__wins_at_the_same_price(
    book: list[Bid], floor: int, seed: int, by: int
) -> None:
    """L30: the price does not depend on the winner's own bid, and raising a bid never loses."""
    sale = auction(book, floor, seed)
    if sale is not None:
        higher = [raised(bid, by) if bid == sale.bid else bid for bid in book]
        assert auction(higher, floor, seed) == Sale(raised(sale.bid, by), sale.price_micro_usdc)


@given(BOOKS, FLOORS, SEEDS, st.integers(1, 1_000_000))
def test_auction__loser_raises_its_bid__never_wins_at_more_than_it_bid_nor_frees_a_third(
    book: list[Bid], floor: int, seed: int, by: int
) -> None:
    sale = auction(book, floor, seed)
    for loser in book:
        if sale is None or loser == sale.bid:
            continue
        after = auction([raised(bid, by) if bid == loser else bid for bid in book], floor, seed)
        assert after is not None
        best_before = sale.bid.ecpm_nano_usdc
        assert after.bid.line_item == loser.line_item or after.bid.ecpm_nano_usdc == best_before


@given(BOOKS, FLOORS, SEEDS, st.randoms())
def test_auction__order_of_bids__changes_nothing(book: list[Bid], floor: int, seed: int, dice: object) -> None:
    shuffled = list(book)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert auction(shuffled, floor, seed) == auction(book, floor, seed)
