"""What a campaign agreed to, as a chain of documents that starts at the hash on chain (law L51).

A document is one JSON object in canonical form (RFC 8785). Document 1 says what the campaign is and carries the line
items given at its creation; its SHA-256 is `meta`, which the escrow account keeps for ever. Every later one says one
change and the SHA-256 of the document before it, so that no version can be altered or left out unnoticed.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import msgspec

from backend.campaigns.campaign import Campaign
from backend.campaigns.line_item import LineItemTerms
from backend.core.categories import CampaignCategory
from backend.core.ids import Address

SALT_BYTES = 16
DEPTH_MAX = 16
_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"')
_EXACT_MAX = 2**53 - 1          # JSON numbers beyond are not the same for every reader


class TermsBroken(ValueError):
    """The documents are not the chain that `meta` begins."""


def first_document(
    owner: Address, chain_id: int, name: str, category: CampaignCategory, line_items: Iterable[LineItemTerms],
    salt: bytes,
) -> str:
    """Document 1, the preimage of `meta`. The salt makes it unique, and keeps a name from being guessed from the chain.

    Raises ValueError unless the salt has 16 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError("the salt of a campaign has 16 bytes")
    return canonical({
        "version": 1, "owner": owner, "chain_id": chain_id, "name": name, "category": category.value,
        "line_items": [described(terms) for terms in line_items], "salt": salt.hex(),
    })


def next_document(version: int, previous: str, when: datetime, change: str, /, **what: object) -> str:
    """A later document; `previous` is the hash of the one before, `change` such as `line_item.changed`."""
    moment = when.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return canonical({"version": version, "previous": previous, "at": moment, "change": change, **what})


def described(terms: LineItemTerms) -> dict[str, Any]:
    """A line item's terms as JSON: times in UTC."""
    content: dict[str, Any] = msgspec.to_builtins(terms)
    for field in ("starts_at", "ends_at"):
        content[field] = getattr(terms, field).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return content


def nameless(terms: LineItemTerms) -> dict[str, Any]:
    """The same without what the advertiser calls it: for the audit trail, which nobody can erase."""
    return {field: value for field, value in described(terms).items() if field != "name"}


def campaign_state(campaign: Campaign) -> dict[str, str]:
    """What may change of a campaign itself."""
    return {"name": campaign.name, "status": campaign.status.value}


def document_hash(document: str) -> str:
    """0x and the SHA-256 of the document's UTF-8 bytes; of document 1 it is `meta`."""
    return "0x" + hashlib.sha256(document.encode()).hexdigest()


def canonical(content: Mapping[str, Any]) -> str:
    """RFC 8785 for what documents contain: objects with ASCII keys, lists, texts, integers, true, false and null."""
    return json.dumps(_exact(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def check_terms(documents: Sequence[str], meta: str) -> list[dict[str, Any]]:
    """The documents read, when they are canonical, versions 1, 2, … and each names the hash of the one before.

    Raises TermsBroken, which names the version, on any difference: whoever knows `meta` needs to trust nobody.
    """
    if not documents:
        raise TermsBroken("there is no document")
    read: list[dict[str, Any]] = []
    expected = meta
    for version, document in enumerate(documents, 1):
        content = _read(document, version)
        named = content.get("previous") if version > 1 else document_hash(document)
        if named != expected:
            raise TermsBroken(f"document {version} does not follow from {expected}")
        read.append(content)
        expected = document_hash(document)
    return read


def _read(document: str, version: int) -> dict[str, Any]:
    try:
        document.encode()
        if _depth(document) > DEPTH_MAX:
            raise TermsBroken(f"document {version} is nested deeper than any of ours")
        content = json.loads(document, parse_float=_refuse, parse_constant=_refuse)
        is_canonical = isinstance(content, dict) and canonical(content) == document
    except TermsBroken:
        raise
    except ValueError as error:
        raise TermsBroken(f"document {version} is not JSON") from error
    if not is_canonical:
        raise TermsBroken(f"document {version} is not in canonical form")
    if content.get("version") != version or isinstance(content.get("version"), bool):
        raise TermsBroken(f"document {version} says that it is version {content.get('version')}")
    return content  # type: ignore[no-any-return]


def _depth(document: str) -> int:
    """Most brackets that are open at once, texts left out: a stranger's document must not exhaust the stack."""
    brackets = (1 if one in "[{" else -1 for one in _TEXTS.sub("", document) if one in "[]{}")
    return max(accumulate(brackets), default=0)


def _refuse(number: str) -> None:
    raise ValueError(f"{number} is no integer")


def _exact(value: Any) -> Any:
    """Integers that a JSON number cannot hold exactly become texts."""
    if isinstance(value, Mapping):
        return {name: _exact(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(part) for part in value]
    if isinstance(value, int) and abs(value) > _EXACT_MAX:
        return str(value)
    return value
