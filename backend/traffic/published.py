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
_NESTED = re.compile(r"[+*}]\s*\)\s*[+*{]")


@dataclass(frozen=True, slots=True)
class Source:
    """A list by name. `url` may contain `{monday}`, the day of a weekly edition as YYYYMMDD."""

    name: str
    url: str
    read: Callable[[bytes], list[str]]

    def urls(self, today: date) -> list[str]:
        """Addresses to try, the newest edition first."""
        if "{monday}" not in self.url:
            return [self.url]
        last = today - timedelta(days=today.weekday())
        return [self.url.format(monday=f"{last - timedelta(weeks=back):%Y%m%d}") for back in range(3)]


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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


def digitalocean(body: bytes) -> list[str]:
    """CSV whose first column is the network. Raises ListError."""
    try:
        rows = list(csv.reader(body.decode("ascii").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ListError(f"no CSV: {error}") from error
    return merged([row[0] for row in rows if row])


def crawlers(body: bytes) -> list[str]:
    """Patterns of the list of crawlers, each of which compiles and cannot run away. Raises ListError."""
    content = _json(body)
    if not isinstance(content, list):
        raise ListError("not the form that is known: no list")
    found = sorted({str(one.get("pattern", "")).replace("\\/", "/") for one in content if isinstance(one, dict)})
    return [pattern for pattern in found if usable(pattern)]


def usable(pattern: str) -> bool:
    """Whether a stranger's pattern may be run over strangers' texts: short, valid, without nested repetition."""
    if not 3 <= len(pattern) <= PATTERN_LENGTH_MAX or _NESTED.search(pattern):
        return False
    try:
        return not re.compile(pattern).match("")
    except re.error:
        return False


SOURCES: tuple[Source, ...] = (
    Source("aws", "https://ip-ranges.amazonaws.com/ip-ranges.json", _networks(_aws)),
    Source("gcp", "https://www.gstatic.com/ipranges/cloud.json", _networks(_google)),
    Source(
        "azure",
        "https://download.microsoft.com/download/7/1/d/71d86715-5596-4529-9b13-da13a5de5b63/"
        "ServiceTags_Public_{monday}.json",
        _networks(_azure),
    ),
    Source("oracle", "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json", _networks(_oracle)),
    Source("digitalocean", "https://digitalocean.com/geo/google.csv", digitalocean),
    Source(
        CRAWLERS, "https://raw.githubusercontent.com/monperrus/crawler-user-agents/master/crawler-user-agents.json",
        crawlers,
    ),
)
