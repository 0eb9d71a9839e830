"""Reads consent strings of the IAB's Transparency and Consent Framework 2.2, strictly: what is odd is an error.

Layout: IAB Tech Lab, "Consent string and vendor list formats v2".
Sets of purposes and vendors are integers: bit n stands for id n, bit 0 is never set.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

CHARACTERS_MAX = 4_096
VERSION = 2
PADDING_BITS_MAX = 23           # encoders fill up to whole characters, bytes or groups of four characters

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PURPOSES, _SPECIAL_FEATURES = 24, 12


class ConsentStringError(ValueError):
    """The text is no TCF 2 string; `reason` says why. Whoever gets this has no consent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Restriction(IntEnum):
    """What a publisher says about a purpose for some vendors, whatever the viewer chose."""

    NOT_ALLOWED = 0
    REQUIRE_CONSENT = 1
    REQUIRE_LEGITIMATE_INTEREST = 2


@dataclass(frozen=True, slots=True)
class PublisherRestriction:
    """`vendors` is a set of vendor ids."""

    purpose: int
    kind: Restriction
    vendors: int


@dataclass(frozen=True, slots=True)
class PublisherChoices:
    """The Publisher TC segment: what the viewer allowed the publisher itself; custom purposes are its own."""

    purposes_consent: int
    purposes_legitimate_interest: int
    custom_purposes: int                    # how many there are
    custom_consent: int
    custom_legitimate_interest: int


@dataclass(frozen=True, slots=True)
class ConsentString:
    """Everything a string says. `disclosed_vendors`, `allowed_vendors` and `publisher` are None without their segment.

    Times are UTC, to a tenth of a second; `language` and `publisher_country` are two capital letters.
    """

    version: int
    created: datetime
    updated: datetime
    cmp_id: int
    cmp_version: int
    consent_screen: int
    language: str
    vendor_list_version: int
    policy_version: int
    service_specific: bool
    non_standard_texts: bool
    special_features: int
    purposes_consent: int
    purposes_legitimate_interest: int
    purpose_one_treatment: bool
    publisher_country: str
    vendors_consent: int
    vendors_legitimate_interest: int
    restrictions: tuple[PublisherRestriction, ...]
    disclosed_vendors: int | None = None
    allowed_vendors: int | None = None
    publisher: PublisherChoices | None = None


def contains(ids: int, number: int) -> bool:
    """Whether the set `ids` has `number`."""
    return bool(ids >> number & 1)


def decode(text: str) -> ConsentString:
    """The string's content. Raises ConsentStringError for anything that the specification does not allow.

    The first segment is the core; the others may follow in any order, each once.
    """
    if len(text) > CHARACTERS_MAX:
        raise ConsentStringError(f"longer than {CHARACTERS_MAX} characters")
    core, *others = text.split(".")
    fields = _core(_Bits(core))
    for segment in others:
        name, value = _segment(_Bits(segment))
        if name in fields:
            raise ConsentStringError(f"the segment {name} comes twice")
        fields[name] = value
    return ConsentString(**fields)  # type: ignore[arg-type]


class _Bits:
    """A segment as bits, read from the front. Each character is six of them."""

    def __init__(self, segment: str) -> None:
        if not _SEGMENT.fullmatch(segment):
            raise ConsentStringError("a segment is empty or not base64url without padding")
        filled = segment + "A" * (-len(segment) % 4)
        self._value = int.from_bytes(base64.urlsafe_b64decode(filled), "big") >> 6 * (len(filled) - len(segment))
        self._left = 6 * len(segment)

    def number(self, width: int) -> int:
        """The next `width` bits as an integer, the first bit being the highest."""
        if width > self._left:
            raise ConsentStringError("the string ends too early")
        self._left -= width
        return self._value >> self._left & (1 << width) - 1

    def flag(self) -> bool:
        return bool(self.number(1))

    def ids(self, width: int) -> int:
        """A bit field whose first bit stands for id 1."""
        field = self.number(width)
        return int(f"{field:0{width}b}"[::-1], 2) << 1 if field else 0

    def letters(self) -> str:
        pair = (self.number(6), self.number(6))
        if max(pair) > 25:
            raise ConsentStringError("a language or country is not two letters")
        return "".join(chr(65 + letter) for letter in pair)

    def time(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=100 * self.number(36))

    def end(self) -> None:
        """Only padding may be left."""
        if self._left > PADDING_BITS_MAX or self.number(self._left):
            raise ConsentStringError("something follows the end")


def _core(bits: _Bits) -> dict[str, object]:
    version = bits.number(6)
    if version != VERSION:
        raise ConsentStringError(f"version {version} is not {VERSION}")
    fields: dict[str, object] = {"version": version}
    fields |= {"created": bits.time(), "updated": bits.time(), "cmp_id": bits.number(12)}
    fields |= {"cmp_version": bits.number(12), "consent_screen": bits.number(6), "language": bits.letters()}
    fields |= {"vendor_list_version": bits.number(12), "policy_version": bits.number(6)}
    fields |= {"service_specific": bits.flag(), "non_standard_texts": bits.flag()}
    fields |= {"special_features": bits.ids(_SPECIAL_FEATURES), "purposes_consent": bits.ids(_PURPOSES)}
    fields |= {"purposes_legitimate_interest": bits.ids(_PURPOSES), "purpose_one_treatment": bits.flag()}
    fields |= {"publisher_country": bits.letters(), "vendors_consent": _vendors(bits)}
    fields |= {"vendors_legitimate_interest": _vendors(bits), "restrictions": _restrictions(bits)}
    bits.end()
    return fields


def _segment(bits: _Bits) -> tuple[str, object]:
    """Name of the field and its value."""
    kind = bits.number(3)
    value: object
    if kind == 1:
        name, value = "disclosed_vendors", _vendors(bits)
    elif kind == 2:
        name, value = "allowed_vendors", _vendors(bits)
    elif kind == 3:
        name, value = "publisher", _publisher(bits)
    else:
        raise ConsentStringError(f"there is no segment of type {kind}")
    bits.end()
    return name, value


def _vendors(bits: _Bits) -> int:
    """A set of vendor ids, written as a bit field or as ranges."""
    largest, ranged = bits.number(16), bits.flag()
    if not ranged:
        return bits.ids(largest)
    vendors = _ranges(bits)
    if vendors.bit_length() - 1 > largest:
        raise ConsentStringError("a range goes beyond the largest vendor")
    return vendors


def _ranges(bits: _Bits) -> int:
    vendors = 0
    for _ in range(bits.number(12)):
        several = bits.flag()
        first = bits.number(16)
        last = bits.number(16) if several else first
        if not 0 < first <= last:
            raise ConsentStringError("a range of vendors runs backwards or has vendor 0")
        vendors |= (1 << last + 1) - (1 << first)
    return vendors


def _restrictions(bits: _Bits) -> tuple[PublisherRestriction, ...]:
    found = []
    for _ in range(bits.number(12)):
        purpose, kind = bits.number(6), bits.number(2)
        if not 0 < purpose <= _PURPOSES or kind not in set(Restriction):
            raise ConsentStringError("a publisher's restriction names no purpose or no known kind")
        found.append(PublisherRestriction(purpose, Restriction(kind), _ranges(bits)))
    return tuple(found)


def _publisher(bits: _Bits) -> PublisherChoices:
    consent, interest, custom = bits.ids(_PURPOSES), bits.ids(_PURPOSES), bits.number(6)
    return PublisherChoices(consent, interest, custom, bits.ids(custom), bits.ids(custom))
