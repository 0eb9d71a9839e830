"""Whom an ad request says that it is for, and which line items want that."""

from backend.core.reasons import NoBidReason
from backend.serving.index.codes import CODE, Codes, Numbers
from backend.serving.index.order import Bits, Order
from backend.serving.index.terms import SPOKEN, Column, Terms

Said = tuple[str | None, str | None, str | None, bool]
"""Country, language, device; and whether views of this viewer may be counted."""
_SPOKEN = tuple(zip(SPOKEN, (Column.COUNTRIES, Column.LANGUAGES, Column.DEVICES), (
    NoBidReason.TARGETING_COUNTRY, NoBidReason.TARGETING_LANGUAGE, NoBidReason.TARGETING_DEVICE
), strict=True))


class Audience(list[int | None]):
    """Who wants this audience, chunk by chunk of an order; None: not made yet."""

    __slots__ = ("_parts",)

    def __init__(self, order: Order, said: Said) -> None:
        super().__init__([None] * order.chunks)
        self._parts: list[Bits] = [order.spoken(name, value) for name, value in zip(SPOKEN, said[:3], strict=True)]
        if not said[3]:
            capped = order.terms.cells[Column.CAPPED]
            self._parts.append(order.bits(lambda slots: capped[slots] == 0))

    def chunk(self, number: int) -> int:
        made = self[number]
        if made is None:
            made = -1
            for part in self._parts:
                made &= part.chunk(number)
            self[number] = made
        return made


def spoken_objections(terms: Terms, said: Said, slots: Numbers) -> Codes:
    """The first objection to an audience by slot, before hours of the week; see `eligibility.REQUEST_CHECKS`."""
    codes: Codes = (~terms.wishes.targets["devices"].table(said[2])[terms.cells[Column.DEVICES][slots]]).astype("uint8")
    codes *= CODE[NoBidReason.TARGETING_DEVICE]
    for place in (1, 0):
        name, column, reason = _SPOKEN[place]
        codes[~terms.wishes.targets[name].table(said[place])[terms.cells[column][slots]]] = CODE[reason]
    return codes
