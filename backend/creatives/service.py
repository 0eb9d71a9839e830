"""What an advertiser does with creatives, and what publishers see of them; every call is one transaction."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address, CreativeId, LineItemId
from backend.creatives import store
from backend.creatives.creative import (
    Creative,
    CreativeWish,
    OfferedCreative,
    Place,
    changed,
    check_replaceable,
    terms_of,
)
from backend.creatives.media.facts import MediaFacts
from backend.creatives.review import CreativeStatus, appealed, first_standing, withdrawn
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once


class CreativeService:
    """Creatives of line items. `asset_url` is where assets are served; `clock` gives Unix seconds.

    Whatever is not the caller's own raises NotFound, so that ids cannot be probed.
    """

    def __init__(
        self, engine: Engine, asset_url: str, *, approves_at_once: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._asset_url = asset_url.rstrip("/")
        self._approves_at_once = approves_at_once
        self._clock = clock

    def create(self, owner: Address, line_item: LineItemId, wish: CreativeWish, *, key: str | None = None) -> Creative:
        """A first version. Raises Unprocessable when the wish breaks a rule, Conflict `campaign_ended`."""
        def create() -> Creative:
            _check_open(_place(connection, owner, line_item, lock=True))
            terms = terms_of(wish, *self._upload(connection, owner, wish))
            standing = first_standing(self._approves_at_once, self._now())
            return self._added(connection, store.insert_creative(connection, line_item, terms, standing))

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("creative", line_item, wish), Creative, create)

    def change(self, owner: Address, creative: CreativeId, wish: CreativeWish, *, key: str | None = None) -> Creative:
        """The next version, which must be approved again. Until then an approved one is shown on.

        Raises Conflict `creative_not_latest`, `creative_final`, `appeal_open` or `campaign_ended`; Unprocessable.
        """
        def create() -> Creative:
            found = _own(connection, owner, creative)
            _check_open(_place(connection, owner, found.line_item_id, lock=True))
            latest = store.versions(connection, found.lineage_id, lock=True)[-1]
            check_replaceable(latest, creative)
            terms = changed(latest.terms, wish, *self._upload(connection, owner, wish))
            standing = first_standing(self._approves_at_once, self._now())
            if latest.status is CreativeStatus.PENDING:      # nobody needs to look at it any more
                dropped = replace(latest.standing, status=CreativeStatus.REPLACED, claimed_by=None, claimed_until=None)
                store.update_standing(connection, latest.id, dropped)
            added = store.insert_creative(connection, found.line_item_id, terms, standing, after=latest)
            return self._added(connection, added)

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("creative version", creative, wish), Creative, create)

    def appeal(self, owner: Address, creative: CreativeId, text: str) -> Creative:
        """Once per version, of the latest. Raises Conflict `appeal_used`, `creative_not_rejected`, …"""
        with self._engine.begin() as connection:
            found = _own(connection, owner, creative)
            latest = store.versions(connection, found.lineage_id, lock=True)[-1]
            if latest.id != creative:
                raise Conflict("creative_not_latest", f"the latest version is creative {latest.id}")
            standing = appealed(latest.standing, text, self._now())
            store.update_standing(connection, creative, standing)
            store.insert_review(connection, creative, "appealed", note=text)
            record(connection, "creative.appeal", f"creative:{creative}")
            return replace(latest, standing=standing)

    def withdraw(self, owner: Address, creative: CreativeId) -> Creative:
        """Nothing of the creative is shown any more, in any version. Raises Conflict `creative_final`."""
        with self._engine.begin() as connection:
            lineage = _own(connection, owner, creative).lineage_id
            versions = store.versions(connection, lineage, lock=True)
            found = next(version for version in versions if version.id == creative)
            taken_back = replace(found, standing=withdrawn(found.standing))
            for version in versions:
                if version.status in (CreativeStatus.PENDING, CreativeStatus.APPROVED):
                    store.update_standing(connection, version.id, withdrawn(version.standing))
                    store.insert_review(connection, version.id, "withdrawn")
            record(connection, "creative.withdraw", f"creative:{creative}")
            return taken_back

    def creative(self, owner: Address, creative: CreativeId) -> Creative:
        with self._engine.begin() as connection:
            return _own(connection, owner, creative)

    def versions(self, owner: Address, creative: CreativeId) -> list[Creative]:
        """All versions of the same creative, oldest first."""
        with self._engine.begin() as connection:
            return store.versions(connection, _own(connection, owner, creative).lineage_id)

    def creatives(self, owner: Address, line_item: LineItemId, *, after: int = 0, limit: int = 100) -> list[Creative]:
        """All versions of all creatives of a line item, by id."""
        with self._engine.begin() as connection:
            _place(connection, owner, line_item)
            return store.creatives_of(connection, owner, line_item, after, limit)

    def offered(self, publisher: Address, *, after: int = 0, limit: int = 100) -> list[OfferedCreative]:
        """What may be shown, or was shown, on the publisher's placements."""
        with self._engine.begin() as connection:
            return store.offered_to(connection, publisher, self._now(), after, limit)

    def _added(self, connection: Connection, creative: Creative) -> Creative:
        if creative.status is CreativeStatus.APPROVED:
            store.replace_others(connection, creative)
            store.insert_review(connection, creative.id, "approved_at_once")
        record(
            connection, "creative.create", f"creative:{creative.id}", line_item=creative.line_item_id,
            version=creative.version, sha256=creative.terms.asset_sha256, status=creative.status.value,
        )
        return creative

    def _upload(self, connection: Connection, owner: Address, wish: CreativeWish) -> tuple[MediaFacts | None, str]:
        if wish.asset is None or wish.elsewhere:        # both are refused by the rule
            return None, ""
        facts = store.upload_of(connection, owner, wish.asset)
        if facts is None:
            raise NotFound("asset_unknown", "you have uploaded no asset with this hash")
        return facts, f"{self._asset_url}/a/{wish.asset}"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _place(connection: Connection, owner: Address, line_item: LineItemId, *, lock: bool = False) -> Place:
    found = store.place_of(connection, owner, line_item, lock=lock)
    if found is None:
        raise NotFound("line_item_unknown", f"you have no line item {line_item}")
    return found


def _check_open(place: Place) -> None:
    if place.campaign_ended:
        raise Conflict("campaign_ended", f"campaign {place.campaign} has ended")


def _own(connection: Connection, owner: Address, creative: CreativeId) -> Creative:
    found = store.creative_of(connection, owner, creative)
    if found is None:
        raise NotFound("creative_unknown", f"you have no creative {creative}")
    return found
