"""The form of an export: names, lines, cells, and the link that opens it."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from backend.core.errors import NotAllowed
from backend.core.ids import Address
from backend.privacy.holdings import Holding

LINK_LIFE = timedelta(hours=24)
FILE_LIFE = timedelta(days=7)
ROWS_FILE, NOTES_FILE = "export.json", "README.txt"
CSV_FOLDER = "csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def row_of(row: Mapping[str, Any], holding: Holding) -> dict[str, Any]:
    """What is exported of a row: all but hidden columns, as JSON; times in ISO 8601."""
    return {name: _plain(value) for name, value in row.items() if name not in holding.hidden}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"


def cell(value: Any) -> str:
    """A value for CSV. A text that a spreadsheet would take for a formula gets an apostrophe (CWE-1236)."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(_FORMULA) else text


def notes(account: Address, now: datetime, tables: Mapping[str, str]) -> str:
    """The README of an archive; `tables` is table to what it holds."""
    listed = "\n".join(f"  {table}: {what}" for table, what in tables.items())
    return (
        f"Everything that Sightline holds about the account {account}, as of {now.isoformat(timespec='seconds')}.\n\n"
        f"{ROWS_FILE} has all rows by table; {CSV_FOLDER}/ has the same, a file a table. Amounts are in micro-USDC\n"
        "(1,000,000 = 1 USDC) or cents, as their names say; times are UTC. In CSV files a text that begins like a\n"
        "formula has an apostrophe before it.\n\n"
        f"{listed}\n\n"
        "What is on the blockchain (deposits, withdrawals, payouts) is public there and not repeated here.\n"
    )


def signature(key: bytes, export: int, account: Address, expires: int) -> str:
    """43 characters that open this export of this account until `expires` (Unix seconds); HMAC-SHA256."""
    signed = hmac.digest(key, f"export|{export}|{account}|{expires}".encode(), hashlib.sha256)
    return urlsafe_b64encode(signed).rstrip(b"=").decode()


def check_link(key: bytes, export: int, account: Address | None, expires: int, given: str, now: datetime) -> None:
    """Raises NotAllowed `link_invalid`, also for an export that is not there, and `link_expired`."""
    right = signature(key, export, account or Address(""), expires)
    if not hmac.compare_digest(right.encode(), given.encode()) or account is None:
        raise NotAllowed("link_invalid", "this is not a link of ours")
    if now.timestamp() >= expires:
        raise NotAllowed("link_expired", "the link is older than a day; ask for a new one")
