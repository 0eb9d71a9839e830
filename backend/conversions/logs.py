"""Logs of advertisers' contracts: where the reference of a click may stand in them."""

from dataclasses import dataclass

WORD_HEX = 64


@dataclass(frozen=True, slots=True)
class ConversionLog:
    """A log as the chain has it; hex is lowercase with 0x."""

    transaction: str
    index: int
    block: int
    topics: tuple[str, ...]
    data: str

    @property
    def order_id(self) -> str:
        """Its name for life: no other log has it."""
        return f"{self.transaction}:{self.index}"


def words(log: ConversionLog) -> list[str]:
    """Every 32-byte word of a log that may be a reference: the topics after the first, then the data, word by word.

    A `bytes32` argument is a word of its own, indexed or not (Contract ABI specification). Others cannot be mistaken
    for a reference: it is a hash of something that only we and the landing page know.
    """
    data = log.data.removeprefix("0x")
    whole = len(data) - len(data) % WORD_HEX
    inside = ["0x" + data[start : start + WORD_HEX] for start in range(0, whole, WORD_HEX)]
    return [*log.topics[1:], *inside]


def next_range(read_number: int, confirmed: int, blocks_max: int) -> tuple[int, int] | None:
    """First and last block to read next; None when everything confirmed was read."""
    if read_number >= confirmed:
        return None
    return read_number + 1, min(confirmed, read_number + blocks_max)
