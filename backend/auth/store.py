"""Nonces and sessions in Redis; both forget themselves."""

import msgspec
from redis import Redis

from backend.auth.session import Session

NONCE_KEY = "sl:siwe:nonce:"
SESSION_KEY = "sl:session:"


def save_nonce(redis: Redis, nonce: str, seconds: int) -> None:
    redis.set(NONCE_KEY + nonce, "1", ex=seconds)


def burn_nonce(redis: Redis, nonce: str) -> bool:
    """True for the one caller that takes the nonce out; False when it is unknown, used or too old."""
    return redis.getdel(NONCE_KEY + nonce) is not None


def save_session(redis: Redis, digest: str, session: Session, seconds: int) -> None:
    redis.set(SESSION_KEY + digest, msgspec.json.encode(session), ex=seconds)


def load_session(redis: Redis, digest: str) -> Session | None:
    content = redis.get(SESSION_KEY + digest)
    return None if content is None else msgspec.json.decode(content, type=Session)


def delete_session(redis: Redis, digest: str) -> None:
    redis.delete(SESSION_KEY + digest)
