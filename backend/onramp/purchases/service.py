"""Lets an advertiser buy USDC from Stripe for the own wallet; nothing of it is ever credited here (L63)."""

import secrets
from dataclasses import dataclass

from backend.core.errors import NotFound, Unavailable
from backend.core.ids import Address
from backend.core.money import MICRO_USDC_PER_USDC
from backend.db.audit import record
from backend.db.engine import Engine
from backend.db.idempotency import once
from backend.onramp.client import Onramp, OnrampWish, StripeGateway
from backend.onramp.onramp_session import OnrampSession, network_of
from backend.onramp.purchases import store


@dataclass(frozen=True, slots=True)
class OpenedOnramp:
    """A session with the secret that opens it in the browser, which is told once and kept nowhere."""

    session: OnrampSession
    client_secret: str

    def __repr__(self) -> str:
        return f"OpenedOnramp({self.session})"


class OnrampService:
    """Without a `gateway` every purchase raises Unavailable `cards_not_available`. `network` is Stripe's name of the
    chain's network where the chain id does not tell."""

    def __init__(self, engine: Engine, chain_id: int, gateway: StripeGateway | None, *, network: str = "") -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._gateway = gateway
        self._network = network

    def open(self, account: Address, amount_micro_usdc: int | None, *, key: str | None = None) -> OpenedOnramp:
        """A session that pays out to the account's wallet only; the buyer may still choose another amount.

        The same `key` gives the same session, and its secret again from Stripe.
        """
        if self._gateway is None:
            raise Unavailable("cards_not_available", "this operator has not set up Stripe")
        network = network_of(self._chain_id, self._network)

        def create() -> int:
            made = store.insert_onramp(connection, account, secrets.token_hex(16), network, amount_micro_usdc)
            record(connection, "onramp_session.create", f"onramp_session:{made.id}")
            return made.id

        with self._engine.begin() as connection:
            number = once(connection, account, key, ("onramp session", amount_micro_usdc), int, create)
        session = self.session(account, number)
        opened = self._gateway.open_onramp(_wish(session))
        return OpenedOnramp(self._remember(session, opened), opened.client_secret)

    def session(self, account: Address, session: int) -> OnrampSession:
        """Raises NotFound `onramp_session_unknown`."""
        with self._engine.begin() as connection:
            found = store.onramp_of(connection, account, session)
        if found is None:
            raise NotFound("onramp_session_unknown", f"you have no onramp session {session}")
        return found

    def sessions(self, account: Address, *, after: int = 0, limit: int = 100) -> list[OnrampSession]:
        with self._engine.begin() as connection:
            return store.onramps_of(connection, account, after, limit)

    def _remember(self, session: OnrampSession, opened: Onramp) -> OnrampSession:
        """Write Stripe's id; a webhook may have told it, and a later status, before Stripe's answer came."""
        with self._engine.begin() as connection:
            known = store.lock_onramp(connection, opened.stripe_id, session.reference)
            assert known is not None
            store.update_onramp(connection, known.id, opened.stripe_id, known.status, known.details)
        return self.session(session.account, session.id)


def _wish(session: OnrampSession) -> OnrampWish:
    asked = session.asked_micro_usdc
    amount = None if asked is None else f"{asked // MICRO_USDC_PER_USDC}.{asked % MICRO_USDC_PER_USDC:06d}"
    return OnrampWish(session.reference, session.account, session.network, amount)
