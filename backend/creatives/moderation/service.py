"""What moderators do; every call is one transaction. They are named by their own wallets, not by an account."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address, CreativeId
from backend.creatives import store
from backend.creatives.review import (
    Appeal,
    CreativeStatus,
    RejectionReason,
    Standing,
    appeal_decided,
    approved,
    check_may_judge,
    claimed,
    rejected,
    released,
    taken_down,
)
from backend.creatives.review_file import ReviewEntry, ReviewFile
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.notices import notify

Decide = Callable[[Standing, datetime], Standing]


class ModerationService:
    """The queues of pending creatives and of open appeals. `clock` gives Unix seconds.

    Each decision raises NotFound `creative_unknown`, NotAllowed `own_creative` or `appeal_needs_another`, Conflict
    `creative_claimed`, and what the rule in review.py raises.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def pending(self, *, after: int = 0, limit: int = 100) -> list[ReviewFile]:
        """Oldest first."""
        with self._engine.begin() as connection:
            return store.waiting(connection, after, limit, appeals=False)

    def appeals(self, *, after: int = 0, limit: int = 100) -> list[ReviewFile]:
        """Open appeals, oldest creative first."""
        with self._engine.begin() as connection:
            return store.waiting(connection, after, limit, appeals=True)

    def file(self, creative: CreativeId) -> tuple[ReviewFile, list[ReviewEntry]]:
        """The creative and all that happened to it."""
        with self._engine.begin() as connection:
            return _file(connection, creative), store.reviews_of(connection, creative)

    def claim(self, moderator: Address, creative: CreativeId) -> ReviewFile:
        """Nobody else decides about it for 15 minutes; again: for 15 minutes more."""
        return self._change(moderator, creative, lambda standing, now: claimed(standing, moderator, now))

    def release(self, moderator: Address, creative: CreativeId) -> ReviewFile:
        """The end of an own claim."""
        return self._change(moderator, creative, lambda standing, now: released(standing, moderator))

    def approve(self, moderator: Address, creative: CreativeId) -> ReviewFile:
        """From the next catalogue on it is shown, instead of older versions."""
        return self._change(
            moderator, creative, lambda standing, now: approved(standing, moderator, now), action="approved"
        )

    def reject(
        self, moderator: Address, creative: CreativeId, reasons: tuple[RejectionReason, ...], note: str | None
    ) -> ReviewFile:
        return self._change(
            moderator, creative, lambda standing, now: rejected(standing, reasons, note, moderator, now),
            action="rejected",
        )

    def take_down(
        self, moderator: Address, creative: CreativeId, reasons: tuple[RejectionReason, ...], note: str | None
    ) -> ReviewFile:
        """From the next catalogue on it is not shown any more, and neither is its asset."""
        return self._change(
            moderator, creative, lambda standing, now: taken_down(standing, reasons, note, moderator, now),
            action="taken_down",
        )

    def decide_appeal(self, moderator: Address, creative: CreativeId, granted: bool, note: str | None) -> ReviewFile:
        """Final either way."""
        return self._change(
            moderator, creative, lambda standing, now: appeal_decided(standing, granted, note, moderator, now),
            action="appeal_granted" if granted else "appeal_denied",
        )

    def _change(
        self, moderator: Address, creative: CreativeId, decide: Decide, *, action: str | None = None
    ) -> ReviewFile:
        """Load, decide, save; an `action` is written into the history, the audit trail and the owner's notices."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        with self._engine.begin() as connection:
            lineage = _file(connection, creative).creative.lineage_id
            store.versions(connection, lineage, lock=True)        # decisions and new versions wait for each other
            file = _file(connection, creative)
            involved = store.belongs_to(connection, moderator, file.owner)
            check_may_judge(moderator, file.creative.standing, involved=involved, now=now)
            standing = decide(file.creative.standing, now)
            if action and standing.appeal is Appeal.GRANTED:
                _check_still_latest(connection, file)
            changed = replace(file, creative=replace(file.creative, standing=standing))
            store.update_standing(connection, creative, standing)
            if action:
                _write_down(connection, changed, action, moderator)
            return changed


def _check_still_latest(connection: Connection, file: ReviewFile) -> None:
    latest = store.versions(connection, file.creative.lineage_id)[-1]
    if latest.id != file.creative.id:
        raise Conflict("creative_not_latest", f"the latest version is creative {latest.id}")


def _write_down(connection: Connection, file: ReviewFile, action: str, moderator: Address) -> None:
    creative, standing = file.creative, file.creative.standing
    if standing.status is CreativeStatus.APPROVED:
        store.replace_others(connection, creative)
    store.insert_review(connection, creative.id, action, moderator, standing.reasons, standing.note)
    record(connection, f"creative.{_VERBS[action]}", f"creative:{creative.id}",
           reasons=[reason.value for reason in standing.reasons])
    notify(
        connection, file.owner, f"creative.{action}", creative=creative.id, line_item=creative.line_item_id,
        version=creative.version, reasons=[reason.value for reason in standing.reasons], note=standing.note,
    )


def _file(connection: Connection, creative: CreativeId) -> ReviewFile:
    found = store.review_file(connection, creative)
    if found is None:
        raise NotFound("creative_unknown", f"there is no creative {creative}")
    return found


_VERBS = {
    "approved": "approve", "rejected": "reject", "taken_down": "take_down", "appeal_granted": "grant_appeal",
    "appeal_denied": "deny_appeal",
}
