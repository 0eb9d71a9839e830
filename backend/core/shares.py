"""Who is paid for a sale where several share a placement: drawn by the decision's own random bytes.

Each sale pays one of them in whole, so nothing is rounded, and a settlement needs no line more than without shares. Of
n equal sales a share p gets p·n, give or take sqrt(p·(1−p)·n): half of 10,000 is 5,000 ± 50.
"""

from collections.abc import Sequence

from backend.core.money import BASIS_POINTS

RANDOM_BYTES = 8


def payee(shares: Sequence[tuple[int, int]], decision_id: bytes) -> int:
    """The publisher index that the sale of this decision pays. `shares`: (index, basis points), 10,000 in sum.

    The draw is bytes 6 to 13 of the decision id, big endian, modulo 10,000; shares follow each other by index. Anybody
    can repeat it with a published event.

    >>> payee(((4, 2_500), (7, 7_500)), bytes(6) + (12_500).to_bytes(8, "big") + bytes(2))
    7
    """
    draw = int.from_bytes(decision_id[6 : 6 + RANDOM_BYTES], "big") % BASIS_POINTS
    for index, basis_points in sorted(shares):
        draw -= basis_points
        if draw < 0:
            return index
    raise ValueError("shares are 10,000 basis points in sum")
