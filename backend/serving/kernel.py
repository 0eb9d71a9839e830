"""What kernel.c writes of a decision, where a compiler has built it (scripts/kernel.py does, in `make setup`).

It is never needed: what it writes is what Wire and decision_token write.
"""

from collections.abc import Callable

VERSION = 2                     # as in kernel.c

Stamped = tuple[bytes, bytes, bytes, bytes]
"""The token's body, the token, the packed call of the hold script, and how the answer begins."""
Stamp = Callable[..., Stamped | None]
"""See `Wire.stamp`."""


def load() -> Stamp | None:
    """The compiled kernel; None where there is none, or an old one."""
    try:
        from backend.serving import _kernel
    except ImportError:
        return None
    found: Stamp = _kernel.stamp
    return found if _kernel.VERSION == VERSION else None
