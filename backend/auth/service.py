"""Signs wallets in and out: nonce → message → signature → session; and tells who sends a token, with what rights."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from redis import Redis

from backend.auth import message as siwe
from backend.auth import store
from backend.auth.caller import Caller, caller_of, key_caller
from backend.auth.client import ContractWallets
from backend.auth.keys import store as keys
from backend.auth.keys.key import key_digest, key_prefix
from backend.auth.permissions import PlatformRole
from backend.auth.session import (
    SESSIONS_MAX,
    TOKEN_BYTES,
    TOUCH_SECONDS,
    OpenedSession,
    Session,
    SessionTimes,
    Visitor,
    token_digest,
    token_text,
)
from backend.auth.signature import is_by_key, signature_bytes, signed_digest, wallet_signature
from backend.core.acting import acting
from backend.core.errors import NotAllowed, NotFound, NotSignedIn
from backend.core.ids import Address
from backend.db import audit
from backend.db.engine import Connection, Engine

NONCE_SECONDS = 300
_NOBODY = "sign in first: the session or key is unknown, has expired or was revoked"


class AuthService:
    """Sessions of wallets on one chain. `public_url` is what browsers see; messages must name its host.

    `redis` is a synchronous client; `clock` gives Unix seconds; `admins` are admins by configuration.
    """

    def __init__(
        self, redis: Redis, engine: Engine, wallets: ContractWallets, *, public_url: str, chain_id: int,
        times: SessionTimes, admins: frozenset[Address] = frozenset(), clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._engine = engine
        self._wallets = wallets
        self._policy = siwe.SignInPolicy(origin=public_url.rstrip("/").lower(), chain_id=chain_id)
        self._times = times
        self._admins = admins
        self._clock = clock

    @property
    def origin(self) -> str:
        """Scheme, host and port that browsers see."""
        return f"{self._policy.scheme}://{self._policy.domain}"

    @property
    def domain(self) -> str:
        """Host and port that messages must name."""
        return self._policy.domain

    @property
    def chain_id(self) -> int:
        return self._policy.chain_id

    @property
    def secure(self) -> bool:
        """Whether cookies may travel over TLS only."""
        return self._policy.scheme == "https"

    def issue_nonce(self) -> str:
        """A nonce that one sign-in may use within 300 seconds."""
        nonce = secrets.token_hex(16)
        store.save_nonce(self._redis, nonce, NONCE_SECONDS)
        return nonce

    def sign_in(
        self, message: str, signature: str, visitor: Visitor = Visitor(), *, replaced: str | None = None  # noqa: B008
    ) -> OpenedSession:
        """A session for the wallet that signed `message`. Raises BadRequest or NotSignedIn with a `siwe_…` code,
        and Unavailable when a contract wallet cannot be asked. `replaced` is the token that the browser had until now.

        The nonce is burnt before anything is decided, so every nonce is good for one try, right or wrong.
        """
        raw_signature = signature_bytes(signature)
        parsed = siwe.parse(message)
        if not store.burn_nonce(self._redis, parsed.nonce):
            raise NotSignedIn("siwe_nonce_unknown", "the nonce was never issued, is used, or is older than 5 minutes")
        siwe.check(parsed, self._policy, self._now())
        by_key = is_by_key(message, raw_signature, parsed.wallet)
        if not by_key:
            self._check_contract(message, raw_signature, parsed.wallet)
        return self._open(parsed.wallet, visitor, replaced, by_key=by_key)

    def session(self, token: str) -> Session:
        """The session of `token`. Raises NotSignedIn `not_signed_in`."""
        with self._engine.begin() as connection:
            return self._live(store.session_of_digest(connection, token_digest(token)))

    def caller(self, token: str, account: Address | None = None) -> Caller:
        """Who sends `token` (of a session, or an API key), for whom, with all that they may do.

        Raises NotSignedIn; NotAllowed `not_a_member` when they may not act for `account`.
        """
        prefix = key_prefix(token)
        with self._engine.begin() as connection:
            if prefix:
                return self._key_caller(connection, token, prefix, account)
            return self._session_caller(connection, token, account)

    def seconds_left(self, session: Session) -> int:
        """How long a browser keeps the cookie."""
        return max(0, int((session.expires_at - self._now()).total_seconds()))

    def rotate(self, token: str) -> OpenedSession:
        """The same session under a new token; the old one is dead at once. Raises NotSignedIn."""
        new = token_text(secrets.token_bytes(TOKEN_BYTES))
        with self._engine.begin() as connection:
            self._live(store.session_of_digest(connection, token_digest(token)))
            session = self._live(
                store.replace_digest(connection, token_digest(token), token_digest(new), self._now())
            )
            audit.record(connection, "session.rotate", f"session:{session.id}")
        return OpenedSession(new, session)

    def sign_out(self, token: str) -> None:
        """End the session of `token`; nothing happens if there is none."""
        with self._engine.begin() as connection:
            ended = store.delete_session(connection, token_digest(token))
            if ended:
                audit.record(connection, "session.end", f"session:{ended.id}")

    def sessions(self, wallet: Address) -> list[Session]:
        """The live sessions of a wallet, the last used first."""
        now = self._now()
        with self._engine.begin() as connection:
            return [found for found in store.sessions_of(connection, wallet) if found.is_live(now, self._times.idle)]

    def end_session(self, wallet: Address, session: int) -> None:
        """End one session of a wallet. Raises NotFound `session_unknown`."""
        with self._engine.begin() as connection:
            if not store.delete_session_of(connection, wallet, session):
                raise NotFound("session_unknown", "you have no session with this id")
            audit.record(connection, "session.end", f"session:{session}")

    def end_other_sessions(self, token: str) -> int:
        """End all sessions of the caller but this one; how many. Raises NotSignedIn."""
        with self._engine.begin() as connection:
            kept = self._live(store.session_of_digest(connection, token_digest(token)))
            ended = store.delete_other_sessions(connection, kept.wallet, kept.id)
            audit.record(connection, "session.end_others", f"session:{kept.id}", ended=ended)
        return ended

    def _session_caller(self, connection: Connection, token: str, account: Address | None) -> Caller:
        found = store.session_standing(connection, token_digest(token), account)
        session = self._live(found[0] if found else None)
        assert found is not None
        if self._now() - session.last_used_at >= timedelta(seconds=TOUCH_SECONDS):
            store.touch_session(connection, session.id, self._now())
        standing = found[1]
        if session.wallet in self._admins:
            standing = standing.with_platform(PlatformRole.ADMIN)
        return caller_of(standing)

    def _key_caller(self, connection: Connection, text: str, prefix: str, account: Address | None) -> Caller:
        found = keys.key_standing(connection, key_digest(text))
        now = self._now()
        if found is None or not found[0].is_live(now):
            raise NotSignedIn("not_signed_in", _NOBODY)
        key, standing = found
        if account not in (None, key.account):
            raise NotAllowed("not_a_member", "this API key is of another account")
        if key.last_used_at is None or now - key.last_used_at >= timedelta(seconds=TOUCH_SECONDS):
            keys.touch_key(connection, key.id, now)
        return key_caller(standing, prefix, key.scopes)

    def _live(self, session: Session | None) -> Session:
        if session is None or not session.is_live(self._now(), self._times.idle) or session.chain_id != self.chain_id:
            raise NotSignedIn("not_signed_in", _NOBODY)
        return session

    def _check_contract(self, message: str, signature: bytes, wallet: Address) -> None:
        """Raises NotSignedIn `siwe_signature_invalid` unless the chain says that the contract at `wallet` agrees.

        A wallet that ever signed with its own key is not asked: a node that lies cannot open an ordinary account.
        """
        asked = wallet_signature(signature)
        with self._engine.begin() as connection:
            ordinary = store.has_key(connection, wallet)
        if ordinary or not self._wallets.signed(wallet, signed_digest(message), asked):
            raise NotSignedIn("siwe_signature_invalid", "the signature is not by this account's key or contract")

    def _open(self, wallet: Address, visitor: Visitor, replaced: str | None, *, by_key: bool) -> OpenedSession:
        token = token_text(secrets.token_bytes(TOKEN_BYTES))
        now = self._now()
        who = acting()
        who.actor = who.account = wallet        # until now the request was nobody's
        with self._engine.begin() as connection:
            if by_key:
                store.remember_key(connection, wallet)
            if replaced:
                store.delete_session(connection, token_digest(replaced))
            session = store.insert_session(
                connection, token_digest(token), wallet, self.chain_id, visitor, now,
                now.replace(microsecond=0) + self._times.lifetime,
            )
            store.trim_sessions(connection, wallet, SESSIONS_MAX)
            store.sweep_sessions(connection, now, now - self._times.idle)
            audit.record(connection, "session.open", f"session:{session.id}", by_key=by_key)
        return OpenedSession(token, session)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
