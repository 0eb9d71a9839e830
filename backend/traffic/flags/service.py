"""What publishers, moderators and advertisers do about flags; every call is one transaction."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address
from backend.core.ruleset import Ruleset
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.notices import notify
from backend.traffic import store as traffic
from backend.traffic.flags import store
from backend.traffic.flags.flag import (
    Filtered,
    Flag,
    FlagStatus,
    GrantedNetwork,
    check_may_decide,
    check_may_object,
    network_of,
)


class FlagService:
    """What is another's raises NotFound. `clock` gives Unix seconds."""

    def __init__(self, engine: Engine, ruleset: Ruleset, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._ruleset = ruleset
        self._clock = clock

    def own(self, wallet: Address, placement: int | None, *, after: int = 0, limit: int = 50) -> list[Flag]:
        """A publisher's flags with their evidence, by id."""
        with self._engine.begin() as connection:
            return store.flags_of(connection, wallet, placement, after, limit)

    def everybodys(self, *, objected: bool = False, after: int = 0, limit: int = 50) -> list[Flag]:
        """For moderators; with `objected` those that wait for a decision."""
        with self._engine.begin() as connection:
            return store.all_flags(connection, objected, after, limit)

    def object(self, wallet: Address, flag: int, words: str) -> Flag:
        """A publisher's objection, once. Raises NotFound `flag_unknown`, Conflict `flag_final`, `objected_before`."""
        now = self._now()
        with self._engine.begin() as connection:
            found = _known(connection, flag)
            if found.publisher != wallet:
                raise _unknown(flag)
            check_may_object(found, now)
            store.write_objection(connection, flag, words, now)
            record(connection, "traffic_flag.object", f"traffic_flag:{flag}")
            return _known(connection, flag)

    def decide(self, moderator: Address, flag: int, *, lifted: bool, note: str | None) -> Flag:
        """Final. What was given back under a lifted flag is charged again as far as the budget still goes; what
        another flag takes as well goes under that one.

        Raises NotFound `flag_unknown`, NotAllowed `own_flag`, Conflict `flag_final`, or `flag_not_settled` while the
        ledger has not seen all of its events.
        """
        now = self._now()
        with self._engine.begin() as connection:
            store.lock_decisions(connection)
            found = _known(connection, flag)
            check_may_decide(found, moderator, now)
            if lifted and store.has_pending(connection, flag):
                raise Conflict("flag_not_settled", f"events of flag {flag} wait for the ledger; ask again in a minute")
            status = FlagStatus.LIFTED if lifted else FlagStatus.UPHELD
            store.write_decision(connection, flag, status, moderator, note, now)
            if lifted:
                traffic.hand_over(connection, flag, self._ruleset)
                store.lift_events(connection, flag)
            record(connection, f"traffic_flag.{status}", f"traffic_flag:{flag}")
            notify(
                connection, found.publisher, f"traffic.{status}", flag=flag, placement=found.placement, note=note
            )
            return _known(connection, flag)

    def filtered(self, wallet: Address, campaign: int, first: date, last: date) -> Filtered:
        """What of an advertiser's campaign was flagged on these UTC days. Raises NotFound `campaign_unknown`."""
        with self._engine.begin() as connection:
            if not store.owns_campaign(connection, wallet, campaign):
                raise NotFound("campaign_unknown", f"you have no campaign {campaign}")
            return store.filtered(connection, campaign, first, last)

    def today(self) -> date:
        """The UTC day."""
        return self._now().date()

    def networks(self, *, after: int = 0, limit: int = 50) -> list[GrantedNetwork]:
        """Data centres' networks from which worlds are streamed to people."""
        with self._engine.begin() as connection:
            return store.networks(connection, after, limit)

    def allow(self, network: str, publisher: int | None, note: str) -> GrantedNetwork:
        """Raises Unprocessable `network_not_allowed`, NotFound `publisher_index_unknown`."""
        canonical = network_of(network)
        with self._engine.begin() as connection:
            if publisher is not None and not store.is_publisher(connection, publisher):
                raise NotFound("publisher_index_unknown", f"there is no publisher {publisher}")
            made = store.insert_network(connection, canonical, publisher, note)
            record(connection, "traffic_allowance.give", f"traffic_allowance:{made.id}", network=canonical)
            return made

    def disallow(self, allowance: int) -> None:
        """Raises NotFound `allowance_unknown`."""
        with self._engine.begin() as connection:
            network = store.delete_network(connection, allowance)
            if network is None:
                raise NotFound("allowance_unknown", f"there is no allowance {allowance}")
            record(connection, "traffic_allowance.take", f"traffic_allowance:{allowance}", network=network)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _known(connection: Connection, flag: int) -> Flag:
    found = store.flag_of(connection, flag, lock=True)
    if found is None:
        raise _unknown(flag)
    return found


def _unknown(flag: int) -> NotFound:
    return NotFound("flag_unknown", f"you have no flag {flag}")
