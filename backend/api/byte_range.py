"""`Range: bytes=…` (RFC 9110 §14): players ask for parts of a film."""

import re

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last, of the one range asked for; all of `size` without a header.

    None when the range lies outside (416). Several ranges, other units and nonsense are answered with everything, as
    the RFC allows.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return 0, size
    first, last = match[1], match[2]
    if not first:                                       # the last so many bytes
        return (max(0, size - int(last)), size) if int(last) else None
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return 0, size
    return (start, end) if start < size else None
