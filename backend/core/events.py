"""What a world reports: exposure samples and clicks. Integers only, so that bundles hash the same everywhere."""

from enum import StrEnum
from typing import Annotated

import msgspec

BASIS_POINTS_WHOLE = 10_000
HALF_TURN_CDEG = 18_000


class EventKind(StrEnum):
    """Kinds of events; the value is also the last byte of the event id (see `event_id`)."""

    VIEWABLE = "viewable"
    CLICK = "click"
    CONVERSION = "conversion"              # after a click or a view the advertiser's goal was reached
    SPONSORED_HOUR = "sponsored_hour"      # an hour of a sponsorship in which the ad was delivered


class BidKind(StrEnum):
    """What a line item pays for: each viewable impression, click, attributed conversion, or delivered hour."""

    VCPM = "vcpm"
    CPC = "cpc"
    CPA = "cpa"
    SPONSORSHIP = "sponsorship"


KIND_BYTE = {
    EventKind.VIEWABLE: "01", EventKind.CLICK: "02", EventKind.CONVERSION: "03", EventKind.SPONSORED_HOUR: "04",
}
BILLS = {
    BidKind.VCPM: EventKind.VIEWABLE, BidKind.CPC: EventKind.CLICK, BidKind.CPA: EventKind.CONVERSION,
    BidKind.SPONSORSHIP: EventKind.SPONSORED_HOUR,
}


BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=BASIS_POINTS_WHOLE)]


class Sample(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One measurement of a surface, sent as the array [t_ms, visible_bp, screen_bp, angle_cdeg, active, foreground].

    t_ms: milliseconds since the ad was rendered; visible_bp: share of the ad's pixels on screen and not hidden,
    0..10000; screen_bp: share of the screen the ad covers, 0..10000; angle_cdeg: angle between the ad's normal and
    the line to the eye in hundredths of a degree, 0..18000.
    """

    t_ms: Annotated[int, msgspec.Meta(ge=0)]
    visible_bp: BasisPoints
    screen_bp: BasisPoints
    angle_cdeg: Annotated[int, msgspec.Meta(ge=0, le=HALF_TURN_CDEG)]
    active: bool
    foreground: bool


def event_id(decision_id: bytes, kind: EventKind) -> str:
    """34 hex digits: the decision id, then a byte for the kind. One decision bills one event of a kind, ever."""
    return decision_id.hex() + KIND_BYTE[kind]
