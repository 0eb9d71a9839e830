"""The auction: L30, L76 and the deals of L77, and that bidding one's true value is the best one can do."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from backend.core.events import BidKind
from backend.serving.auction import (
    PPM,
    QUALITY_PERMILLE_MAX,
    Bid,
    Deal,
    Sale,
    asked_at_most,
    asked_floor,
    auction,
    floor_ecpm_nano_usdc,
    rate_of,
)

RATES = st.one_of(st.just(PPM), st.integers(10, PPM))
QUALITIES = st.one_of(st.just(1_000), st.integers(500, 2_000))
DEALS = st.builds(Deal, st.integers(1, 30), st.integers(1, 300_000), st.booleans())
BIDS = st.builds(
    Bid, st.integers(1, 30), st.sampled_from(["0xa", "0xb", "0xc", "0xd"]), st.integers(1, 1_000_000), RATES,
    QUALITIES, st.one_of(st.none(), st.none(), DEALS),
)
BOOKS = st.lists(BIDS, max_size=8, unique_by=lambda bid: bid.line_item)
FLOORS = st.integers(0, 500_000)
SEEDS = st.integers(0, 2**64 - 1)
NO_FLOOR, HALF = 0, 1 << 63


def vcpm(
    line_item: int, bid_micro_usdc: int, owner: str = "", quality: int = 1_000, deal: Deal | None = None
) -> Bid:
    return Bid(line_item, owner or f"0x{line_item}", bid_micro_usdc, PPM, quality, deal)


def raised(bid: Bid, by_micro_usdc: int) -> Bid:
    return replace(bid, bid_micro_usdc=bid.bid_micro_usdc + by_micro_usdc)


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


def test_auction__better_quality__wins_with_less_money_and_matches_the_score_of_the_second() -> None:
    # 6,000 at 1.5 weighs 9,000 and beats 8,000; what would still match 8,000 is 8,000 / 1.5 = 5,333.3, rounded up
    good, plain = vcpm(1, 6_000, quality=1_500), vcpm(2, 8_000)
    assert auction([good, plain], 1_000, seed=0) == Sale(good, 5_334)


def test_auction__worse_quality__pays_more_than_the_second_bid_never_more_than_its_own() -> None:
    poor = vcpm(1, 9_000, quality=500)
    assert auction([poor, vcpm(2, 4_000)], 1_000, seed=0) == Sale(poor, 8_000)


def test_auction__quality_alone__does_not_reach_the_floor() -> None:
    """L76: the floor is money."""
    assert auction([vcpm(1, 900, quality=2_000)], 1_000, seed=0) is None
    assert auction([vcpm(1, 1_500, quality=2_000)], 1_000, seed=0) == Sale(vcpm(1, 1_500, quality=2_000), 1_000)


def test_auction__example_of_the_guide__costs_what_it_says() -> None:
    """docs/auction.md"""
    clicks = Bid(2, "0xb", 250_000, rate_of(BidKind.CPC, 20_000), 900)
    actions = Bid(3, "0xc", 12_000_000, rate_of(BidKind.CPA, 20_000, 25_000), 700)
    book = [vcpm(1, 4_000), clicks, actions]
    assert auction(book, 1_700, seed=0) == Sale(clicks, 233_334)
    assert auction([clicks], 1_700, seed=0) == Sale(clicks, 85_000)
    deal = Deal(1, 2_500, fixed=True)
    assert auction([*book, vcpm(4, 5_000, deal=deal)], 1_700, seed=0) == Sale(vcpm(4, 5_000, deal=deal), 2_500)
    assert auction([*book, vcpm(4, 2_400, deal=deal)], 1_700, seed=0) == Sale(clicks, 233_334)


def test_score__highest_of_everything__fits_63_bits() -> None:
    """Whoever compiles scores into machine words may rely on it."""
    assert Bid(1, "0xa", 10**9, PPM, QUALITY_PERMILLE_MAX).score < 2**63


def test_auction__deal__buys_before_a_higher_bid_of_the_open_auction() -> None:
    """L77."""
    deal = vcpm(1, 3_000, deal=Deal(1, 2_000, fixed=True))
    assert auction([deal, vcpm(2, 90_000)], 5_000, seed=0) == Sale(deal, 2_000)


def test_auction__deal_with_a_floor__pays_it_or_the_second_deal() -> None:
    """L77: the open auction sets no price in a deal."""
    deal, second = vcpm(1, 9_000, deal=Deal(1, 2_000, fixed=False)), vcpm(2, 4_000, deal=Deal(2, 1_000, fixed=False))
    assert auction([deal, vcpm(3, 8_000)], 5_000, seed=0) == Sale(deal, 2_000)
    assert auction([deal, second, vcpm(3, 8_000)], 5_000, seed=0) == Sale(deal, 4_000)


def test_auction__two_fixed_deals__the_dearer_one_buys_whatever_the_bids() -> None:
    """L77."""
    cheap, dear = vcpm(1, 9_000, deal=Deal(1, 2_000, fixed=True)), vcpm(2, 3_000, deal=Deal(2, 2_500, fixed=True))
    assert auction([cheap, dear], NO_FLOOR, seed=0) == Sale(dear, 2_500)


def test_auction__bid_below_its_deal__leaves_the_surface_to_the_open_auction() -> None:
    """L77: an agreement binds nobody to pay more than the bid."""
    assert auction([vcpm(1, 1_999, deal=Deal(1, 2_000, fixed=True)), vcpm(2, 6_000)], 5_000, 0) == Sale(
        vcpm(2, 6_000), 5_000
    )


def test_auction__deal_of_a_click_bid__costs_its_price_for_an_impression_in_clicks() -> None:
    # 2,000 for an impression, a click in 50 impressions: 100,000 for a click
    click = Bid(1, "0xa", 250_000, rate_of(BidKind.CPC, 20_000), deal=Deal(1, 2_000, fixed=True))
    assert auction([click], 9_000, seed=0) == Sale(click, 100_000)


def test_asked_floor__soft_floor__is_drawn_evenly_from_floor_to_soft_floor() -> None:
    drawn = [asked_floor(1_000, 1_003, step << 61) for step in range(8)]
    assert drawn == [1_000, 1_000, 1_001, 1_001, 1_002, 1_002, 1_003, 1_003]


def test_asked_floor__none__is_the_floor() -> None:
    assert asked_floor(1_000, None, HALF) == 1_000


@given(FLOORS, FLOORS, SEEDS)
def test_asked_floor__any_seed__between_both_and_sure_to_be_reached_by_the_soft_floor(
    floor: int, above: int, seed: int
) -> None:
    """L76."""
    soft = floor + above
    assert floor <= asked_floor(floor, soft, seed) <= soft
    assert asked_floor(floor, soft, 0) == floor
    assert asked_floor(floor, soft, 2**64 - 1) == soft


@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 15))
def test_asked_at_most__any_floors__is_the_share_of_the_draws(worth: int, floor: int, above: int) -> None:
    draws = [asked_floor(floor, floor + above, (step << 64) // (16 * (above + 1))) for step in range(16 * (above + 1))]
    reached = [drawn for drawn in draws if drawn <= worth]
    share, average = asked_at_most(worth, floor, floor + above)
    assert abs(share - len(reached) / len(draws)) <= 2 / len(draws)
    assert not reached or abs(average - sum(reached) / len(reached)) <= 1


@given(BOOKS, FLOORS, SEEDS)
def test_auction__any_book__price_between_floor_and_own_bid(book: list[Bid], floor: int, seed: int) -> None:
    """L30, L77: in a deal its own price takes the place of the floor, and in a fixed one it is the price."""
    sale = auction(book, floor, seed)
    if sale is None:
        assert not any(bid.reaches(floor) for bid in book)
        return
    bid, paid = sale.bid, sale.price_micro_usdc * sale.bid.rate_ppm
    assert 1 <= sale.price_micro_usdc <= bid.bid_micro_usdc
    assert paid >= floor_ecpm_nano_usdc(bid.deal.price_micro_usdc if bid.deal else floor)
    deals = [one for one in book if one.deal and one.reaches(floor)]
    assert bool(bid.deal) == bool(deals)
    rivals = [one for one in book if one.tier == bid.tier and one.reaches(floor)]
    assert bid.score == max(one.score for one in rivals)
    if bid.deal and bid.deal.fixed:
        assert paid - floor_ecpm_nano_usdc(bid.deal.price_micro_usdc) < bid.rate_ppm
        return
    weight = sale.price_micro_usdc * bid.rate_ppm * (1_000 if bid.deal else bid.quality_permille)
    assert all(weight >= one.score for one in rivals if one.owner != bid.owner)


@given(BOOKS, FLOORS, SEEDS)
def test_auction__a_cent_less__would_not_have_matched_floor_and_second(
    book: list[Bid], floor: int, seed: int
) -> None:
    """L76: the price is the least of all that would still have won."""
    sale = auction(book, floor, seed)
    if sale is None or sale.price_micro_usdc == 1 or (sale.bid.deal and sale.bid.deal.fixed):
        return
    less = replace(sale.bid, bid_micro_usdc=sale.price_micro_usdc - 1)
    others = [one.score for one in book if one.owner != less.owner and one.tier == less.tier and one.reaches(floor)]
    assert not less.reaches(floor) or less.score < max(others, default=0)


@given(BOOKS, FLOORS, SEEDS, st.integers(1, 1_000_000))
def test_auction__winner_raises_its_bid__wins_at_the_same_price(
    book: list[Bid], floor: int, seed: int, by: int
) -> None:
    """L30, L76: the price does not depend on the winner's own bid, and raising a bid never loses."""
    sale = auction(book, floor, seed)
    if sale is not None:
        higher = [raised(bid, by) if bid == sale.bid else bid for bid in book]
        assert auction(higher, floor, seed) == Sale(raised(sale.bid, by), sale.price_micro_usdc)


