"""What we do with data about viewers, what each of it needs, and whether a request's signals allow it.

No signal is no consent. The table is the source of docs/privacy.md and of the pages under /legal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from backend.core.tcf import ConsentString, ConsentStringError, Restriction, contains, decode

# since TCF 2.3 a string must say which vendors the viewer was told of; older ones stay valid without it
DISCLOSURE_SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Purpose(IntEnum):
    """The purposes of the framework that we know, by their number there (IAB Europe TCF Policies, appendix A)."""

    STORE_ON_DEVICE = 1
    SELECT_BY_LIMITED_DATA = 2
    MEASURE_ADVERTISING = 7


class Basis(StrEnum):
    """Why we may do it (GDPR art. 6(1))."""

    NOT_PERSONAL = "nothing about a person is processed"
    CONSENT = "consent (a)"
    CONTRACT = "contract (b)"
    LEGAL_OBLIGATION = "legal obligation (c)"
    LEGITIMATE_INTEREST = "legitimate interest (f)"


class Processing(StrEnum):
    """What happens because of a viewer's request."""

    CONTEXTUAL_DELIVERY = "contextual delivery"
    FREQUENCY_CAPPING = "frequency capping"
    MEASUREMENT = "measurement"
    ATTRIBUTION = "attribution of conversions"
    FRAUD_PREVENTION = "fraud prevention"


@dataclass(frozen=True, slots=True)
class Need:
    """What a processing needs. `purposes` are asked for when the basis is consent; `keyed`: by a viewer's key.

    `objection`: Sec-GPC is taken for an objection (GDPR art. 21(1)), even where no consent is needed.
    """

    what: str
    basis: Basis
    purposes: tuple[Purpose, ...]
    keyed: bool
    kept: str
    objection: bool = False


NEEDS: Mapping[Processing, Need] = {
    Processing.CONTEXTUAL_DELIVERY: Need(
        "chooses an ad by the placement, its world and the bids; nothing about the viewer enters",
        Basis.NOT_PERSONAL, (), False, "not kept",
    ),
    Processing.FREQUENCY_CAPPING: Need(
        "counts how often a line item was shown to the same viewer key (made by the SDK, hashed with a daily salt), "
        "and "
        "where it has a recency cap keeps the minute of the last time",
        Basis.CONSENT, (Purpose.STORE_ON_DEVICE, Purpose.SELECT_BY_LIMITED_DATA), True,
        "in Redis until the cap's period ends, one day at most",
    ),
    Processing.MEASUREMENT: Need(
        "decides by geometry whether an ad could be seen; samples belong to one decision, never to a viewer",
        Basis.NOT_PERSONAL, (), False, "samples until two weeks after the epoch is final",
    ),
    Processing.ATTRIBUTION: Need(
        "adds a click id to the advertiser's address, so that a later conversion can be told to us; it stands for one "
        "decision, and nothing is stored on the device",
        Basis.LEGITIMATE_INTEREST, (), False, "45 days", objection=True,
    ),
    Processing.FRAUD_PREVENTION: Need(
        "limits events per viewer key and minute, and counts events under keyed hashes of one day (the viewer on one "
        "placement, the network of the address), so that nobody is charged for a machine's views",
        Basis.LEGITIMATE_INTEREST, (), True, "in Redis for two minutes; the hashes two days",
    ),
}


def allows(processing: Processing, gpc: bool, tcf: str | None, *, vendor: int | None = None) -> bool:
    """Whether `processing` may be done for a request that came with these signals.

    `gpc`: the header Sec-GPC was `1` (an objection to everything that needs consent). `tcf`: the consent string, if
    any; a malformed one counts as none. `vendor`: our id in the Global Vendor List; None: we have none and work for
    the publisher alone, so what counts is what the viewer allowed the publisher (its Publisher TC segment).
    """
    need = NEEDS[processing]
    if need.basis is not Basis.CONSENT:
        return not (gpc and need.objection)
    if gpc or tcf is None:
        return False
    try:
        said = decode(tcf)
    except ConsentStringError:
        return False
    return all(_consented(said, purpose, vendor) for purpose in need.purposes)


def allows_frequency_capping(gpc: bool, tcf: str | None, *, vendor: int | None = None) -> bool:
    """Whether views may be counted under the viewer's key; without it nothing is read or written under that key."""
    return allows(Processing.FREQUENCY_CAPPING, gpc, tcf, vendor=vendor)


def _consented(said: ConsentString, purpose: Purpose, vendor: int | None) -> bool:
    if vendor is None:
        return said.publisher is not None and contains(said.publisher.purposes_consent, purpose)
    return (
        contains(said.purposes_consent, purpose)
        and contains(said.vendors_consent, vendor)
        and _disclosed(said, vendor)
        and not _forbidden(said, purpose, vendor)
    )


def _disclosed(said: ConsentString, vendor: int) -> bool:
    """Whether the viewer was told of the vendor; older strings need not say it."""
    if said.disclosed_vendors is None:
        return said.updated < DISCLOSURE_SINCE
    return contains(said.disclosed_vendors, vendor)


def _forbidden(said: ConsentString, purpose: Purpose, vendor: int) -> bool:
    """We declare consent as our only basis: a publisher that asks for another has forbidden it."""
    return any(
        restriction.purpose == purpose
        and restriction.kind is not Restriction.REQUIRE_CONSENT
        and contains(restriction.vendors, vendor)
        for restriction in said.restrictions
    )
