"""Reads numbers from bytes and never past their end."""

from backend.creatives.media.facts import damaged


class Cursor:
    """A position in `data` between `at` and `end`. Whatever would read past `end` raises `asset_damaged`."""

    def __init__(self, data: bytes | memoryview, at: int = 0, end: int | None = None) -> None:
        self.data = memoryview(data)
        self.at = at
        self.end = len(data) if end is None else end
        if not 0 <= self.at <= self.end <= len(data):
            raise damaged("a part reaches beyond the end of the file")

    @property
    def left(self) -> int:
        return self.end - self.at

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        self.need(count)
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def skip(self, count: int) -> None:
        self.need(count)
        self.at += count

    def need(self, count: int) -> None:
        if count < 0 or count > self.left:
            raise damaged(f"the file breaks off after {self.end} bytes")

    def part(self, count: int) -> "Cursor":
        """The next `count` bytes as a cursor of their own; this one goes on behind them."""
        self.need(count)
        inner = Cursor(self.data, self.at, self.at + count)
        self.at += count
        return inner

    def big(self, count: int) -> int:
        """The next `count` bytes as an unsigned number, big end first."""
        return int.from_bytes(self.take(count), "big")

    def little(self, count: int) -> int:
        """The next `count` bytes as an unsigned number, little end first."""
        return int.from_bytes(self.take(count), "little")
