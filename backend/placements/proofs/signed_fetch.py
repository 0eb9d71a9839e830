"""Reads a Decentraland signed fetch: who sent this request, standing where.

ADR-44 and docs.decentraland.org (signed fetch, authentication chain): the headers carry a chain of signatures from a
wallet over short-lived keys to this request's method, path, time and metadata.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from backend.core.errors import BadRequest, NotSignedIn
from backend.core.ids import Address, address
from backend.placements.proofs.signing import signer

CHAIN_PREFIX = "x-identity-auth-chain-"
TIMESTAMP = "x-identity-timestamp"
METADATA = "x-identity-metadata"
LINKS_MAX = 4
HEADER_CHARACTERS_MAX = 4_096
FRESH_MS = 60_000
SCENE = "decentraland-kernel-scene"
"""`signer` of metadata that the client wrote for a scene; scenes cannot write it themselves."""
_EPHEMERAL = re.compile(
    r"Decentraland Login\r?\nEphemeral address: (0x[0-9a-fA-F]{40})\r?\nExpiration: (\d{4}-\d\d-\d\dT[0-9:.]+Z)"
)


class Link(msgspec.Struct, frozen=True):
    """A step of the chain: `payload` is the wallet, the key that is handed over to, or the request."""

    type: str
    payload: str
    signature: str


class Realm(msgspec.Struct, frozen=True, rename="camel"):
    server_name: str = ""


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What we read of what the client says about the request."""

    parcel: str = ""
    signer: str = ""
    is_guest: bool = True
    realm: Realm = Realm()


Read = TypeVar("Read", Link, Metadata)


@dataclass(frozen=True, slots=True)
class SignedFetch:
    """A request whose chain holds: the wallet at its start, and where its client says it stands."""

    wallet: Address
    parcel: str
    world: str
    from_scene: bool
    guest: bool

    def stands_at(self, place: str) -> bool:
        """Whether a scene at `place` sent this, for somebody with a wallet."""
        return self.from_scene and not self.guest and place in (self.parcel, self.world)


def read(headers: Mapping[str, str], method: str, path: str, now: datetime) -> SignedFetch:
    """Check the chain in `headers` (lowercase names) for this request.

    Raises BadRequest `signed_fetch_malformed` or NotSignedIn `signed_fetch_invalid` (signature, expiry, another
    request, clock more than a minute off).
    """
    links = _links(headers)
    stamp, metadata = headers.get(TIMESTAMP, ""), headers.get(METADATA, "")
    if not re.fullmatch(r"\d{13}", stamp, re.ASCII):
        raise _malformed("the timestamp must be Unix milliseconds")
    about = _read(metadata, Metadata)
    if abs(now.timestamp() * 1_000 - int(stamp)) > FRESH_MS:
        raise _invalid("it was signed more than a minute ago, or in the future")
    wallet = _check(links, f"{method}:{path}:{stamp}:{metadata}".lower(), now)
    return SignedFetch(wallet, about.parcel, about.realm.server_name, about.signer == SCENE, about.is_guest)


def _links(headers: Mapping[str, str]) -> list[Link]:
    links = [
        _read(headers[f"{CHAIN_PREFIX}{place}"], Link)
        for place in range(LINKS_MAX + 1) if f"{CHAIN_PREFIX}{place}" in headers
    ]
    if not 3 <= len(links) <= LINKS_MAX:
        raise _malformed(f"a chain has 3 to {LINKS_MAX} links")
    return links


def _check(links: Sequence[Link], request: str, now: datetime) -> Address:
    """The wallet at the start, when each link is signed by the one before and the last signs the request."""
    first, last = links[0], links[-1]
    if first.type != "SIGNER" or last.type != "ECDSA_SIGNED_ENTITY" or last.payload != request:
        raise _invalid("the chain does not lead from a wallet to this request")
    try:
        wallet = authority = address(first.payload)
    except ValueError as error:
        raise _malformed("the chain starts with no address") from error
    for link in links[1:]:
        if signer(link.payload, link.signature) != authority:
            raise _invalid("a link is not signed by the one before (contract wallets are not supported)")
        if link is not last:
            authority = _ephemeral(link, now)
    return wallet


def _ephemeral(link: Link, now: datetime) -> Address:
    """The key that the link hands over to."""
    match = _EPHEMERAL.fullmatch(link.payload)
    if link.type != "ECDSA_EPHEMERAL" or match is None:
        raise _invalid("a link hands over to no key")
    try:
        until = datetime.fromisoformat(match[2]).astimezone(UTC)
    except ValueError as error:
        raise _malformed("a link expires at no time") from error
    if until <= now:
        raise _invalid("a link has expired")
    return address(match[1])


def _read(text: str, kind: type[Read]) -> Read:
    """Nothing longer than a header of a real client is parsed: deep nesting can end a process."""
    try:
        if len(text) <= HEADER_CHARACTERS_MAX:
            return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise _malformed(f"a header is no {kind.__name__.lower()}") from error
    raise _malformed("a header is too long")


def _malformed(detail: str) -> BadRequest:
    return BadRequest("signed_fetch_malformed", detail)


def _invalid(detail: str) -> NotSignedIn:
    return NotSignedIn("signed_fetch_invalid", detail)
