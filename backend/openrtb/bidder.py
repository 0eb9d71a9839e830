"""A bidder on a server of its own: who it is, and when it is not asked for a while."""

from dataclasses import dataclass, field
from enum import StrEnum

FAILURES_MAX = 5                # in a row: then it is left alone
REST_SECONDS = 10.0             # before one request tries whether it is back
REST_SECONDS_MAX = 300.0        # it doubles with every failed try


@dataclass(frozen=True, slots=True)
class Bidder:
    """`line_item` is the one that pays for what it wins. `qps_max` is of each process of ours."""

    id: int
    line_item: int
    endpoint: str
    seat: str
    timeout_ms: int
    qps_max: int


@dataclass(frozen=True, slots=True)
class WorldNames:
    """What bidders may be told of a world whose publisher has agreed to be named in sellers.json.

    `domain` is the host that it has proved to control, where app-ads.txt is to be found; None: it has proved none.
    """

    name: str
    domain: str | None
    publisher_name: str
    publisher_domain: str


class Outcome(StrEnum):
    """What became of asking a bidder once. The values are public and stable."""

    BID = "bid"
    NO_BID = "no_bid"
    RESTING = "resting"                    # it failed too often; it is asked again in a while
    OVER_QPS = "over_qps"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"            # the name, the address or the connection
    BAD_STATUS = "bad_status"              # neither 200 nor 204
    MALFORMED = "malformed"                # not an OpenRTB answer to this request
    WRONG_CURRENCY = "wrong_currency"
    BELOW_FLOOR = "below_floor"
    ABOVE_MAXIMUM = "above_maximum"        # more than its line item may bid
    TOO_SHORT = "too_short"                # `exp` is less than what was asked for: it would not pay for a late view
    UNKNOWN_CREATIVE = "unknown_creative"  # `crid` is no approved creative of its line item that fits here


FAILURES = frozenset({Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.BAD_STATUS, Outcome.MALFORMED})
"""What opens the circuit; a refused price or creative is no failure of its server."""


@dataclass(slots=True)
class Circuit:
    """Closed while things go well; open after FAILURES_MAX failures in a row; then one request at a time tries again.

    `now` is seconds of any clock that only goes forward.
    """

    failures: int = 0
    open_until: float = 0.0
    rest: float = REST_SECONDS
    trying: bool = False

    def admits(self, now: float) -> bool:
        """Whether a request may be sent; whoever gets a yes must tell the outcome to `record`."""
        if self.failures < FAILURES_MAX:
            return True
        if self.trying or now < self.open_until:
            return False
        self.trying = True
        return True

    def record(self, outcome: Outcome, now: float) -> None:
        """What became of a request."""
        was_open = self.failures >= FAILURES_MAX
        self.trying = False
        if outcome not in FAILURES:
            self.failures, self.rest = 0, REST_SECONDS
            return
        self.failures += 1
        if self.failures >= FAILURES_MAX:
            self.rest = min(self.rest * 2, REST_SECONDS_MAX) if was_open else REST_SECONDS
            self.open_until = now + self.rest


@dataclass(slots=True)
class Bucket:
    """At most `per_second` requests a second, and as many at once."""

    per_second: int
    left: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.left = float(self.per_second)

    def take(self, now: float) -> bool:
        """Whether one more may be sent."""
        self.left = min(float(self.per_second), self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
