"""What the escrow lets an epoch take, and how it remembers a proposal (L4, L14)."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from backend.chain.proposal import Lane, Reservation, debit_limit, lane_of, pending_hash
from backend.core.keccak import keccak256

NONE = Reservation(0, 0, 0)


@given(st.integers(1, 2**64 - 1), st.binary(min_size=32, max_size=32), st.integers(0, 2**60), st.integers(0, 2**64 - 1))
def test_pending_hash__any_proposal__is_the_abi_encoding(epoch: int, root: bytes, total: int, active_at: int) -> None:
    kinds = ["uint256", "bytes32", "bytes32", "uint256", "uint64"]
    encoded = encode(kinds, [epoch, root, b"\3" * 32, total, active_at])
    assert pending_hash(epoch, root, b"\3" * 32, total, active_at) == keccak256(encoded)


@given(st.lists(st.tuples(st.integers(0, 2**62 - 1), st.booleans()), min_size=4, max_size=4))
def test_lane_of__four_lanes__each_its_own(lanes: list[tuple[int, bool]]) -> None:
    word = sum(
        (remaining | 1 << 62 | (1 << 63 if capped else 0)) << (64 * k) for k, (remaining, capped) in enumerate(lanes)
    )
    assert [lane_of(word, 8 + k) for k in range(4)] == [Lane(*lane) for lane in lanes]


@pytest.mark.parametrize(
    ("epoch", "remaining", "reservation", "cap", "pending", "limit"),
    [
        (5, 100, NONE, 0, 0, 100),
        (5, 100, NONE, 40, 0, 40),
        (5, 100, NONE, 0, 30, 70),
        (5, 100, NONE, 0, 130, 0),
        (5, 100, Reservation(50, 5, 2_000), 0, 0, 150),
        (5, 100, Reservation(50, 4, 2_000), 0, 0, 100),
        (5, 100, Reservation(50, 5, 2_000), 0, 120, 30),
        (5, 100, Reservation(50, 4, 2_000), 0, 120, 0),
        (5, 100, Reservation(50, 5, 1_001), 0, 0, 150),
        (5, 100, Reservation(50, 5, 1_000), 0, 0, 100),
        (5, 0, Reservation(50, 9, 2_000), 20, 0, 20),
        (5, 2**62 - 1, NONE, 0, 0, 2**56 - 1),
    ],
)
def test_debit_limit__remaining_reservation_cap_and_pending(
    epoch: int, remaining: int, reservation: Reservation, cap: int, pending: int, limit: int
) -> None:
    """L14: the epoch is final by 1,000, and what can be withdrawn by then is not counted on."""
    assert debit_limit(epoch, remaining, reservation, cap, pending, needed_until=1_000) == limit
