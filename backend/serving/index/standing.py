"""The standing checks of `eligibility.py` for all line items at once: why each may not compete on a placement."""

import numpy as np

from backend.core.reasons import NoBidReason
from backend.pctr.rate import Rates
from backend.serving.auction import floor_ecpm_nano_usdc
from backend.serving.catalogue import Placement
from backend.serving.eligibility import offer_at, refusal
from backend.serving.index.codes import CODE, Codes, Flags, Numbers
from backend.serving.index.terms import Column, Terms

GONE = CODE[NoBidReason.ENDED]          # of slots that nobody has; they are never counted


def standing_codes(terms: Terms, surface: Placement, rates_ppm: Numbers, slots: Numbers | None = None) -> Codes:
    """First objection by slot (of `slots`; None: of all). `rates_ppm` are those on this placement, by slot.

    Line items with something of their own on this placement (`personal`) are not right yet: see `standing_of`.
    """
    cells = terms.cells if slots is None else terms.cells[:, slots]
    rates_ppm = rates_ppm if slots is None else rates_ppm[slots]
    codes = np.zeros(cells.shape[1], np.uint8)
    # the first objection counts, so the last check is written first
    _object(codes, cells[Column.EXTERNAL] != 0, NoBidReason.EXTERNAL)
    np.copyto(codes, cells[Column.UNFUNDED], where=cells[Column.UNFUNDED] != 0, casting="unsafe")
    reached = cells[Column.BID] * rates_ppm >= floor_ecpm_nano_usdc(surface.floor_micro_usdc)
    sponsor = cells[Column.SPONSOR] != 0
    _object(codes, ~(reached | sponsor), NoBidReason.BELOW_FLOOR)
    if surface.deals_only:
        _object(codes, ~sponsor, NoBidReason.DEAL_ONLY)
    wishes = terms.wishes
    _object(codes, ~wishes.shapes.table(surface)[cells[Column.SHAPES]], NoBidReason.NO_CREATIVE)
    _object(codes, _blocked(terms, cells, surface), NoBidReason.BLOCKED_BY_PUBLISHER)
    _object(codes, ~wishes.sizes.table(surface)[cells[Column.SIZES]], NoBidReason.TARGETING_SIZE)
    for name, column, value, reason in (
        ("engines", Column.ENGINES, surface.engine, NoBidReason.TARGETING_ENGINE),
        ("formats", Column.FORMATS, surface.kind, NoBidReason.TARGETING_FORMAT),
        ("publishers", Column.PUBLISHERS, surface.publisher, NoBidReason.TARGETING_PUBLISHER),
        ("placements", Column.PLACEMENTS, surface.id, NoBidReason.TARGETING_PLACEMENT),
        ("categories", Column.CATEGORIES, surface.category, NoBidReason.TARGETING_CATEGORY),
        ("worlds", Column.WORLDS, surface.world, NoBidReason.TARGETING_WORLD),
    ):
        _object(codes, ~wishes.targets[name].table(value)[cells[column]], reason)
    own = wishes.owners.table(surface.own)
    _object(codes, own[cells[Column.OWNER]], NoBidReason.OWN_CAMPAIGN)
    _object(codes, cells[Column.LINE_ITEM_ACTIVE] == 0, NoBidReason.LINE_ITEM_PAUSED)
    _object(codes, cells[Column.CAMPAIGN_ACTIVE] == 0, NoBidReason.CAMPAIGN_INACTIVE)
    codes[cells[Column.ALIVE] == 0] = GONE
    return codes


def personal(terms: Terms, surface: Placement) -> list[int]:
    """Slots of line items with something of their own here: a deal, or a creative that is blocked."""
    named = {one for one, _ in surface.deals}
    named |= {terms.creatives[one] for one in surface.blocks.creatives if one in terms.creatives}
    return sorted(terms.slots[one] for one in named if one in terms.slots)


def standing_of(terms: Terms, surface: Placement, rates: Rates, slot: int) -> int:
    """The first objection to one line item, with all that is known of it here."""
    return CODE[refusal(offer_at(terms.item(slot), surface, rates))]


def _blocked(terms: Terms, cells: Numbers, surface: Placement) -> Flags:
    """By lists of advertisers and categories; blocked creatives are looked at one by one."""
    wishes, blocks = terms.wishes, surface.blocks
    found = np.zeros(cells.shape[1], bool)
    if blocks.advertisers:
        found |= wishes.owners.table(blocks.advertisers)[cells[Column.OWNER]]
    if blocks.categories:
        found |= wishes.categories.table(blocks.categories)[cells[Column.CATEGORY]]
    if surface.accepts:
        found |= ~wishes.categories.table(surface.accepts)[cells[Column.CATEGORY]]
    return found


def _object(codes: Codes, flags: Flags, reason: NoBidReason) -> None:
    codes[flags] = CODE[reason]
