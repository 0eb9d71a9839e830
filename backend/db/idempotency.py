"""A request that creates something, sent twice under one Idempotency-Key, creates it once and answers the same.

The key is claimed in the transaction that creates, so a crash leaves either both or neither, and a second request
with the key waits for the first to commit (PostgreSQL waits on the conflicting row).
"""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, text

from backend.core.errors import Conflict
from backend.core.ids import Address

Answer = TypeVar("Answer")

_TAKE = text("""
insert into idempotency_key (wallet, key, fingerprint) values (:wallet, :key, :fingerprint)
    on conflict do nothing returning 1
""")
_TAKEN = text("select fingerprint, answer from idempotency_key where wallet = :wallet and key = :key")


def once(
    connection: Connection, wallet: Address, key: str | None, request: object, answer_type: type[Answer],
    create: Callable[[], Answer],
) -> Answer:
    """What `create` returns, or what it returned when `wallet` used `key` before. Without a key it always creates.

    `request` is everything the caller sent (operation, ids of the path, body). Raises Conflict `idempotency_key_reused`
    when the key was used for another request.
    """
    if key is None:
        return create()
    fingerprint = hashlib.sha256(msgspec.json.encode(request)).hexdigest()
    earlier = _claim(connection, wallet, key, fingerprint)
    if earlier is not None:
        return msgspec.json.decode(earlier, type=answer_type)
    answer = create()
    connection.execute(
        text("update idempotency_key set answer = :answer where wallet = :wallet and key = :key"),
        {"answer": msgspec.json.encode(answer).decode(), "wallet": wallet, "key": key},
    )
    return answer


def _claim(connection: Connection, wallet: Address, key: str, fingerprint: str) -> str | None:
    """None when the key is now ours, else the earlier answer."""
    bound = {"wallet": wallet, "key": key, "fingerprint": fingerprint}
    earlier = None
    while earlier is None:      # again when it was forgotten between the two statements
        if connection.execute(_TAKE, bound).scalar():
            return None
        earlier = connection.execute(_TAKEN, {"wallet": wallet, "key": key}).one_or_none()
    if earlier.fingerprint != fingerprint:
        raise Conflict("idempotency_key_reused", "this Idempotency-Key was used for another request")
    return str(earlier.answer)
