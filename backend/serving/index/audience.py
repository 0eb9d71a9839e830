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


class Audience:
    """Who wants this audience, by what is said of country, language and device; `counted`: who need not count views."""

    __slots__ = ("counted", "country", "device", "language")

    def __init__(self, order: Order, said: Said) -> None:
        self.country = order.spoken[0].get(said[0]) or order.speak(0, said[0])
        self.language = order.spoken[1].get(said[1]) or order.speak(1, said[1])
        self.device = order.spoken[2].get(said[2]) or order.speak(2, said[2])
        self.counted: Bits = order.everybody if said[3] else order.uncapped

    def chunk(self, number: int) -> int:
        """All of it, for a chunk of the order."""
        return (
            self.country.chunk(number) & self.language.chunk(number) & self.device.chunk(number)
            & self.counted.chunk(number)
        )


def spoken_objections(terms: Terms, said: Said, slots: Numbers) -> Codes:
    """The first objection to an audience by slot, before hours of the week; see `eligibility.REQUEST_CHECKS`."""
    codes: Codes = (~terms.wishes.targets["devices"].table(said[2])[terms.cells[Column.DEVICES][slots]]).astype("uint8")
    codes *= CODE[NoBidReason.TARGETING_DEVICE]
    for place in (1, 0):
        name, column, reason = _SPOKEN[place]
        codes[~terms.wishes.targets[name].table(said[place])[terms.cells[column][slots]]] = CODE[reason]
    return codes
