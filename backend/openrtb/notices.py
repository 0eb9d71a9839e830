"""What an exchange may tell us of a bid, and what follows: it is paid once, at most what we bid, and in time (L87)."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from backend.core.decision_token import DecisionToken
from backend.core.errors import Conflict, Unprocessable
from backend.openrtb.prices import cleared_micro_usdc

LOST, BILLING, BILLED = "lost", "billing", "billed"
KEEP_MS = 60_000            # longer than the bid may be billed: by then its token has expired everywhere


class Said(StrEnum):
    """The three notices (OpenRTB 2.6 §4.2.3); only `burl` means money."""

    BURL = "burl"
    NURL = "nurl"
    LURL = "lurl"


def signing_key(token_key: bytes) -> bytes:
    """The key of tokens that other exchanges get: what is theirs is no decision token to POST /v1/events (L88)."""
    return blake2b(b"openrtb", digest_size=32, key=token_key[:64], person=b"sightline-rtb").digest()


def price_to_charge(facts: DecisionToken, cleared: str | None, now_ms: int) -> int:
    """Micro-USDC for the impression. Raises Unprocessable `openrtb_price` or Conflict `price_above_bid`, `bid_expired`.

    A fraction of a micro-USDC is left out, so that nobody pays for it.
    """
    if now_ms > facts.expires_ms:
        raise Conflict("bid_expired", "the bid was good for the seconds of its `exp`, which are over")
    price = cleared_micro_usdc(cleared)
    if price is None:
        raise Unprocessable("openrtb_price", "price must be the clearing price, put in place of ${AUCTION_PRICE}")
    if price > facts.price_micro_usdc:
        raise Conflict("price_above_bid", "the clearing price is more than we bid; nothing was charged")
    return price


@dataclass(frozen=True, slots=True)
class Standing:
    """What was said of a bid before: nothing (`word` is empty), or the first notice, with its price."""

    word: str = ""
    price_micro_usdc: int = 0

    @classmethod
    def of(cls, text: str | None) -> "Standing":
        """From the text in Redis."""
        word, _, price = (text or "").partition(":")
        return cls(word, int(price or 0))

    def text(self) -> str:
        return f"{self.word}:{self.price_micro_usdc}"


def keep_ms(facts: DecisionToken, now_ms: int) -> int:
    """For how long a notice is remembered."""
    return max(1, facts.expires_ms - now_ms) + KEEP_MS
