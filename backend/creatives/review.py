"""Moderation: what may become of a version of a creative, decided by whom and for which reasons.

    pending ──► approved ──► taken_down         a newer version that is approved replaces an older one;
       │           ▲              │             the advertiser may withdraw what is pending or approved
       ▼           │ granted      │
    rejected ──► appeal ◄─────────┘             once per version, decided by another moderator, then final
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from backend.core.errors import Conflict, NotAllowed, Unprocessable
from backend.core.ids import Address

CLAIM_MINUTES = 15


class CreativeStatus(StrEnum):
    """Only what is approved is shown (L56). The values are public and stable."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    REPLACED = "replaced"
    TAKEN_DOWN = "taken_down"
    WITHDRAWN = "withdrawn"


FINAL = frozenset({CreativeStatus.REPLACED, CreativeStatus.WITHDRAWN})


class Appeal(StrEnum):
    """What became of the one appeal that a version has."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"


class RejectionReason(StrEnum):
    """Why something is not shown. A closed list, so that advertisers can act on it and we can count it."""

    MISLEADING = "misleading"                        # a claim that is not true, a button that is none
    PROHIBITED_PRODUCT = "prohibited_product"
    ADULT = "adult"
    VIOLENCE = "violence"
    HATE = "hate"
    ILLEGAL = "illegal"
    MALWARE = "malware"                              # in the asset, or behind the click
    RIGHTS = "rights"                                # somebody else's brand, picture, voice
    PERSONAL_DATA = "personal_data"
    WRONG_DESTINATION = "wrong_destination"          # the click leads elsewhere than the ad says, or nowhere
    WRONG_CATEGORY = "wrong_category"                # the campaign's category is another
    QUALITY = "quality"                              # blurred, broken, unreadable, far too loud
    OTHER = "other"                                  # needs a note


@dataclass(frozen=True, slots=True)
class Standing:
    """How one version stands in moderation. `decided_by` is a moderator; None where a setting approved it."""

    status: CreativeStatus
    reasons: tuple[RejectionReason, ...] = ()
    note: str | None = None
    decided_by: Address | None = None
    decided_at: datetime | None = None
    appeal: Appeal | None = None
    appeal_text: str | None = None
    appealed_at: datetime | None = None
    claimed_by: Address | None = None
    claimed_until: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether a moderator has something to decide."""
        return self.status is CreativeStatus.PENDING or self.appeal is Appeal.OPEN


def first_standing(approves_at_once: bool, now: datetime) -> Standing:
    """Of a new version."""
    if approves_at_once:
        return Standing(CreativeStatus.APPROVED, decided_at=now)
    return Standing(CreativeStatus.PENDING)


def check_may_judge(moderator: Address, standing: Standing, *, involved: bool, now: datetime) -> None:
    """Raises NotAllowed `own_creative` or `appeal_needs_another`, Conflict `creative_claimed`.

    `involved`: the moderator belongs to the account whose creative it is.
    """
    if involved:
        raise NotAllowed("own_creative", "nobody moderates what is his own")
    if standing.appeal is Appeal.OPEN and standing.decided_by == moderator:
        raise NotAllowed("appeal_needs_another", "an appeal is decided by another moderator than the first")
    if _claimed_by_another(standing, moderator, now):
        raise Conflict("creative_claimed", f"another moderator has it until {standing.claimed_until:%H:%M:%S} UTC")


def claimed(standing: Standing, moderator: Address, now: datetime) -> Standing:
    """Reserved for the moderator for 15 minutes from now. Raises Conflict `creative_not_waiting`."""
    if not standing.waits:
        raise Conflict("creative_not_waiting", f"the creative is {standing.status} and under no appeal")
    return replace(standing, claimed_by=moderator, claimed_until=now + timedelta(minutes=CLAIM_MINUTES))


def released(standing: Standing, moderator: Address) -> Standing:
    """Free for others again; nothing happens when the claim is another's."""
    return _unclaimed(standing) if standing.claimed_by == moderator else standing


