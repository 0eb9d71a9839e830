"""What kernel.c makes of a batch, where a compiler has built it (scripts/kernel.py does, in `make setup`).

It is never needed, and knows one thing: an event for which `quick.plainly_good` has a record, as it goes into the
stream.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from backend.core.events import Sample
from backend.ingest.reports import Report, Viewable

VERSION = 3                     # as in kernel.c

Plain = tuple[bytes, bytes, int, bytes]
"""A record in JSON, the viewer, when the token expires (Unix milliseconds), and the claim."""


class Whole(NamedTuple):
    """A request in which every event is plainly good, and none is twice: the entry for the stream, and what the door

    asks (door.Names).
    """

    entry: bytes
    events: int
    viewer: bytes
    names: tuple[tuple[int, int, bytes], ...]


class JudgeViews(Protocol):
    """Of each report what it is plainly worth, or None. `numbers` are those of quick.Asked."""

    def __call__(self, reports: list[Report], key: bytes, network_mark: bytes, *numbers: int) -> list[Plain | None]: ...


class JudgeBody(Protocol):
    """The fields of a Whole; None when the JSON, or an event in it, is anything but plain."""

    def __call__(
        self, body: bytes, key: bytes, network_mark: bytes, *numbers: int
    ) -> tuple[bytes, int, bytes, tuple[tuple[int, int, bytes], ...]] | None: ...


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is compiled."""

    views: JudgeViews
    body: JudgeBody


def load() -> Kernel | None:
    """The compiled kernel; None where there is none, or an old one."""
    try:
        from backend.ingest import _kernel
    except ImportError:
        return None
    if _kernel.VERSION != VERSION:
        return None
    _kernel.bind(Viewable, Sample)
    return Kernel(_kernel.judge_views, _kernel.judge_body)
