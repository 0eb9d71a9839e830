"""A database as large as a busy year leaves it, made by the server itself: 10^7 entries in a few minutes.

All campaigns and 10,000 placements belong to one account, which is the worst case for its dashboards; another one has
a thousand placements, where that account's line items may run.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import BigInteger, Engine, bindparam, text

from bench import big_accounts
from bench.big_accounts import EPOCHS, PUBLISHERS
from indexer.schema import create_schema

CHAIN_ID = 31_337
CAMPAIGNS, PLACEMENTS, WORLDS = 1_000, 10_000, 100
OTHER_PLACEMENTS, HOURS = 1_000, 672       # of which four weeks of ad requests are recorded for forecasts
OPEN_ENTRIES = 20_000           # charged, in no epoch yet: an hour's worth

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
    "insert into publisher (index, wallet, payout_mode) select n, case n when 1 then :owner else '0x' ||"
    " lpad(to_hex(n), 40, '0') end, 'auto' from generate_series(1, :publishers) n",
    "insert into world (publisher_index, name, engine, category, url, status) select 1, 'World ' || n, 'three',"
    " 'social',"
    " 'https://world.example/', 'active' from generate_series(1, :worlds) n",
    "insert into placement (world_id, name, kind, width, height, floor_micro_usdc, status) select world.id, 'Board"
    " ' || n,"
    " 'image', 1024, 512, 500, 'active' from world, generate_series(1, :placements / :worlds) n",
    "insert into world (publisher_index, name, engine, category, url, status) values (2, 'Other', 'three', 'social',"
    " 'https://other.example/', 'active')",
    "insert into placement (world_id, name, kind, width, height, floor_micro_usdc, status) select max(id), 'Board',"
    " 'image', 1024, 512, 500, 'active' from world, generate_series(1, :others) n group by n",
    "insert into deal (placement_id, publisher, advertiser, line_item_id, name, price_kind, price_micro_usdc, status)"
    " select n, :owner, :owner, n, 'Deal', 'floor', 600, 'accepted' from generate_series(1, :campaigns) n",
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
    " case when n > :events - :open then null else 1 + n * (:epochs - 1) / :events end"
    " from generate_series(1, :events) n",
    "insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, epoch)"
    " select 'earn', 'earned:1', 'payable:1', 900, 1 + n * (:epochs - 1) / :events from generate_series(1, :events) n",
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
    "insert into serving_landscape (hour, placement_id, line_item_id, bid_bucket, price_bucket, n)"
    " select date_trunc('hour', now()) - (1 + n % :hours) * interval '1 hour', :placements + 1 + n / :hours % :others,"
    " 1 + n % :campaigns, 120 + n % 10, 0, 100 from generate_series(0, least(:events / 5, :hours * :others - 1)) n",
    "insert into serving_audience (hour, placement_id, dimension, value, n) select hour, placement_id, 'country',"
    " said, 50 from serving_landscape, unnest(array['DE', 'FR']) said",
    # a chain of entries, without the trigger that makes it entry by entry
    "alter table audit_entry disable trigger audit_chain",
    "insert into audit_entry (actor, account, action, subject) select :owner, :owner, 'campaign.change',"
    " 'campaign:' || n % :campaigns from generate_series(1, :events / 10) n",
    "insert into audit_link (sequence, entry_id, account, hash) select id, id, account, md5(id::text)"
    " from audit_entry on conflict do nothing",
    "alter table audit_entry enable trigger audit_chain",
    "insert into notice (account, kind, read_at, fanned_at) select :owner, 'campaign.spent', case when n % 100 > 0 then"
    " now() end, now() from generate_series(1, :events / 10) n",
)


def fill(engine: Engine, database_url: str, owner: str, entries: int) -> None:
    """Fill fresh tables with `entries` ledger entries; statistics are up to date afterwards."""
    create_schema(database_url)
    values = {
        "chain": CHAIN_ID, "owner": owner, "campaigns": CAMPAIGNS, "placements": PLACEMENTS, "worlds": WORLDS,
        "events": entries // 2, "open": OPEN_ENTRIES, "others": OTHER_PLACEMENTS, "hours": HOURS, "epochs": EPOCHS,
        "publishers": PUBLISHERS if entries > 100_000 else 10,
    }
    _execute(engine, (*_STATEMENTS, *big_accounts.STATEMENTS), values)
    big_accounts.write_sealed(engine, owner)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def _execute(engine: Engine, statements: Iterable[str], values: dict[str, object]) -> None:
    for statement in statements:
        with engine.begin() as connection:
            query = text(statement)
            # numbers are bigint everywhere: left to the driver, 20 * 30000 would be a smallint
            numbers = [name for name in query.compile().params if isinstance(values[name], int)]
            connection.execute(query.bindparams(*(bindparam(name, type_=BigInteger) for name in numbers)), values)


_SAMPLES = {
    "campaign": "select max(id) from campaign", "line_item": "select max(id) from line_item",
    "creative": "select max(id) from creative", "deal": "select max(id) from deal",
    "world": "select max(id) from world where publisher_index = 1",
    "placement": f"select {PLACEMENTS // 2}", "payment": "select max(id) from card_payment",
    "goal": "select max(id) from conversion_goal", "session": "select max(id) from onramp_session",
    "export_id": "select max(id) from privacy_export", "webhook": "select max(id) from webhook",
    "delivery": "select max(id) from webhook_delivery where webhook_id = (select max(id) from webhook)",
    "epoch": "select max(epoch) from epoch", "number": "select max(number) from billing_document",
    "sha256": "select max(sha256) from asset",
}
# what must be asked of a route beside its path
QUERIES = {
    "/v1/billing/statement": "?from_day={from_day}&to_day={to_day}",
    "/v1/line-items/{line_item}/video-events": "?day={to_day}",
    "/v1/privacy/exports/{export_id}/download": "?expires={expires}&signature={signature}",
}


def samples_of(engine: Engine, owner: str) -> dict[str, object]:
    """A value for every parameter of a path or of QUERIES, by its name; a link of an export must be asked for."""
    with engine.connect() as connection:
        found = {name: connection.execute(text(query)).scalar_one() for name, query in _SAMPLES.items()}
        days = connection.execute(text("select current_date - 30 as from_day, current_date as to_day")).one()
    return {
        "expires": 0, "signature": "0" * 64, **found, **days._mapping, "owner": owner, "account": owner,
        "wallet": owner, "publisher_index": 1,
    }


def filled(path: str, samples: Mapping[str, object]) -> str:
    """The route's path and query with a value for each parameter. Raises KeyError when one is not known."""
    return (path + QUERIES.get(path, "")).format(**samples)
