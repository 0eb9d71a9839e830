"""Random bytes by the thousand: asking the system for a few at a time costs as much as reading the request does."""

import os
from collections.abc import Iterator

PIECES = 512


def random_pieces(size: int) -> Iterator[bytes]:
    """Endless pieces of `size` bytes from the system's generator; for one thread of one process."""
    while True:
        block = os.urandom(size * PIECES)
        for start in range(0, len(block), size):
            yield block[start : start + size]
