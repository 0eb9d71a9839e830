"""Networks of data centres and user agents of crawlers: looked up in microseconds for every report of an event.

General invalid traffic in the MRC's words (Invalid Traffic Detection and Filtration Guidelines, 2020): what lists know.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, collapse_addresses, ip_address, ip_network

USER_AGENT_LENGTH_MAX = 512
USER_AGENTS_REMEMBERED = 8_192
ADDRESSES_REMEMBERED = 65_536
SHRINK_BP_MIN = 7_000
"""A list that lost more than three tenths of its entries is taken for broken, not for news."""
GROWTH_TIMES_MAX = 3
PEOPLE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
    " Edg/138.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
    " Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
    " Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/38.0"
    " Chrome/132.0.0.0 VR Safari/537.36",
    "Mozilla/5.0 (Android 10; Mobile VR; rv:109.0) Gecko/115.0 Firefox/115.0 Wolvic/1.6",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) world/1.0.0 Chrome/126.0.6478.234"
    " Electron/31.7.7 Safari/537.36",
    "UnityPlayer/6000.0.23f1 (UnityWebRequest/1.0, libcurl/8.10.1-DEV)",
    "World/++UE5+Release-5.4-CL-33043543 Windows/10.0.22621.1.768.64bit",
    "GodotEngine/4.3.stable.official (Android)",
    "Dalvik/2.1.0 (Linux; U; Android 14; Quest 3 Build/UP1A.231005.007.A1)",
    "World/1 CFNetwork/1485 Darwin/23.1.0",
    "okhttp/4.12.0",
)
"""What people send: browsers, headsets, desktop clients, engines of worlds. A pattern that fits one of these is not
used, whatever a list says: lists of crawlers name HTTP libraries because programs use them; engines use them too."""
_PLAIN = re.compile(r"[^\\^$()\[\]|?*+{}.]+")

Interval = tuple[int, int]
Allowance = tuple[str, int | None]
"""A network whose data centre shows worlds to people (cloud streaming), and the publisher it holds for; None: all."""


class ListError(ValueError):
    """A list that cannot be used; the message says why."""


class Networks:
    """Disjoint intervals of addresses, sorted, one pair of arrays for each version of the protocol."""

    def __init__(self, networks: Iterable[str]) -> None:
        pairs: dict[int, list[Interval]] = {4: [], 6: []}
        for text in networks:       # one at a time: objects of fifteen thousand networks take 10 MB
            one = ip_network(text, strict=False)
            pairs[one.version].append((int(one.network_address), int(one.broadcast_address)))
        self._four, self._six = _intervals(pairs[4]), _intervals(pairs[6])

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        starts, ends = self._four if address.version == 4 else self._six
        number = int(address)
        place = bisect_right(starts, number) - 1
        return place >= 0 and number <= ends[place]

    def __len__(self) -> int:
        return len(self._four[0]) + len(self._six[0])


def _intervals(pairs: Iterable[Interval]) -> tuple[list[int], list[int]]:
    """Starts and ends, in order; what overlaps or touches is one."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(pairs):
        if ends and start <= ends[-1] + 1:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


class Crawlers:
    """Patterns of user agents, without those that fit `PEOPLE`. Most are plain words, found without an expression."""

    def __init__(self, patterns: Iterable[str]) -> None:
        kept = [pattern for pattern in patterns if not _fits_people(pattern)]
        self._words = [pattern for pattern in kept if _PLAIN.fullmatch(pattern)]
        rest = [pattern for pattern in kept if not _PLAIN.fullmatch(pattern)]
        self._rest = re.compile("|".join(f"(?:{pattern})" for pattern in rest)) if rest else None

    def match(self, user_agent: str) -> bool:
        text = user_agent[:USER_AGENT_LENGTH_MAX]
        return any(word in text for word in self._words) or bool(self._rest and self._rest.search(text))

    def __len__(self) -> int:
        return len(self._words)


def _fits_people(pattern: str) -> bool:
    if _PLAIN.fullmatch(pattern):
        return any(pattern in text for text in PEOPLE)
    return any(re.search(pattern, text) for text in PEOPLE)


@dataclass(frozen=True)
class Lists:
    """Everything that is known at the door. `versions` names each list's digest, for evidence."""

    networks: Networks
    crawlers: Crawlers
    allowed: Mapping[int | None, Networks] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # per object, so that a new version of a list starts with an empty memory
        object.__setattr__(self, "_centre", lru_cache(ADDRESSES_REMEMBERED)(self._data_centre))
        object.__setattr__(self, "_crawler", lru_cache(USER_AGENTS_REMEMBERED)(self.crawlers.match))

    def data_centre(self, ip: str, publisher: int | None = None) -> bool:
        """Whether an address is a data centre's, and nobody may stream worlds to people from there.

        What is no address (an in-process call, a socket of the machine) is no data centre: nothing is assumed.
        """
        return bool(ip) and bool(self._centre(ip, publisher))  # type: ignore[attr-defined]

    def crawler(self, user_agent: str) -> bool:
        """Whether the sender's user agent is that of a known program."""
        return bool(self._crawler(user_agent))  # type: ignore[attr-defined]

    def _data_centre(self, ip: str, publisher: int | None) -> bool:
        try:
            address = ip_address(ip.split("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address not in self.networks:
            return False
        return not any(address in self.allowed[whose] for whose in {None, publisher} if whose in self.allowed)


NO_LISTS = Lists(Networks(()), Crawlers(()))


def allowances(granted: Iterable[Allowance]) -> dict[int | None, Networks]:
    """Networks by the publisher that they are allowed for; None: for everybody."""
    texts: dict[int | None, list[str]] = {}
    for network, publisher in granted:
        texts.setdefault(publisher, []).append(network)
    return {publisher: Networks(found) for publisher, found in texts.items()}


def merged(networks: Collection[str]) -> list[str]:
    """The same addresses in the fewest networks, in order. Raises ListError for what is no network."""
    try:
        parsed = [ip_network(text, strict=False) for text in networks]
    except ValueError as error:
        raise ListError(f"no network: {error}") from error
    four = collapse_addresses(one for one in parsed if one.version == 4)
    six = collapse_addresses(one for one in parsed if one.version == 6)
    return [*map(str, four), *map(str, six)]


def check_change(name: str, before: int, after: int) -> None:
    """Raise ListError when a list changed so much that it is more likely broken than new."""
    if after == 0 or after * 10_000 < before * SHRINK_BP_MIN:
        raise ListError(f"{name}: {after} entries after {before}")
    if before and after > before * GROWTH_TIMES_MAX:
        raise ListError(f"{name}: {after} entries after {before}")