@given(BOOKS, FLOORS, SEEDS, st.integers(1, 1_000_000))
def test_auction__loser_raises_its_bid__wins_itself_or_changes_nobody_elses_luck(
    book: list[Bid], floor: int, seed: int, by: int
) -> None:
    """L76: raising a bid never lets somebody of less worth win."""
    sale = auction(book, floor, seed)
    for loser in book:
        if sale is None or loser == sale.bid:
            continue
        after = auction([raised(bid, by) if bid == loser else bid for bid in book], floor, seed)
        assert after is not None
        same = (after.bid.tier, after.bid.score) == (sale.bid.tier, sale.bid.score)
        assert after.bid.line_item == loser.line_item or same


@given(BOOKS, FLOORS, FLOORS, SEEDS, st.integers(1, 1_000_000))
def test_auction__soft_floor__raising_a_bid_neither_loses_nor_costs(
    book: list[Bid], floor: int, above: int, seed: int, by: int
) -> None:
    """L76: what a request asks is drawn before anybody looks at a bid."""
    asked = asked_floor(floor, floor + above, seed)
    sale = auction(book, asked, seed)
    if sale is not None:
        higher = [raised(bid, by) if bid == sale.bid else bid for bid in book]
        assert auction(higher, asked, seed) == Sale(raised(sale.bid, by), sale.price_micro_usdc)


@given(BOOKS, FLOORS, SEEDS, st.randoms())
def test_auction__order_of_bids__changes_nothing(book: list[Bid], floor: int, seed: int, dice: object) -> None:
    """L76."""
    shuffled = list(book)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert auction(shuffled, floor, seed) == auction(book, floor, seed)


@given(BOOKS, FLOORS, SEEDS, st.data())
def test_auction__a_line_item_more_of_the_winners__never_makes_it_dearer(
    book: list[Bid], floor: int, seed: int, data: st.DataObject
) -> None:
    """L76: own line items do not bid against each other."""
    sale = auction(book, floor, seed)
    if sale is None:
        return
    more = replace(data.draw(BIDS), line_item=99, owner=sale.bid.owner)
    after = auction([*book, more], floor, seed)
    assert after is not None
    assert after.bid == more or after.bid.score == sale.bid.score
    if after.bid == sale.bid:
        assert after.price_micro_usdc == sale.price_micro_usdc
