"""Personal text is stored sealed with a key of its subject's own; whoever deletes the key has erased the text.

A subject is a wallet. Its key (32 random bytes, wrapped by a key that comes from the master key) is a row of
`subject_key`, and that table alone is left out of backups: so a text in a backup becomes unreadable with its key too.
AES-256-GCM (NIST SP 800-38D) with a random nonce; key id and subject are authenticated, so that no text can be moved
to another subject. Wrapping key: HKDF-SHA256 (RFC 5869).
"""

import base64
import secrets
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, text

from backend.core.errors import Unavailable
from backend.core.ids import Address

FORMAT = "sealed1"
PERSONAL = "personal"
KEY_BYTES, NONCE_BYTES = 32, 12
MASTER_BYTES_MIN = 32


class SealBroken(ValueError):
    """The key is there, but the text was changed, or belongs to another subject."""


class _Master:
    """The wrapping key of this process; none until `unlock`."""

    wrapping: AESGCM | None = None


def derived(master: bytes, purpose: str) -> bytes:
    """32 bytes from the master key that are good for one purpose only. Raises ValueError for a short master key."""
    if len(master) < MASTER_BYTES_MIN:
        raise ValueError(f"a master key has at least {MASTER_BYTES_MIN} bytes")
    return HKDF(SHA256(), KEY_BYTES, None, f"sightline {purpose}".encode()).derive(master)


def unlock(master: bytes) -> None:
    """Called once by the composition root; before that nothing can be sealed or opened in this process."""
    _Master.wrapping = AESGCM(derived(master, "subject keys"))


def seal(connection: Connection, subject: Address, plaintext: str, *, keep_until: date | None = None) -> str:
    """`plaintext` in a form that only the subject's key opens; safe in any column of type text.

    `keep_until`: the law makes us keep it until the end of that year, even if the subject is erased before.
    Raises Unavailable `sealing_unavailable` when this process has no master key.
    """
    purpose = PERSONAL if keep_until is None else f"law-{keep_until.year}"
    until = None if keep_until is None else date(keep_until.year, 12, 31)
    key_id, key = _key_of(connection, subject, purpose) or _new_key(connection, subject, purpose, until)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return f"{FORMAT}.{key_id}.{_base64(nonce + key.encrypt(nonce, plaintext.encode(), _bound(key_id, subject)))}"


def open_sealed(connection: Connection, subject: Address, sealed: str) -> str | None:
    """The text again; None when its key is gone: it was erased, or its time is over.

    Raises SealBroken when it was changed or is another subject's, Unavailable `sealing_unavailable`.
    """
    try:
        form, key_id, content = sealed.split(".")
        raw = base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))
    except ValueError as error:
        raise SealBroken("not a sealed text") from error
    if form != FORMAT or len(raw) <= NONCE_BYTES:
        raise SealBroken("not a sealed text")
    row = connection.execute(_BY_ID, {"id": key_id}).one_or_none()
    if row is None:
        return None
    key = _unwrapped(row.id, row.subject, row.wrapped)
    try:
        return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(key_id, subject)).decode()
    except InvalidTag as error:
        raise SealBroken("the text was changed, or it is another subject's") from error


def is_sealed(stored: str) -> bool:
    """Whether a stored text has the form that `seal` gives."""
    return stored.startswith(f"{FORMAT}.")


def shred(connection: Connection, subject: Address) -> int:
    """Delete the subject's personal key, and with it all that it sealed, everywhere; gives how many keys there were.

    What the law makes us keep has other keys, which go at the end of their year.
    """
    return connection.execute(_SHRED, {"subject": subject, "purpose": PERSONAL}).rowcount


_BY_ID = text("select id, subject, wrapped from subject_key where id = :id")
# holds off `shred` until this transaction has stored what it seals
_OF_SUBJECT = text(
    "select id, wrapped from subject_key where subject = :subject and purpose = :purpose for key share"
)
_INSERT = text("""
insert into subject_key (id, subject, purpose, keep_until, wrapped)
values (:id, :subject, :purpose, :keep_until, :wrapped) on conflict do nothing
""")
_SHRED = text("delete from subject_key where subject = :subject and purpose = :purpose")


def _key_of(connection: Connection, subject: str, purpose: str) -> tuple[str, AESGCM] | None:
    row = connection.execute(_OF_SUBJECT, {"subject": subject, "purpose": purpose}).one_or_none()
    return None if row is None else (row.id, _unwrapped(row.id, subject, row.wrapped))


def _new_key(connection: Connection, subject: str, purpose: str, until: date | None) -> tuple[str, AESGCM]:
    """The subject's new key, or the one that somebody else made at the same moment."""
    key_id, nonce = secrets.token_hex(8), secrets.token_bytes(NONCE_BYTES)
    raw = secrets.token_bytes(KEY_BYTES)
    wrapped = _base64(nonce + _wrapping().encrypt(nonce, raw, _bound(key_id, subject)))
    connection.execute(_INSERT, {
        "id": key_id, "subject": subject, "purpose": purpose, "keep_until": until, "wrapped": wrapped,
    })
    found = _key_of(connection, subject, purpose)
    if found is None:
        raise Unavailable("sealing_unavailable", "the subject was erased at this moment; try again")
    return found


def _unwrapped(key_id: str, subject: str, wrapped: str) -> AESGCM:
    raw = base64.urlsafe_b64decode(wrapped + "=" * (-len(wrapped) % 4))
    try:
        return AESGCM(_wrapping().decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound(key_id, subject)))
    except InvalidTag as error:
        raise Unavailable("sealing_unavailable", "the subjects' keys were made with another master key") from error


def _wrapping() -> AESGCM:
    if _Master.wrapping is None:
        raise Unavailable("sealing_unavailable", "this process has no master key (SIGHTLINE_MASTER_KEY)")
    return _Master.wrapping


def _bound(key_id: str, subject: str) -> bytes:
    return f"{FORMAT}|{key_id}|{subject}".encode()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