def approved(standing: Standing, moderator: Address, now: datetime) -> Standing:
    """Raises Conflict `creative_not_pending`."""
    _require(standing, CreativeStatus.PENDING)
    return _decided(standing, CreativeStatus.APPROVED, (), None, moderator, now)


def rejected(
    standing: Standing, reasons: tuple[RejectionReason, ...], note: str | None, moderator: Address, now: datetime
) -> Standing:
    """Raises Conflict `creative_not_pending`, Unprocessable `reason_missing`."""
    _require(standing, CreativeStatus.PENDING)
    _check_reasons(reasons, note)
    return _decided(standing, CreativeStatus.REJECTED, reasons, note, moderator, now)


def taken_down(
    standing: Standing, reasons: tuple[RejectionReason, ...], note: str | None, moderator: Address, now: datetime
) -> Standing:
    """Raises Conflict `creative_not_approved`, Unprocessable `reason_missing`."""
    if standing.status is not CreativeStatus.APPROVED:
        raise Conflict("creative_not_approved", f"the creative is {standing.status}")
    _check_reasons(reasons, note)
    return _decided(standing, CreativeStatus.TAKEN_DOWN, reasons, note, moderator, now)


def appealed(standing: Standing, text: str, now: datetime) -> Standing:
    """Raises Conflict `appeal_used` or `creative_not_rejected`."""
    if standing.status not in (CreativeStatus.REJECTED, CreativeStatus.TAKEN_DOWN):
        raise Conflict("creative_not_rejected", f"the creative is {standing.status}")
    if standing.appeal is not None:
        raise Conflict("appeal_used", f"the one appeal of this version is {standing.appeal}; send a new version")
    return replace(_unclaimed(standing), appeal=Appeal.OPEN, appeal_text=text, appealed_at=now)


def appeal_decided(
    standing: Standing, granted: bool, note: str | None, moderator: Address, now: datetime
) -> Standing:
    """Approved after all, or final. Raises Conflict `appeal_not_open`."""
    if standing.appeal is not Appeal.OPEN:
        raise Conflict("appeal_not_open", "there is no appeal to decide")
    status, reasons = (CreativeStatus.APPROVED, ()) if granted else (standing.status, standing.reasons)
    decided = _decided(standing, status, reasons, note or standing.note, moderator, now)
    return replace(decided, appeal=Appeal.GRANTED if granted else Appeal.DENIED)


def withdrawn(standing: Standing) -> Standing:
    """Taken back by the advertiser. Raises Conflict `creative_final` unless it is pending or approved."""
    if standing.status not in (CreativeStatus.PENDING, CreativeStatus.APPROVED):
        raise Conflict("creative_final", f"the creative is {standing.status}")
    return replace(_unclaimed(standing), status=CreativeStatus.WITHDRAWN)


def _require(standing: Standing, status: CreativeStatus) -> None:
    if standing.status is not status:
        raise Conflict("creative_not_pending", f"the creative is {standing.status}")


def _check_reasons(reasons: tuple[RejectionReason, ...], note: str | None) -> None:
    if not reasons or len(set(reasons)) != len(reasons):
        raise Unprocessable("reason_missing", "give at least one reason, each once")
    if RejectionReason.OTHER in reasons and not note:
        raise Unprocessable("reason_missing", "the reason `other` needs a note")


def _decided(
    standing: Standing, status: CreativeStatus, reasons: tuple[RejectionReason, ...], note: str | None,
    moderator: Address, now: datetime,
) -> Standing:
    return replace(
        _unclaimed(standing), status=status, reasons=reasons, note=note, decided_by=moderator, decided_at=now
    )


def _unclaimed(standing: Standing) -> Standing:
    return replace(standing, claimed_by=None, claimed_until=None)


def _claimed_by_another(standing: Standing, moderator: Address, now: datetime) -> bool:
    until = standing.claimed_until
    return until is not None and until > now and standing.claimed_by not in (None, moderator)
