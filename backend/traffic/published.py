"""Where lists are published, and how each of them is read. What does not read as expected is refused whole."""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from backend.traffic.lists import ListError, merged

BYTES_MAX = 16 * 1024**2
CRAWLERS = "crawlers"
PATTERN_LENGTH_MAX = 200
OPEN_REPETITIONS_MAX = 1
BOM = b"\xef\xbb\xbf"
_ATOM = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)      # an escape or a class: one character of the text
_BACK_REFERENCE = re.compile(r"\\[1-9]")


@dataclass(frozen=True, slots=True)
class Source:
    """A list by name. An address may contain `{monday}`, the day of a weekly edition as YYYYMMDD."""

    name: str
    addresses: tuple[str, ...]
    read: Callable[[bytes], list[str]]

    def urls(self, today: date) -> list[str]:
        """Addresses to try, the newest edition first. Redirects are not followed, so both ends of one are named."""
        last = today - timedelta(days=today.weekday())
        mondays = [f"{last - timedelta(weeks=back):%Y%m%d}" for back in range(3)]
        return list(dict.fromkeys(
            address.format(monday=monday) for address in self.addresses for monday in mondays
        ))


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body.removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ListError(f"no JSON: {error}") from error


def _networks(read: Callable[[Any], Iterable[Any]]) -> Callable[[bytes], list[str]]:
    """A reader of JSON in which `read` finds the networks."""

    def networks(body: bytes) -> list[str]:
        try:
            found = [str(one) for one in read(_json(body))]
        except (KeyError, TypeError, AttributeError) as error:
            raise ListError(f"not the form that is known: {error!r}") from error
        return merged(found)

    return networks


def _aws(content: Any) -> Iterable[Any]:
    yield from (one["ip_prefix"] for one in content["prefixes"])
    yield from (one["ipv6_prefix"] for one in content["ipv6_prefixes"])


def _google(content: Any) -> Iterable[Any]:
    return (one.get("ipv4Prefix") or one["ipv6Prefix"] for one in content["prefixes"])


def _azure(content: Any) -> Iterable[Any]:
    return (prefix for tag in content["values"] for prefix in tag["properties"]["addressPrefixes"])


def _oracle(content: Any) -> Iterable[Any]:
    return (one["cidr"] for region in content["regions"] for one in region["cidrs"])


def geofeed(body: bytes) -> list[str]:
    """CSV in UTF-8 whose first column is the network, with comments (RFC 8805 §2.1). Raises ListError."""
    try:
        lines = [line for line in body.decode("utf-8-sig").splitlines() if line.strip() and line[0] != "#"]
        rows = list(csv.reader(lines))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ListError(f"no CSV: {error}") from error
    return merged([row[0].strip() for row in rows])


def crawlers(body: bytes) -> list[str]:
    """Patterns of the list of crawlers, each of which compiles and cannot run away. Raises ListError."""
    content = _json(body)
    if not isinstance(content, list):
        raise ListError("not the form that is known: no list")
    found = sorted({str(one.get("pattern", "")).replace("\\/", "/") for one in content if isinstance(one, dict)})
    return [pattern for pattern in found if usable(pattern)]


def usable(pattern: str) -> bool:
    """Whether a stranger's pattern may be run over strangers' texts, joined with others to one.

    It is short and valid, repeats at most one thing without end and no group, so that a text of n characters takes no
    more than n² steps; it has no flags, names and references, which would hold for the others too, and no line break,
    at which stored lists are cut.
    """
    if not 3 <= len(pattern) <= PATTERN_LENGTH_MAX or len(pattern.splitlines()) != 1:
        return False
    bare = _ATOM.sub("x", pattern)
    if len(re.findall(r"[*+{]", bare)) > OPEN_REPETITIONS_MAX or re.search(r"\)[*+{]|\(\?(?!:)", bare):
        return False
    try:
        return not re.compile(f"x|(?:{pattern})").match("") and not _BACK_REFERENCE.search(pattern)
    except re.error:
        return False


SOURCES: tuple[Source, ...] = (
    Source("aws", ("https://ip-ranges.amazonaws.com/ip-ranges.json",), _networks(_aws)),
    Source("gcp", ("https://www.gstatic.com/ipranges/cloud.json",), _networks(_google)),
    Source(
        "azure",
        ("https://download.microsoft.com/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63/"
         "ServiceTags_Public_{monday}.json",),
        _networks(_azure),
    ),
    Source(
        "oracle",
        ("https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",
         "https://docs.oracle.com/iaas/tools/public_ip_ranges.json"),
        _networks(_oracle),
    ),
    Source(
        "digitalocean",
        ("https://www.digitalocean.com/geo/google.csv", "https://digitalocean.com/geo/google.csv"),
        geofeed,
    ),
    Source(
        CRAWLERS,
        ("https://raw.githubusercontent.com/monperrus/crawler-user-agents/master/crawler-user-agents.json",),
        crawlers,
    ),
)
