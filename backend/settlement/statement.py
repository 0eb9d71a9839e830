"""The statement of an epoch: what is owed to whom and why, as canonical JSON whose SHA-256 goes on chain.

The format is specified in docs/settlement-spec.md. Amounts are decimal strings of micro-USDC, everything else that is a
number stays below 2^53, so every JSON reader sees the same value.
"""

import hashlib
from typing import Annotated

import msgspec

from backend.settlement.tree import Tree, build_tree, encode_entry

SCHEMA = 1
STATEMENT_FILE = "statement.json"
EVENTS_FILE = "events.csv.zst"
ZERO_ROOT = "0x" + "00" * 32
MS_PER_DAY = 86_400_000

Amount = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,38})\Z")]
Bytes32 = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-f]{64}\Z")]
AddressText = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-f]{40}\Z")]
ParameterName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class StatementError(ValueError):
    """The bytes are not a statement in canonical form."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a statement: no field is optional and none is unknown."""


class Contracts(_Part, frozen=True):
    escrow: AddressText
    payout: AddressText


class Interval(_Part, frozen=True):
    """Unix milliseconds. An event belongs here by its decision time: `from_ms` - token life <= time < `to_ms`."""

    from_ms: Count
    to_ms: Count


class RulesetPart(_Part, frozen=True):
    """Every parameter of the ruleset, and the SHA-256 of their canonical JSON."""

    parameters: dict[ParameterName, Count]
    sha256: Bytes32


class Entry(_Part, frozen=True):
    """A publisher's line. `net` is what this epoch adds to `cumulative`; at index 0 it is the epoch's dust."""

    index: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    recipient: AddressText
    gross_micro_usdc: Amount
    net_micro_usdc: Amount
    cumulative_micro_usdc: Amount


class Debit(_Part, frozen=True):
    """What a campaign (by its number on chain) pays."""

    campaign: Annotated[int, msgspec.Meta(ge=0, lt=2**34)]
    amount_micro_usdc: Amount


class Totals(_Part, frozen=True):
    """total = fee + net + dust."""

    total_micro_usdc: Amount
    fee_micro_usdc: Amount
    net_micro_usdc: Amount
    dust_micro_usdc: Amount


class EventsPart(_Part, frozen=True):
    """The events file before compression: rows without the header, bytes, SHA-256."""

    count: Count
    bytes: Count
    sha256: Bytes32


class Statement(_Part, frozen=True):
    """See docs/settlement-spec.md for each field."""

    schema: Annotated[int, msgspec.Meta(ge=SCHEMA, le=SCHEMA)]
    chain_id: Count
    contracts: Contracts
    epoch: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    attempt: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    interval: Interval
    ruleset: RulesetPart
    previous_root: Bytes32
    publishers_root: Bytes32
    publishers: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
    debits_hash: Bytes32
    entries: list[Entry]
    debits: list[Debit]
    totals: Totals
    events: EventsPart

    @property
    def fee_bps(self) -> int:
        """The platform's fee in basis points; 0 when the ruleset names none."""
        return self.ruleset.parameters.get("fee_bps", 0)

    @property
    def earliest_ms(self) -> int:
        """No event of this epoch was decided before this time (Unix milliseconds), conversions aside."""
        return self.interval.from_ms - 1_000 * self.ruleset.parameters.get("token_seconds", 0)

    @property
    def earliest_conversion_ms(self) -> int:
        """No conversion of this epoch is of an older decision (Unix milliseconds): lookbacks end."""
        return self.earliest_ms - MS_PER_DAY * self.ruleset.parameters.get("conversion_days_max", 0)


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Statement, strict=True)


def encode(statement: Statement) -> bytes:
    """Canonical JSON (RFC 8785). Strings are ASCII without escapes and numbers are integers, so sorting suffices."""
    return _ENCODER.encode(statement)


def decode(raw: bytes) -> Statement:
    """The statement behind `raw`. Raises StatementError when a field is wrong or the form is not the canonical one."""
    try:
        statement = _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StatementError(f"not a statement: {error}") from error
    if encode(statement) != raw:
        raise StatementError("not in canonical form (RFC 8785)")
    return statement


def data_hash(raw: bytes) -> bytes:
    """What `propose` publishes on chain for a statement: SHA-256 of its bytes."""
    return hashlib.sha256(raw).digest()


def publishers_tree(entries: list[Entry]) -> Tree:
    """The tree over the cumulative amounts of a statement; an index without an entry is the zero word.

    Raises ValueError when an amount does not fit 64 bits.
    """
    words = [0] * (max(entry.index for entry in entries) + 1)
    for entry in entries:
        words[entry.index] = encode_entry(entry.recipient, int(entry.cumulative_micro_usdc))
    return build_tree(words)
