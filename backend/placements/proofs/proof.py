"""Proof that a publisher controls a world: where it is looked for, what it must say, and how long it holds."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from backend.core.categories import WorldEngine
from backend.core.ids import Address
from backend.core.keccak import keccak256
from backend.placements.proofs.signing import signer
from backend.placements.world import Name, Parcel, World

PREFIX = "sightline-verify="
SIGNATURE_PREFIX = "sightline-signature="
DNS_LABEL = "_sightline"
FILE_PATH = "/.well-known/sightline.txt"
WORLD_ADS_PATH = "/world-ads.txt"
CHECK_AGAIN, TRY_AGAIN = timedelta(days=1), timedelta(hours=1)
FAILURES_MAX = 3
"""Daily checks that may fail in a row; with the last of them the world is unverified."""


class Method(StrEnum):
    """How control is proved. The values are public and stable."""

    DNS = "dns"                    # a TXT record below the world's host
    FILE = "file"                  # a file on the world's host
    WALLET_FILE = "wallet_file"    # the publisher's signature in that file
    SCENE = "scene"                # a signed fetch out of the Decentraland scene, by the publisher who holds the land
    LAND = "land"                  # a signature of whoever holds the land, for this publisher


WEB = (Method.DNS, Method.FILE, Method.WALLET_FILE)
DECENTRALAND = (Method.SCENE, Method.LAND)


@dataclass(frozen=True, slots=True)
class Proof:
    """How a world's proof stands. `wallet` has signed it, where it was proved by land."""

    token: str
    verified: bool = False
    method: Method | None = None
    wallet: Address | None = None
    checked_at: datetime | None = None
    failures: int = 0
    ads_txt_state: str | None = None
    ads_txt_checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A world whose control is to be proved, and for whom."""

    world: World
    account: Address
    proof: Proof

    @property
    def methods(self) -> tuple[Method, ...]:
        """In Decentraland land is proved: a file on the publisher's own site says nothing about a parcel."""
        terms = self.world.terms
        if terms.engine is WorldEngine.DECENTRALAND:
            return DECENTRALAND if terms.place else ()
        return WEB

    @property
    def host(self) -> str:
        return urlsplit(self.world.terms.url).hostname or ""

    @property
    def origin(self) -> str:
        parts = urlsplit(self.world.terms.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def thing(self) -> str:
        """What is controlled, as people call it."""
        return self.world.terms.place or self.host

    def statement(self, domain: str) -> str:
        """The text (EIP-191) by whose signature control is given to the publisher. `domain` is ours."""
        return (
            f"{domain}: the account below may sell advertising in {self.thing}.\n\n"
            f"World: {self.world.id}\nAccount: {self.account}\nToken: {self.proof.token}"
        )


def dns_name(host: str) -> str:
    return f"{DNS_LABEL}.{host}"


def says_token(lines: list[str], token: str) -> bool:
    """Whether one of the lines is `sightline-verify=<token>` and nothing else."""
    return any(line.strip() == PREFIX + token for line in lines)


def says_signature(lines: list[str], statement: str, account: Address) -> bool:
    """Whether one of the lines is `sightline-signature=0x…`, a signature of the statement by the account."""
    signatures = [line.strip().removeprefix(SIGNATURE_PREFIX) for line in lines if SIGNATURE_PREFIX in line]
    return any(signer(statement, signature) == account for signature in signatures[:8])


def proved(proof: Proof, method: Method, wallet: Address | None, now: datetime) -> Proof:
    """The proof was found."""
    return replace(proof, verified=True, method=method, wallet=wallet, checked_at=now, failures=0)


def checked(proof: Proof, found: bool | None, now: datetime) -> Proof:
    """The proof after the daily check of a verified world.

    Not found the third time in a row, the world is unverified. `found` None: nobody could be asked; that counts for
    nothing, and is tried again in an hour.
    """
    if found is None:
        return replace(proof, checked_at=now - CHECK_AGAIN + TRY_AGAIN)
    failures = 0 if found else proof.failures + 1
    return replace(proof, verified=failures < FAILURES_MAX, checked_at=now, failures=failures)


def land_id(parcel: Parcel) -> int:
    """Token of a parcel in Decentraland's LANDRegistry (`encodeTokenId`): x and y as 128-bit two's complements."""
    mask = (1 << 128) - 1
    return ((parcel.x & mask) << 128) | (parcel.y & mask)


def name_id(name: Name) -> int:
    """Token of a name in Decentraland's registrar: the keccak-256 of its label (EIP-137)."""
    return int.from_bytes(keccak256(name.label.encode()), "big")
