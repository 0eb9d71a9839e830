"""Signs wallets in and out: nonce → message → signature → session."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from redis import Redis

from backend.auth import message as siwe
from backend.auth import store
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.auth.session import TOKEN_BYTES, OpenedSession, Session, token_digest, token_text
from backend.auth.signature import check_signer, signature_bytes
from backend.core.errors import NotSignedIn

NONCE_SECONDS = 300


class AuthService:
    """Sessions of wallets on one chain. `public_url` is what browsers see; messages must name its host.

    `redis` is a synchronous client; `clock` gives Unix seconds.
    """

    def __init__(
        self, redis: Redis, *, public_url: str, chain_id: int, session_seconds: int = 86_400,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._policy = siwe.SignInPolicy(origin=public_url.rstrip("/").lower(), chain_id=chain_id)
        self._clock = clock
        self.session_seconds = session_seconds

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

    def sign_in(self, message: str, signature: str) -> OpenedSession:
        """A session for the wallet that signed `message`. Raises BadRequest or NotSignedIn with a `siwe_…` code.

        The nonce is burnt before anything is decided, so every nonce is good for one try, right or wrong.
        """
        raw_signature = signature_bytes(signature)
        parsed = siwe.parse(message)
        if not store.burn_nonce(self._redis, parsed.nonce):
            raise NotSignedIn("siwe_nonce_unknown", "the nonce was never issued, is used, or is older than 5 minutes")
        siwe.check(parsed, self._policy, self._now())
        check_signer(message, raw_signature, parsed.wallet)
        return self._open(parsed)

    def session(self, token: str) -> Session:
        """The session of `token`. Raises NotSignedIn `not_signed_in`."""
        session = store.load_session(self._redis, token_digest(token))
        if session is None or session.expires_at <= self._now() or session.chain_id != self._policy.chain_id:
            raise NotSignedIn("not_signed_in", "sign in first: the session is unknown or has expired")
        return session

    def caller(self, token: str) -> Caller:
        """Who sends `token`, for whom, with all that they may do. Raises NotSignedIn."""
        wallet = self.session(token).wallet
        return Caller(wallet, wallet, frozenset(Permission))

    def sign_out(self, token: str) -> None:
        """End the session of `token`; nothing happens if there is none."""
        store.delete_session(self._redis, token_digest(token))

    def _open(self, message: siwe.SignInMessage) -> OpenedSession:
        token = token_text(secrets.token_bytes(TOKEN_BYTES))
        expires_at = self._now().replace(microsecond=0) + timedelta(seconds=self.session_seconds)
        session = Session(message.wallet, message.chain_id, expires_at)
        store.save_session(self._redis, token_digest(token), session, self.session_seconds)
        return OpenedSession(token, session)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
