"""Our tables, one file an area. `chain_*` tables are the indexer's (indexer/schema.py); stages meet here only.

Money is BIGINT micro-USDC with CHECKs; times are timestamptz, or BIGINT Unix milliseconds where they enter a bundle.
Addresses are lowercase 0x text, hashes 0x text, decision and event ids hex without 0x.
"""

from backend.db.tables import (  # noqa: F401 -- each import declares its tables
    accounts,
    billing,
    campaigns,
    cards,
    conversions,
    counts,
    creatives,
    events,
    ledger,
    openrtb,
    operation,
    placements,
    privacy,
    requests,
    serving,
    settlement,
    traffic,
)
