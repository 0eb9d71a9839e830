"""What one busy account has beside its traffic: people, files, moderation, payments, webhooks, exports, settlements."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from backend.billing import store as billing_store
from backend.billing.document import DocumentKind, Line, draw_up, number_of
from backend.billing.profile import BillingProfile
from backend.billing.vat import treatment
from backend.core.ids import Address
from backend.core.ruleset import Ruleset
from backend.db import sealed
from backend.privacy.export.store import ExportFiles
from backend.settlement.closing import PublisherLine
from backend.settlement.drafting import Closed, Place, draft
from backend.settlement.publication.store import BundleFiles
from backend.settlement.statement import ZERO_ROOT, data_hash

MASTER_KEY = bytes(range(32))
EPOCHS, PUBLISHERS = 500, 400       # publishers: as many as a settlement pays in one call
CONTRACT = "0x" + "c0" * 20
DOCUMENTS = 24
_OTHER = "'0x' || lpad(to_hex(n), 40, '0')"

STATEMENTS = (
    # people
    "insert into organisation (wallet, name, advertiser, publisher) values (:owner, 'Studio', true, true)",
    "insert into member (account, wallet, role) values (:owner, :owner, 'owner')",
    f"insert into member (account, wallet, role) select :owner, {_OTHER}, 'reporter' from generate_series(1, 200) n",
    f"insert into invitation (account, wallet, role, invited_by, expires_at) select :owner, {_OTHER}, 'reporter',"
    " :owner, now() + interval '7 days' from generate_series(1001, 1200) n",
    f"insert into organisation (wallet, name, advertiser, publisher) select {_OTHER}, 'Studio ' || n, true, false"
    " from generate_series(2001, 2050) n",
    "insert into invitation (account, wallet, role, invited_by, expires_at) select wallet, :owner, 'reporter', wallet,"
    " now() + interval '7 days' from organisation where wallet <> :owner",
    f"insert into platform_role (wallet, role, granted_by) select {_OTHER}, 'moderator', :owner"
    " from generate_series(3001, 3050) n",
    "insert into session (digest, wallet, chain_id, ip_prefix, agent, created_at, last_used_at, expires_at)"
    " select md5(n::text), case when n <= 50 then :owner else :owner || n end, :chain, '10.0.0.0/24', 'Browser', now(),"
    " now(), now() + interval '1 day' from generate_series(1, 20000) n",
    "insert into api_key (account, name, prefix, digest, scopes, created_by, created_at) select :owner, 'Key ' || n,"
    " 'sl_' || n, md5(n::text), '{campaigns.read}', :owner, now() from generate_series(1, 100) n",
    # creatives
    "insert into asset (account, sha256, kind, media_type, bytes, width, height, duration_ms, triangles) select :owner,"
    " encode(sha256(n::text::bytea), 'hex'), 'image', 'image/png', 100000, 1024, 512, 0, 0"
    " from generate_series(1, 1000) n",
    "insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, hosted, click_url, status,"
    " appeal) select 1 + n % :campaigns, 'image', 1024, 512, 'https://assets.example/' || n,"
    " encode(sha256(n::text::bytea), 'hex'), true, 'https://shop.example/', case when n % 2 = 0 then 'pending'"
    " else 'rejected' end, case when n % 2 = 0 then null else 'open' end from generate_series(1, 4000) n",
    "insert into creative_review (creative_id, action, moderator) select id, 'reject', :owner from creative,"
    " generate_series(1, 3)",
    "insert into campaign_terms (campaign_id, version, document, sha256) select id, v, '{}', meta from campaign,"
    " generate_series(1, 5) v",
    # conversions
    "insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status,"
    " secret_version) select id, 'Order', 'postback', 30, 0, true, 'active', 1 from campaign, generate_series(1, 2)",
    "insert into conversion (goal_id, campaign_id, order_id, state, reason, occurred_ms, received_ms) select id,"
    " campaign_id, n::text, case when n % 5 = 0 then 'refused' else 'counted' end, case when n % 5 = 0 then"
    " 'not_attributed' end, 1767225600000 + n, 1767225600000 + n from conversion_goal,"
    " generate_series(1, greatest(1, :events / 20000)) n",
    # cards and onramp
    "insert into card_payment (account, campaign_id, reference, asked_cents, tier, hold_seconds, payment_intent,"
    " paid_cents, paid_at, fee_cents, status, created_at) select :owner, 1 + n % :campaigns, 'cp_' || n, 1000,"
    " 'trusted', 0, 'pi_' || n, 1000, now() - n * interval '1 minute', 30, 'deposited', now() - n * interval '1 minute'"
    " from generate_series(1, :events / 50) n",
    "insert into card_refund (reference, payment_id, cents, status) select 're_' || id, id, 100, 'succeeded'"
    " from card_payment where id % 10 = 0",
    "insert into treasury_order (reference, payment_id, amount_micro_usdc, status) select 'or_' || id, id, 10000000,"
    " 'done' from card_payment",
    "insert into onramp_session (account, reference, network, asked_micro_usdc, status) select :owner, 'on_' || n,"
    " 'base', 1000000, 'fulfillment_complete' from generate_series(1, 2000) n",
    # what publishers show not; proofs and exports
    "insert into publisher_block (publisher_index, kind, value) select 1, 'creative', (1000000 + n)::text"
    " from generate_series(1, 200) n",
    "insert into privacy_export (account, status, bytes, sha256, requested_at, ready_at) select :owner, 'ready', 10,"
    " repeat('ab', 32), now(), now() from generate_series(1, 100) n",
    "insert into reconciliation (day, status) select current_date - n, 'agree' from generate_series(1, 365) n",
    # operation
    "insert into webhook (account, url, kinds, status, secret_nonce) select :owner, 'https://hooks.example/' || n,"
    " '[]', 'active', md5(n::text) from generate_series(1, 5) n",
    "insert into webhook_delivery (webhook_id, notice_id, status, attempts, next_at, created_at, finished_at)"
    " select 1 + id % 5, id, 'delivered', 1, now(), now(), now() from notice",
    "insert into webhook_attempt (delivery_id, number, started_at, finished_at, response_code) select id, 1, now(),"
    " now(), 200 from webhook_delivery",
    # settlements
    "insert into epoch (epoch, attempt, status, from_ms, to_ms, events, total_micro_usdc, fee_micro_usdc) select n, 0,"
    " case when n < :epochs then 'finalised' else 'published' end, 1767225600000 + n * 3600000,"
    " 1767229200000 + n * 3600000, 1000, 1000000, 100000 from generate_series(1, :epochs) n",
    "insert into epoch_publisher (epoch, publisher_index, recipient, gross_micro_usdc, net_micro_usdc,"
    " cumulative_micro_usdc) select epoch, index, wallet, 1000, 900, 900 * epoch from epoch, publisher",
    "insert into attestation (epoch, attempt, attestor, digest, signature) select epoch, 0, 'attestor ' || n, '0x',"
    " '0x' from epoch, generate_series(1, 4) n",
    "insert into chain_epoch (chain_id, epoch, attempt, status, publishers_root, debits_hash, total, fee, publishers,"
    " ruleset, data_hash, active_at, proposed_number, proposed_tx) select :chain, epoch, 0, 'finalized', '0x', '0x',"
    " 1000000, 100000, 100, '0x', '0x', 0, 1, '0x' from epoch where status = 'finalised'",
    "insert into chain_publisher (chain_id, publisher_index, recipient, paid, last_number) select :chain, index,"
    " wallet, 900, 1 from publisher",
    "insert into chain_payout (chain_id, number, log_index, tx_hash, block_timestamp, publisher_index, recipient,"
    " amount) select :chain, n, index, '0x' || n, 1767225600 + n * 3600, index, wallet, 900 from publisher,"
    " generate_series(1, 500) n",
    "insert into chain_campaign_opened (chain_id, number, log_index, tx_hash, block_timestamp, campaign, owner, amount,"
    " meta) select chain_id, 1, campaign, '0x', 1767225600, campaign, owner, 500000000000, meta from chain_campaign",
    "insert into chain_deposited (chain_id, number, log_index, tx_hash, block_timestamp, campaign, payer, amount)"
    " select chain_id, 1 + n, campaign, '0x', 1767225600 + n * 86400, campaign, owner, 50000000000"
    " from chain_campaign, generate_series(1, 10) n",
)


def write_sealed(engine: Engine, owner: str) -> None:
    """The billing profile and two years of monthly invoices, sealed with MASTER_KEY as `sightline worker` would."""
    sealed.unlock(MASTER_KEY)
    account, seller = Address(owner), BillingProfile("Operator", ("1 Quay",), "DE")
    buyer = BillingProfile("Studio", ("2 Quay",), "FR", None)
    with engine.begin() as connection:
        billing_store.write_profile(connection, account, buyer)
        for serial, (first, last) in enumerate(_months(), 1):
            number = number_of(DocumentKind.INVOICE, first.year, serial)
            lines = [Line(f"campaign:{n}", f"Campaign {n}", 1_000_000) for n in range(1, 101)]
            document = draw_up(
                number, DocumentKind.INVOICE, last + timedelta(days=1), (first, last), (seller, buyer), owner, lines,
                treatment(seller, buyer),
            )
            billing_store.insert_document(connection, account, document, None)


def _months() -> Iterator[tuple[date, date]]:
    """First and last days of the last whole months."""
    first = datetime.now(UTC).date().replace(day=1)
    for _ in range(DOCUMENTS):
        last = first - timedelta(days=1)
        first = last.replace(day=1)
        yield first, last


def publish(engine: Engine, data_dir: Path) -> None:
    """The bundle of the newest epoch, and the archive of an export, where `sightline serve` looks for them."""
    with engine.begin() as connection:
        wallets = _wallets(connection)
        lines = [PublisherLine(index, wallet, 1_000, 900, 900 * EPOCHS) for index, wallet in wallets.items()]
        closed = Closed(EPOCHS, 0, 0, 3_600_000, 1_000 * len(lines), 100 * len(lines), 0, lines, {1: 1_000})
        _, bundle = draft(closed, Place(31_337, CONTRACT, CONTRACT), Ruleset(), ZERO_ROOT, [])
        BundleFiles(data_dir / "bundles").write(31_337, EPOCHS, 0, bundle)
        export = connection.execute(text("select max(id) from privacy_export")).scalar_one()
        files = ExportFiles(data_dir / "exports")
        files.write_part(export, "notice", [{"id": 1}])
        files.write_archive(export, ["notice"], "An export.")
        connection.execute(
            text("update epoch set data_hash = :hash where epoch = :epoch"),
            {"hash": "0x" + data_hash(bundle.statement).hex(), "epoch": EPOCHS},
        )


def _wallets(connection: Connection) -> Mapping[int, str]:
    rows = connection.execute(text("select index, wallet from publisher order by index"))
    return {int(row[0]): str(row[1]) for row in rows}
