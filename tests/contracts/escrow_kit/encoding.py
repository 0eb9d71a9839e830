"""ABI encoding that asks no questions: any 256-bit word may stand for any type, so bad calldata can be made too."""

import re
from collections.abc import Sequence

ARRAY = re.compile(r"^[a-z0-9]+\[(\d*)\]$")


def word(value: object) -> bytes:
    """A number, a bool, an address as 0x-hex or up to 32 bytes as one word."""
    if isinstance(value, bytes):
        return value.ljust(32, b"\0")[:32]
    if isinstance(value, str):
        return int(value, 16).to_bytes(32, "big")
    assert isinstance(value, int)
    return (value % 2**256).to_bytes(32, "big")


def is_dynamic(kind: str) -> bool:
    return kind == "bytes" or kind.endswith("[]")


def encode(types: Sequence[str], values: Sequence[object]) -> bytes:
    """Arguments without the selector: words, fixed arrays of words, dynamic arrays of words, bytes."""
    heads: list[bytes] = []
    tails = b""
    size = sum(32 * head_words(kind) for kind in types)
    for kind, value in zip(types, values, strict=True):
        if is_dynamic(kind):
            heads.append((size + len(tails)).to_bytes(32, "big"))
            tails += _dynamic(kind, value)
        elif head_words(kind) > 1:
            assert isinstance(value, Sequence)
            heads.append(b"".join(word(one) for one in value))
        else:
            heads.append(word(value))
    return b"".join(heads) + tails


def head_words(kind: str) -> int:
    """Words that a type takes in the head."""
    match = ARRAY.match(kind)
    return int(match[1]) if match and match[1] else 1


def _dynamic(kind: str, value: object) -> bytes:
    assert isinstance(value, Sequence)
    length = len(value).to_bytes(32, "big")
    if kind == "bytes":
        assert isinstance(value, bytes)
        return length + value + bytes(-len(value) % 32)
    return length + b"".join(word(one) for one in value)
