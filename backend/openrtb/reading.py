"""From bytes to a bid request. *Strict* takes what the specification says; *lenient*, the default, what exchanges send:

numbers as text and text as numbers, one thing where a list belongs, null for "not given", whatever cannot be read as if
it were not there; but a price that cannot be read is no price (NaN), since a floor that is not understood must bind.
Neither minds fields that it does not know. Both insist on an id and an impression with an id.
"""

import json
import re
import types
import typing
import zlib
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from backend.core.errors import BadRequest, TooLarge
from backend.openrtb.request import BidRequest

IMPS_MAX = 32                   # are answered; a request that has more than ASKED_MAX is more likely a mistake
ASKED_MAX = 256
TEXT_MAX = 4_096
OBJECTS_MAX = 1_000             # in one list; texts and numbers are as many as the body has: all block something
WHOLE_MAX = 2**53
VERSION = "2.6"
VERSION_HEADER = "x-openrtb-version"

DEPTH_MAX = 40
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")

T = TypeVar("T")
_ABSENT = object()
_NO_PRICE = Decimal("NaN")


def check_version(header: str | None) -> None:
    """Raises BadRequest `openrtb_version` when the exchange says that it speaks another major version than 2."""
    said = (header or VERSION).strip()
    if said.split(".")[0] != "2":
        raise BadRequest("openrtb_version", f"this speaks OpenRTB {VERSION}")


def unpacked(body: bytes, encoding: str | None, bytes_max: int) -> bytes:
    """The body without its `Content-Encoding`. Raises TooLarge `body_too_large`, BadRequest `openrtb_request`."""
    if not encoding or encoding.lower() == "identity":
        return body
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise BadRequest("openrtb_request", "Content-Encoding may be gzip or identity")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise BadRequest("openrtb_request", "the body is not gzip") from error
    if len(text) > bytes_max:
        raise TooLarge("body_too_large", f"a body may have at most {bytes_max} bytes")
    return text


def read_request(body: bytes, *, strict: bool) -> BidRequest:
    """The request, of which the first IMPS_MAX impressions. Raises BadRequest: `malformed_json`, or `openrtb_request`
    when it is none.
    """
    request = _strictly(body) if strict else lenient(_json(body), BidRequest)
    if request is None or not request.id or not request.imp:
        raise BadRequest("openrtb_request", "a bid request has an id, and at least one imp with an id")
    if len(request.imp) > ASKED_MAX:
        raise BadRequest("openrtb_request", f"at most {ASKED_MAX} impressions may be asked for at once")
    if len({imp.id for imp in request.imp}) < len(request.imp):
        raise BadRequest("openrtb_request", "two impressions have the same id")
    request.imp = request.imp[:IMPS_MAX]
    return request


def read_lenient(body: bytes, kind: type[T]) -> T | None:
    """Any object of ours from JSON; None when it lacks what it must have. Raises BadRequest `malformed_json`."""
    found: T | None = lenient(_json(body), kind)
    return found


def _strictly(body: bytes) -> BidRequest:
    _check_depth(body)
    try:
        return msgspec.json.decode(body, type=BidRequest)
    except msgspec.ValidationError as error:
        raise BadRequest("openrtb_request", str(error)[:300]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error


def _json(body: bytes) -> object:
    """What the body says; also when it is not quite JSON: half of a pair of surrogates, as in a title that was cut off
    in the middle of a sign, a tab, or a byte order mark. What is no number stays a mistake.
    """
    _check_depth(body)
    try:
        return msgspec.json.decode(body)
    except RecursionError as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return json.loads(body, strict=False, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error


def _no_number(text: str) -> None:
    raise ValueError(text)


def _check_depth(body: bytes) -> None:
    """Raises BadRequest when something is nested deeper than any request of the specification.

    The decoder goes down by recursion, as far as the process lets it: its stack ends before, where that is far.
    """
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise BadRequest("openrtb_request", f"at most {DEPTH_MAX} objects or lists may be inside of each other")


# ---- lenient --------------------------------------------------------------------------------------------------------


def lenient(raw: object, kind: type[Any]) -> Any:
    """`raw` as an object of `kind`; None when it is no object, or lacks a field without a default."""
    if not isinstance(raw, Mapping):
        return None
    values: dict[str, Any] = {}
    for name, (reader, required) in _plan(kind).items():
        value = reader(raw[name]) if raw.get(name) is not None else _ABSENT
        if value is not _ABSENT:
            values[name] = value
        elif required:
            return None
    return kind(**values)


_PLANS: dict[type, dict[str, tuple[Callable[[object], Any], bool]]] = {}


def _plan(kind: type[Any]) -> dict[str, tuple[Callable[[object], Any], bool]]:
    """How each field is read, worked out once."""
    if kind not in _PLANS:
        _PLANS[kind] = {field.name: (_reader(field.type), field.required) for field in msgspec.structs.fields(kind)}
    return _PLANS[kind]


def _reader(wanted: Any) -> Callable[[object], Any]:
    """What makes a value of the type `wanted` of whatever came, or says that it was as good as absent."""
    if isinstance(wanted, types.UnionType):
        wanted = next(part for part in typing.get_args(wanted) if part is not type(None))
    if typing.get_origin(wanted) is list:
        part = typing.get_args(wanted)[0]
        each, most = _reader(part), None if part in _SIMPLE else OBJECTS_MAX
        return lambda raw: _list(raw, each, most)
    return _SIMPLE.get(wanted) or (lambda raw: _given(lenient(raw, wanted)))


def _given(value: object) -> object:
    return _ABSENT if value is None else value


def _list(raw: object, each: Callable[[object], Any], most: int | None) -> Any:
    parts = raw if isinstance(raw, list) else [raw]
    return [value for part in parts[:most] if part is not None and (value := each(part)) is not _ABSENT]


def _text(raw: object) -> Any:
    if isinstance(raw, Mapping | list):         # a native request that is not put into a text
        try:
            raw = msgspec.json.encode(raw).decode()
        except (RecursionError, UnicodeEncodeError):
            return _ABSENT
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return _ABSENT
    return _short(str(raw))


def _short(text: str) -> Any:
    if not 0 < len(text) <= TEXT_MAX:
        return _ABSENT
    return text if text.isascii() else text.encode(errors="replace").decode()       # half of a pair becomes "?"


def _whole(raw: object) -> Any:
    number = _number(int(raw) if isinstance(raw, bool) else raw)
    return int(number) if isinstance(number, Decimal) and number == int(number) else _ABSENT


def _number(raw: object) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return _ABSENT
    text = raw.strip() if isinstance(raw, str) else repr(raw)
    try:
        number = Decimal(text) if len(text) <= 40 else None
    except InvalidOperation:
        return _ABSENT
    if number is None or not number.is_finite() or abs(number) > WHOLE_MAX:
        return _ABSENT
    return number


def _price(raw: object) -> Any:
    """An empty text is as good as nothing; anything else that is no number binds, and nobody can reach it."""
    if isinstance(raw, str) and not raw.strip():
        return _ABSENT
    number = _number(raw)
    return _NO_PRICE if number is _ABSENT else number


def _truth(raw: object) -> Any:
    if isinstance(raw, str):
        raw = {"true": 1, "1": 1, "false": 0, "0": 0}.get(raw.lower())
    return bool(raw) if isinstance(raw, bool | int) and raw in (0, 1) else _ABSENT


_SIMPLE: Mapping[type, Callable[[object], Any]] = {str: _text, int: _whole, Decimal: _price, bool: _truth}
