"""Sign-In with Ethereum (EIP-4361): what a message must say to open a session here. The signature is signature.py's."""

import functools
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from backend.core.errors import BadRequest, NotSignedIn
from backend.core.ids import Address, address

if TYPE_CHECKING:
    from siwe import ISO8601Datetime, SiweMessage

MESSAGE_CHARACTERS_MAX = 2_048


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """Whom we are (`origin`, such as `https://ads.example`) and how fresh a message must be."""

    origin: str
    chain_id: int
    age_seconds_max: int = 300
    skew_seconds_max: int = 60

    @property
    def domain(self) -> str:
        """Host and port of the origin: the `domain` a wallet shows to its user."""
        return urlsplit(self.origin).netloc

    @property
    def scheme(self) -> str:
        return urlsplit(self.origin).scheme


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """The fields of a message that we decide on; `text` is exactly what was signed."""

    text: str
    wallet: Address
    scheme: str | None
    domain: str
    uri: str
    version: str
    chain_id: int
    nonce: str
    issued_at: datetime
    expires_at: datetime | None
    not_before: datetime | None


def parse(text: str) -> SignInMessage:
    """The message behind `text`. Raises BadRequest `siwe_message_malformed` unless it is EIP-4361 in canonical form."""
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise BadRequest("siwe_message_malformed", f"the message has more than {MESSAGE_CHARACTERS_MAX} characters")
    try:
        # siwe's regular expression and not its ABNF grammar, which spends half a second on a hostile 2 kB message
        parsed = _parser().from_message(text, abnf=False)
        message = _message(text, parsed)
    except Exception as error:   # pydantic, dates, checksums: whatever the parser throws, the text is at fault
        raise BadRequest("siwe_message_malformed", "this is not an EIP-4361 message") from error
    if not _is_canonical(text, parsed):
        raise BadRequest("siwe_message_malformed", "the message is not in the canonical form of EIP-4361")
    return message


@functools.cache
def _parser() -> "type[SiweMessage]":
    """Imported when first somebody signs in: with web3, which it brings along, it takes 24 MB of a worker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)      # web3 uses websockets.legacy
        from siwe import SiweMessage
    parser: type[SiweMessage] = SiweMessage
    return parser


def _message(text: str, parsed: "SiweMessage") -> SignInMessage:
    return SignInMessage(
        text=text, wallet=address(parsed.address), scheme=parsed.scheme, domain=parsed.domain, uri=parsed.uri,
        version=str(parsed.version), chain_id=parsed.chain_id, nonce=parsed.nonce, issued_at=_time(parsed.issued_at),
        expires_at=_time(parsed.expiration_time) if parsed.expiration_time else None,
        not_before=_time(parsed.not_before) if parsed.not_before else None,
    )


def _is_canonical(text: str, parsed: "SiweMessage") -> bool:
    """Whether the text has no other reading: else what we check could differ from what the wallet's user saw."""
    one_line = (parsed.domain, parsed.uri, *(parsed.resources or ()))
    return (
        text.isascii() and text.replace("\n", "").isprintable()
        and not any("\n" in part for part in one_line)
        and parsed.prepare_message() == text
    )


def check(message: SignInMessage, policy: SignInPolicy, now: datetime) -> None:
    """Raises NotSignedIn naming the first thing that is wrong: for whom, on which chain, when."""
    for problem in (_audience_problem(message, policy), _time_problem(message, policy, now)):
        if problem:
            raise NotSignedIn(*problem)


def _audience_problem(message: SignInMessage, policy: SignInPolicy) -> tuple[str, str] | None:
    if message.domain != policy.domain:
        return "siwe_wrong_domain", f"the message is for another domain; expected {policy.domain}"
    if message.scheme is not None and message.scheme != policy.scheme:
        return "siwe_wrong_domain", f"the message is for another scheme; expected {policy.scheme}"
    if not _has_origin(message.uri, policy):
        return "siwe_wrong_uri", f"the URI must be on {policy.origin}"
    if message.version != "1":
        return "siwe_wrong_version", "the version must be 1"
    if message.chain_id != policy.chain_id:
        return "siwe_wrong_chain", f"the message is for another chain; expected {policy.chain_id}"
    return None


def _has_origin(uri: str, policy: SignInPolicy) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (policy.scheme, policy.domain)


def _time_problem(message: SignInMessage, policy: SignInPolicy, now: datetime) -> tuple[str, str] | None:
    if message.issued_at > now + timedelta(seconds=policy.skew_seconds_max):
        return "siwe_from_the_future", "the message was issued in the future; check the clock"
    if message.issued_at < now - timedelta(seconds=policy.age_seconds_max):
        return "siwe_too_old", f"the message was issued more than {policy.age_seconds_max} seconds ago"
    if message.expires_at is None:
        return "siwe_no_expiration", "the message needs an expiration time"
    if message.expires_at <= now:
        return "siwe_expired", "the message has expired"
    if message.not_before is not None and message.not_before > now:
        return "siwe_not_yet_valid", "the message is not valid yet"
    return None


def _time(text: "ISO8601Datetime") -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
