"""What a viewer's program sends to `POST /v1/events`, honest or not, and which of it may ever be charged."""

from dataclasses import dataclass, replace
from random import Random

import msgspec

from backend.core.decision_token import sign, verify
from backend.core.events import EventKind, Sample, event_id
from backend.core.reasons import DropReason
from backend.demo.viewers import ViewerKind

BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
)
CRAWLER = "ExampleCrawler/1.0 (+https://crawler.example/about; bot)"
FLOOD_EVENTS = 80
LIE_MS = 600_000

EXPECTED_REASON = {
    ViewerKind.PASSER_BY: DropReason.NOT_VIEWABLE,
    ViewerKind.BEHIND_WALL: DropReason.NOT_VIEWABLE,
    ViewerKind.OBLIQUE: DropReason.NOT_VIEWABLE,
    ViewerKind.INACTIVE: DropReason.INACTIVE_VIEWER,
    ViewerKind.CLICK_BEFORE_VIEW: DropReason.CLICK_BEFORE_VIEW,
    ViewerKind.BOT: DropReason.BOT,
    ViewerKind.REPLAYER: DropReason.REPLAYED,
    ViewerKind.FORGER: DropReason.BAD_TOKEN,
    ViewerKind.LATE: DropReason.EXPIRED,
    ViewerKind.WRONG_CHAIN: DropReason.WRONG_CHAIN,
    ViewerKind.FROM_THE_FUTURE: DropReason.FROM_THE_FUTURE,
    ViewerKind.BROKEN: DropReason.MALFORMED,
    ViewerKind.FLOODER: DropReason.RATE,
}
"""The refusal that each kind of viewer is there to provoke."""

CHARGEABLE = {
    ViewerKind.ATTENTIVE: (EventKind.VIEWABLE,),
    ViewerKind.CLICKER: (EventKind.VIEWABLE, EventKind.CLICK),
    ViewerKind.REPLAYER: (EventKind.VIEWABLE,),
    ViewerKind.FLOODER: (EventKind.VIEWABLE,),
}
"""What may be charged, once, of what a viewer does; nothing of the others."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request body. `after_expiry`: sent only when the token has run out."""

    events: list[dict[str, object]]
    after_expiry: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """Everything one viewer sends about one ad. `chargeable` are the event ids that may be charged, once each."""

    user_agent: str
    parcels: list[Parcel]
    chargeable: frozenset[str]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A decision and what the geometry recorded. `token_key` is the operator's, to play its deployment elsewhere."""

    token: str
    token_key: bytes
    samples: list[Sample]


def visit(kind: ViewerKind, exhibit: Exhibit, dice: Random) -> Visit:
    """What a viewer of this kind sends."""
    crawler = kind is ViewerKind.BOT and dice.random() < 0.5
    user_agent = CRAWLER if crawler else dice.choice(BROWSERS)
    decision = verify(exhibit.token, exhibit.token_key).decision_id
    chargeable = frozenset(event_id(decision, event) for event in CHARGEABLE.get(kind, ()))
    if kind is ViewerKind.BOT and not crawler:
        return Visit(user_agent, _hurried_bot(exhibit), chargeable)
    return Visit(user_agent, _parcels(kind, exhibit, dice), chargeable)


def _parcels(kind: ViewerKind, exhibit: Exhibit, dice: Random) -> list[Parcel]:
    token, samples = exhibit.token, exhibit.samples
    view, click = _view(token, samples), _click(token)
    match kind:
        case ViewerKind.CLICKER:
            return [Parcel([view]), Parcel([click])]
        case ViewerKind.CLICK_BEFORE_VIEW | ViewerKind.BOT:
            return [Parcel([view, click])]
        case ViewerKind.REPLAYER:
            return [Parcel([view]), Parcel([view]), Parcel([view, view])]
        case ViewerKind.FLOODER:
            return [Parcel([view] * FLOOD_EVENTS)]
        case ViewerKind.LATE:
            return [Parcel([view], after_expiry=True)]
        case ViewerKind.FORGER:
            return [Parcel([_view(forged, samples) for forged in forgeries(exhibit, dice)])]
        case ViewerKind.WRONG_CHAIN:
            return [Parcel([_view(of_another_chain(exhibit), samples)])]
        case ViewerKind.FROM_THE_FUTURE:
            return [Parcel([_view(token, _later(samples, LIE_MS))])]
        case ViewerKind.BROKEN:
            return [Parcel([_view(token, _negative(samples)), {"kind": "gaze"}])]
        case _:
            return [Parcel([view])]


def forgeries(exhibit: Exhibit, dice: Random) -> list[str]:
    """Tokens that nobody should believe: one letter changed, a higher price under another key, and plain noise."""
    at = dice.randrange(len(exhibit.token))
    letter = "A" if exhibit.token[at] != "A" else "B"
    facts = verify(exhibit.token, exhibit.token_key)
    own_key = sign(replace(facts, price_micro_usdc=facts.price_micro_usdc * 1000), dice.randbytes(32))
    return [exhibit.token[:at] + letter + exhibit.token[at + 1 :], own_key, "not-a-token"]


def of_another_chain(exhibit: Exhibit) -> str:
    """The same decision as a deployment on another chain would have signed it."""
    facts = verify(exhibit.token, exhibit.token_key)
    return sign(replace(facts, chain_id=facts.chain_id + 1), exhibit.token_key)


def _hurried_bot(exhibit: Exhibit) -> list[Parcel]:
    """More samples than a screen has frames."""
    return [Parcel([_view(exhibit.token, [_at(sample, i) for i, sample in enumerate(exhibit.samples)])])]


def _view(token: str, samples: list[Sample]) -> dict[str, object]:
    return {"kind": "viewable", "token": token, "samples": msgspec.to_builtins(samples)}


def _click(token: str) -> dict[str, object]:
    return {"kind": "click", "token": token}


def _at(sample: Sample, t_ms: int) -> Sample:
    return msgspec.structs.replace(sample, t_ms=t_ms)


def _later(samples: list[Sample], by_ms: int) -> list[Sample]:
    return [_at(sample, sample.t_ms + by_ms) for sample in samples]


def _negative(samples: list[Sample]) -> list[Sample]:
    return [msgspec.structs.replace(sample, visible_bp=-1) for sample in samples]
