"""A database as large as a busy year leaves it, made by the server itself: 10^7 entries in a few minutes.

All campaigns and placements belong to one account, which is the worst case for its dashboards.
"""

from sqlalchemy import Engine, text

from indexer.schema import create_schema

CHAIN_ID = 31_337
CAMPAIGNS, PLACEMENTS, WORLDS = 1_000, 10_000, 100
OPEN_ENTRIES = 20_000           # charged, in no epoch yet: an hour's worth
DAYS = 365

_STATEMENTS = (
    "insert into chain_cursor (chain_id, number, hash, confirmed_number, genesis_hash, escrow, payout, schema_version)"
    " values (:chain, 100, '0x', 100, '0x', '0x', '0x', 1)",
    "insert into campaign (owner, name, category, meta, status) select :owner, 'Campaign ' || n, 'games', '0x' ||"
    " lpad(to_hex(n), 64, '0'), 'active' from generate_series(1, :campaigns) n",
    "insert into chain_campaign (chain_id, campaign, owner, meta, deposited, withdrawn, reserved,"
    " reserved_executable_at,"
    " reserved_after_epoch, debited, remaining, active, epoch_cap, epoch_cap_from, opened_number) select :chain, n,"
    " :owner, '0x' || lpad(to_hex(n), 64, '0'), 1000000000000, 0, 0, 0, 0, 0, 1000000000000, true, 0, 0, 1"
    " from generate_series(1, :campaigns) n",
    "insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, status)"
    " select id, 'Line item', 'vcpm', 5000, 'asap', now() - interval '1 day', now() + interval '30 days', 'active'"
    " from campaign",
    "insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status) select id,"
    " 'image', 1024, 512, 'https://assets.example/' || id, repeat('ab', 32), 'https://shop.example/', 'approved'"
    " from line_item",
    "insert into publisher (index, wallet, payout_mode) values (1, :owner, 'auto')",
    "insert into world (publisher_index, name, engine, category, url, status) select 1, 'World ' || n, 'three',"
    " 'social',"
    " 'https://world.example/', 'active' from generate_series(1, :worlds) n",
    "insert into placement (world_id, name, kind, width, height, floor_micro_usdc, status) select world.id, 'Board"
    " ' || n,"
    " 'image', 1024, 512, 500, 'active' from world, generate_series(1, :placements / :worlds) n",
    # two entries an event: the charge, and (in an epoch) what it earned
    "insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,"
    " publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, status, settled_seq)"
    " select lpad(to_hex(1767225600000 + n), 12, '0') || lpad(to_hex(n), 20, '0') || '01',"
    " lpad(to_hex(1767225600000 + n), 12, '0') || lpad(to_hex(n), 20, '0'), 'viewable', 'vcpm', 1 + n % :campaigns,"
    " 1 + n % :campaigns, 1 + n % :campaigns, 1 + n % :placements, 1, 1000, 1767225600000 + n * 3000,"
    " 1767225600000 + n * 3000, n || '-0', 0, 'billed', n from generate_series(1, :events) n",
    "insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, event_id, epoch)"
    " select 'charge', 'campaign:' || (1 + n % :campaigns), 'earned:1', 1000,"
    " lpad(to_hex(1767225600000 + n), 12, '0') || lpad(to_hex(n), 20, '0') || '01',"
    " case when n > :events - :open then null else n / 10000 end from generate_series(1, :events) n",
    "insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, epoch)"
    " select 'earn', 'earned:1', 'payable:1', 900, n / 10000 from generate_series(1, :events) n",
    "insert into ledger_account (account, debits, credits) select debit_account, sum(amount_micro_usdc), 0"
    " from ledger_transfer where kind = 'charge' group by 1",
    "insert into ledger_account (account, debits, credits) values ('earned:1', 0, 1000000), ('payable:1', 0, 1000000)",
    "insert into line_item_spend (line_item_id, day, spent_micro_usdc) select l.id, current_date - d, 1000000"
    " from line_item l, generate_series(0, 30) d",
    "insert into dropped_event (stream_id, stream_index, reason, kind, placement_id, received_ms)"
    " select n || '-1', 0, (array['replayed', 'bot', 'not_viewable', 'expired'])[1 + n % 4], 'viewable',"
    " 1 + n % :placements, (extract(epoch from now()) * 1000)::bigint - n * 3000 from generate_series(1, :events /"
    " 10) n",
    "insert into serving_tally (minute, placement_id, line_item_id, outcome, n) select date_trunc('minute', now())"
    " - (n / 1000) * interval '1 minute', 1 + n % :placements, 1 + n % :campaigns,"
    " (array['decision', 'outbid', 'pacing', 'daily_cap'])[1 + n % 4], 10 from generate_series(1, :events / 10) n"
    " on conflict do nothing",
    "insert into audit_entry (actor, account, action, subject) select :owner, :owner, 'campaign.update',"
    " 'campaign:' || n from generate_series(1, 1000) n",
    "insert into notice (account, kind) select :owner, 'campaign.spent' from generate_series(1, 20000) n",
)


def fill(engine: Engine, database_url: str, owner: str, entries: int) -> None:
    """Fill fresh tables with `entries` ledger entries; statistics are up to date afterwards."""
    create_schema(database_url)
    values = {
        "chain": CHAIN_ID, "owner": owner, "campaigns": CAMPAIGNS, "placements": PLACEMENTS, "worlds": WORLDS,
        "events": entries // 2, "open": OPEN_ENTRIES,
    }
    for statement in _STATEMENTS:
        with engine.begin() as connection:
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


_SAMPLES = {
    "campaign": "select max(id) from campaign", "line_item": "select max(id) from line_item",
    "creative": "select max(id) from creative", "world": "select max(id) from world",
    "placement": "select max(id) from placement",
}


def samples_of(engine: Engine, owner: str) -> dict[str, object]:
    """An id for every parameter of a path, by its name."""
    with engine.connect() as connection:
        found = {name: connection.execute(text(query)).scalar_one() for name, query in _SAMPLES.items()}
    return {**found, "owner": owner, "account": owner, "wallet": owner, "publisher_index": 1}
