"""A picture of some tables in memory: read again in the background once it is old, at once when it is too old."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """`load` runs in a thread. `seconds` is a clock; `fresh` and `stale` are ages in its seconds."""

    def __init__(self, load: Callable[[], T], seconds: Callable[[], float], *, fresh: float, stale: float) -> None:
        self._load, self._seconds = load, seconds
        self._fresh, self._stale = fresh, stale
        self._value: T | None = None
        self._at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """The picture, `stale` seconds old at most. Raises what `load` raises when there is none so young."""
        age = self._seconds() - self._at
        if self._value is None or not 0 <= age <= self._stale:
            return await self._read()
        if age > self._fresh and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._quietly())
        return self._value

    def forget(self) -> None:
        """Something was changed by this process: read again before the next use."""
        self._value = None

    async def _read(self) -> T:
        at = self._seconds()
        value = await asyncio.to_thread(self._load)
        self._value, self._at = value, at
        return value

    async def _quietly(self) -> None:
        with contextlib.suppress(Exception):        # the old picture serves until it is too old
            await self._read()
