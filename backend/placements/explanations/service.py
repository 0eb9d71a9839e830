"""Answers "why?": to publishers about their placements, to advertisers about their line items."""

from collections.abc import Callable, Mapping
from datetime import datetime

from backend.core.errors import NotFound
from backend.core.ids import Address
from backend.db.engine import Engine
from backend.placements.explanations import store
from backend.placements.explanations.explanation import (
    DECISION,
    NO_BID,
    LineItemFate,
    NoAd,
    Reason,
    Unpaid,
    most_first,
    span_of,
    standing_words,
)
from backend.placements.explanations.reasons import Words, no_bid_words, unpaid_words

PLACEMENTS_SHOWN_MAX = 100


class ExplanationService:
    """What is another's raises NotFound. Spans of time end `now` unless something else is asked for."""

    def __init__(self, engine: Engine, *, require_proof: bool) -> None:
        self._engine = engine
        self._require_proof = require_proof

    def no_ad(
        self, wallet: Address, placement: int, since: datetime | None, until: datetime | None, now: datetime
    ) -> NoAd:
        """Why a placement showed no ad. Raises NotFound `placement_unknown`, Unprocessable `span_not_allowed`."""
        span = span_of(since, until, now)
        with self._engine.begin() as connection:
            standing = store.standing_of(connection, wallet, placement)
            if standing is None:
                raise NotFound("placement_unknown", f"you have no placement {placement}")
            counts = store.placement_outcomes(connection, placement, span)
        ads, none = counts.pop(DECISION, 0), counts.pop(NO_BID, 0)
        return NoAd(
            span, ads + none, ads, _reasons(counts, no_bid_words, lambda words: words.publisher),
            standing_words(standing, require_proof=self._require_proof),
        )

    def unpaid(
        self, wallet: Address, placement: int | None, since: datetime | None, until: datetime | None, now: datetime
    ) -> Unpaid:
        """Why events of the publisher's placements were not paid. Raises as `no_ad` when `placement` is given."""
        span = span_of(since, until, now)
        with self._engine.begin() as connection:
            if placement is not None and store.standing_of(connection, wallet, placement) is None:
                raise NotFound("placement_unknown", f"you have no placement {placement}")
            total, found = store.unpaid_events(connection, wallet, placement, span, PLACEMENTS_SHOWN_MAX)
        worst = sorted(found, key=lambda one: (-sum(found[one].values()), one))
        return Unpaid(
            span, sum(total.values()), _reasons(total, unpaid_words, lambda words: words.publisher),
            {one: dict(most_first(found[one])) for one in worst},
        )

    def line_item(
        self, wallet: Address, line_item: int, since: datetime | None, until: datetime | None, now: datetime
    ) -> LineItemFate:
        """Why a line item was not shown. Raises NotFound `line_item_unknown`, Unprocessable `span_not_allowed`."""
        span = span_of(since, until, now)
        with self._engine.begin() as connection:
            if not store.owns_line_item(connection, wallet, line_item):
                raise NotFound("line_item_unknown", f"you have no line item {line_item}")
            counts = store.line_item_outcomes(connection, line_item, span)
        won = counts.pop(DECISION, 0)
        reasons = _reasons(counts, no_bid_words, lambda words: words.advertiser)
        return LineItemFate(span, won + sum(counts.values()), won, reasons)


def _reasons(
    counts: Mapping[str, int], words: Callable[[str], Words], advice: Callable[[Words], str]
) -> tuple[Reason, ...]:
    """Reasons with their words, the most frequent first."""
    return tuple(
        Reason(reason, n, words(reason).meaning, advice(words(reason))) for reason, n in most_first(counts)
    )
