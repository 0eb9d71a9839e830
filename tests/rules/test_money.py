"""Money splits without loss (L3, L35) and is written for people without rounding."""

from hypothesis import given
from hypothesis import strategies as st

from backend.core.money import BASIS_POINTS, fee, split, usdc

GROSS = st.dictionaries(st.integers(1, 10_000), st.integers(0, 2**62), max_size=20)
BPS = st.integers(0, BASIS_POINTS)


def test_split__three_publishers__worked_example() -> None:
    """L3: 1.000000 + 0.333333 + 0.000001 USDC at 10 %."""
    parts = split({1: 1_000_000, 2: 333_333, 3: 1}, 1_000)
    assert parts.fee_micro_usdc == 133_333
    assert parts.net_micro_usdc == {1: 900_000, 2: 299_999, 3: 0}
    assert parts.dust_micro_usdc == 2


def test_split__nobody_sold__is_empty() -> None:
    parts = split({}, 1_000)
    assert (parts.fee_micro_usdc, parts.net_micro_usdc, parts.dust_micro_usdc) == (0, {}, 0)


@given(GROSS, BPS)
def test_split__any_charges__conserves_every_micro_usdc(gross: dict[int, int], fee_bps: int) -> None:
    """L3, L35."""
    parts = split(gross, fee_bps)
    total = sum(gross.values())
    assert parts.fee_micro_usdc + sum(parts.net_micro_usdc.values()) + parts.dust_micro_usdc == total
    assert parts.fee_micro_usdc == fee(total, fee_bps)


@given(GROSS, BPS)
def test_split__any_charges__dust_is_less_than_one_per_publisher(gross: dict[int, int], fee_bps: int) -> None:
    """L3: rounding never takes more than one micro-USDC from a publisher, and never gives."""
    parts = split(gross, fee_bps)
    assert 0 <= parts.dust_micro_usdc <= len(gross)
    for publisher, net in parts.net_micro_usdc.items():
        exact = gross[publisher] * (BASIS_POINTS - fee_bps)
        assert 0 <= exact - net * BASIS_POINTS < BASIS_POINTS


@given(GROSS, BPS)
def test_split__order_of_publishers__does_not_matter(gross: dict[int, int], fee_bps: int) -> None:
    assert split(dict(reversed(gross.items())), fee_bps) == split(gross, fee_bps)


@given(st.integers(-(2**70), 2**70))
def test_usdc__any_amount__reads_back_exactly(micro_usdc: int) -> None:
    text = usdc(micro_usdc)
    assert int(text.replace(",", "").replace(".", "")) == micro_usdc
    assert len(text.rpartition(".")[2]) == 6
