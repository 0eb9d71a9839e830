"""Choices read from a string of bytes, so that hypothesis can shrink them: zeros pick the first of everything."""

from collections.abc import Sequence
from typing import TypeVar

from backend.core.keccak import keccak256

Chosen = TypeVar("Chosen")


class Dice:
    """Bytes are used from the front; when they are used up, zeros follow."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1; the bound is at most 65,536."""
        number = self.byte()
        if bound > 256:
            number |= self.byte() << 8
        return number % bound

    def pick(self, choices: Sequence[Chosen]) -> Chosen:
        return choices[self.below(len(choices))]

    def one_in(self, count: int) -> bool:
        """True once in `count` times; zeros say no."""
        return self.below(count) == count - 1

    def part(self, whole: int) -> int:
        """Something from none to all of `whole`."""
        return whole * self.byte() // 255

    def bits(self) -> int:
        """256 bits."""
        return int.from_bytes(keccak256(self.data + self.byte().to_bytes(1, "big") + self.at.to_bytes(2, "big")))
