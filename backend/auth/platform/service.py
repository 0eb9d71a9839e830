"""Who are moderators, admins and auditors: granted and taken by admins and by `sightline grant`."""

from backend.auth.permissions import PlatformRole
from backend.auth.platform import store
from backend.auth.platform.role import Granted
from backend.core.acting import SYSTEM, acting
from backend.core.errors import Conflict, NotAllowed, NotFound
from backend.core.ids import Address
from backend.db import audit
from backend.db.engine import Connection, Engine


class PlatformService:
    """Roles at the operator. Each takes effect with the wallet's next request.

    They change one after the other: of two admins who take each other's role at once, one stays. `admins` are admins by
    configuration.
    """

    def __init__(self, engine: Engine, admins: frozenset[Address] = frozenset()) -> None:
        self._engine = engine
        self._admins = admins

    def roles(self) -> list[Granted]:
        """All that was granted; admins by configuration are not among them."""
        with self._engine.begin() as connection:
            return store.granted(connection)

    def grant(self, wallet: Address, role: PlatformRole) -> Granted:
        """Give a role; again: nothing changes.

        Raises Conflict `role_conflict`: who audits has no other role; NotAllowed `not_permitted`, see `_begin_change`.
        """
        with self._engine.begin() as connection:
            self._begin_change(connection)
            held = {found.role for found in store.granted(connection, wallet)}
            if len((held | {role}) - {PlatformRole.AUDITOR}) and PlatformRole.AUDITOR in held | {role}:
                raise Conflict("role_conflict", "an auditor changes nothing and so has no other role: take it first")
            if store.grant_role(connection, wallet, role, acting().actor):
                audit.record(connection, "role.grant", f"wallet:{wallet}", role=role.value)
            return next(found for found in store.granted(connection, wallet) if found.role is role)

    def revoke(self, wallet: Address, role: PlatformRole) -> None:
        """Take a role.

        Raises NotFound `role_unknown`; Conflict `own_role` for an admin who would lock itself out; NotAllowed
        `not_permitted`, see `_begin_change`.
        """
        if role is PlatformRole.ADMIN and wallet == acting().actor:
            raise Conflict("own_role", "an admin cannot take its own role: let another one do it")
        with self._engine.begin() as connection:
            self._begin_change(connection)
            if not store.revoke_role(connection, wallet, role):
                raise NotFound("role_unknown", "this wallet does not have this role")
            audit.record(connection, "role.revoke", f"wallet:{wallet}", role=role.value)

    def _begin_change(self, connection: Connection) -> None:
        """Wait for our turn. Raises NotAllowed `not_permitted` for an admin who was none any more when it came."""
        store.lock_roles(connection)
        actor = acting().actor
        if actor == SYSTEM or actor in self._admins:
            return
        if PlatformRole.ADMIN not in {held.role for held in store.granted(connection, Address(actor))}:
            raise NotAllowed("not_permitted", "your own role was taken meanwhile")
