"""The audit log is one chain: the hash of an entry covers the entry and the hash before it.

PostgreSQL computes the hashes when a change commits (migration 0010); this is the same rule once more, for whoever
checks. Entry 1 follows GENESIS. With a hash and the entries after it anybody can repeat it in a shell:
`printf '%s%s' "$previous_hash" "$canonical_json" | sha256sum`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

GENESIS = "0" * 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REPLACEMENT = "�"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the tables tell it. `id` and the others are None when only the link of the chain is left."""

    sequence: int
    hash: str
    id: int | None
    actor: str = ""
    account: str = ""
    action: str = ""
    subject: str = ""
    details: Mapping[str, object] | None = None
    created_at: datetime = _EPOCH


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry's place and hash; of an empty log (0, GENESIS)."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the log is not what was written."""

    sequence: int
    reason: str


def canonical(entry: Entry) -> str:
    """The entry as JSON without spaces, keys in the order of their code points, integers only (RFC 8785 for these)."""
    return json.dumps(
        {
            "account": entry.account, "action": entry.action, "actor": entry.actor,
            "at_us": (entry.created_at - _EPOCH) // timedelta(microseconds=1), "details": entry.details,
            "entry": entry.id, "sequence": entry.sequence, "subject": entry.subject,
        },
        ensure_ascii=False, separators=(",", ":"), sort_keys=True,
    )


def entry_hash(previous: str, entry: Entry) -> str:
    """SHA-256 of the hash before (64 hex digits as text) and the canonical entry, in hex."""
    return hashlib.sha256((previous + canonical(entry)).encode()).hexdigest()


def follow(entries: Iterable[Entry], start: Head) -> Iterator[Head]:
    """The head after each entry, from `start` on. Raises ChainBroken at the first that does not follow."""
    head = start
    for entry in entries:
        if entry.sequence != head.sequence + 1:
            raise ChainBroken(Broken(head.sequence + 1, "the entry is missing"))
        if entry.id is None:
            raise ChainBroken(Broken(entry.sequence, "the entry was deleted"))
        if entry_hash(head.hash, entry) != entry.hash:
            raise ChainBroken(Broken(entry.sequence, "the entry is not what was written"))
        head = Head(entry.sequence, entry.hash)
        yield head


class ChainBroken(Exception):
    """The log was changed; `broken` says where."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(f"entry {broken.sequence}: {broken.reason}")
        self.broken = broken


def plain(value: object) -> object:
    """`value` of null, booleans, integers, texts, lists and objects with text keys only: what has one canonical form.

    Decimals, floats, times and the like become texts; what PostgreSQL cannot keep in a text (NUL, lone surrogates) is
    replaced by U+FFFD.
    """
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, Mapping):
        return {_text(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [plain(item) for item in items]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int):      # an IntEnum
        return int(value)
    return _text(f"{value:f}" if isinstance(value, Decimal) else str(value))


def _text(text: str) -> str:
    return text.replace("\x00", _REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def head_of(text: str) -> Head:
    """The head that `str(head)` wrote. Raises ValueError."""
    sequence, _, digest = text.partition(":")
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("a head is <sequence>:<64 hex digits>")
    return Head(int(sequence), digest)
