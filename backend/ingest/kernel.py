"""What kernel.c makes of a batch, where a compiler has built it (scripts/kernel.py does, in `make setup`).

It is never needed, and knows one thing: a view for which `quick.plainly_good` has a record, as it goes into the stream.
"""

from typing import Protocol

from backend.core.events import Sample
from backend.ingest.reports import Report, Viewable

VERSION = 1                     # as in kernel.c

Plain = tuple[bytes, bytes, int, bytes]
"""A record in JSON, the viewer, when the token expires (Unix milliseconds), and the claim."""


class Kernel(Protocol):
    """Of each report what it is plainly worth, or None. The arguments are those of quick.Asked.numbers."""

    def __call__(self, reports: list[Report], key: bytes, network_mark: bytes, *numbers: int) -> list[Plain | None]: ...


def load() -> Kernel | None:
    """The compiled kernel; None where there is none, or an old one."""
    try:
        from backend.ingest import _kernel
    except ImportError:
        return None
    if _kernel.VERSION != VERSION:
        return None
    _kernel.bind(Viewable, Sample)
    found: Kernel = _kernel.judge_views
    return found
