"""Assets in SQL; their bytes are in files/store.py."""

import json

from sqlalchemy import Connection, Row, text

from backend.core.ids import Address, CreativeId
from backend.creatives.assets.asset import Asset
from backend.creatives.media.facts import AssetKind, MediaFacts


def lock_account(connection: Connection, account: Address) -> None:
    """Uploads of one account are counted one after the other, until we commit."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('asset:' || :account, 0))"), {"account": account}
    )


def kept(connection: Connection, account: Address) -> tuple[int, int]:
    """Bytes and number of what the account keeps."""
    row = connection.execute(
        text("select coalesce(sum(bytes), 0) as bytes, count(*) as n from asset where account = :account"),
        {"account": account},
    ).one()
    return int(row.bytes), int(row.n)


def insert_asset(connection: Connection, account: Address, sha256: str, facts: MediaFacts, size: int) -> Asset:
    row = connection.execute(
        text("""insert into asset (account, sha256, kind, media_type, bytes, width, height, duration_ms, triangles,
                                   details)
                values (:account, :sha256, :kind, :media_type, :bytes, :width, :height, :duration_ms, :triangles,
                        cast(:details as jsonb)) returning *"""),
        {"account": account, "sha256": sha256, "kind": facts.kind.value, "media_type": facts.media_type, "bytes": size,
         "width": facts.width, "height": facts.height, "duration_ms": facts.duration_ms,
         "triangles": facts.triangles, "details": json.dumps(facts.details)},
    ).one()
    return _asset(row)


def asset_of(connection: Connection, account: Address, sha256: str) -> Asset | None:
    row = connection.execute(
        text("select * from asset where account = :account and sha256 = :sha256"),
        {"account": account, "sha256": sha256},
    ).one_or_none()
    return _asset(row) if row else None


def assets_of(connection: Connection, account: Address, after: int, limit: int) -> list[Asset]:
    rows = connection.execute(
        text("select * from asset where account = :account and id > :after order by id limit :limit"),
        {"account": account, "after": after, "limit": limit},
    )
    return [_asset(row) for row in rows]


def asset_of_creative(connection: Connection, creative: CreativeId) -> Asset | None:
    """The upload that a creative shows; None for assets on other hosts."""
    row = connection.execute(
        text("""select asset.*
                  from creative
                  join line_item item on item.id = creative.line_item_id
                  join campaign on campaign.id = item.campaign_id
                  join asset on asset.sha256 = creative.asset_sha256 and asset.account = campaign.owner
                 where creative.id = :creative and creative.hosted"""),
        {"creative": creative},
    ).one_or_none()
    return _asset(row) if row else None


def public_media_type(connection: Connection, sha256: str) -> str | None:
    """Media type of an asset that anybody may see (L56): an approved creative shows it.

    What was replaced by a newer version stays for the decisions that are still under way, unless it was taken down.
    """
    found: str | None = connection.execute(
        text("""with shown as (select status, decided_at from creative where asset_sha256 = :sha256 and hosted)
                select media_type
                  from asset
                 where sha256 = :sha256
                   and (exists (select 1 from shown where status = 'approved')
                        or (exists (select 1 from shown where status = 'replaced' and decided_at is not null)
                            and not exists (select 1 from shown where status = 'taken_down')))
                 limit 1"""),
        {"sha256": sha256},
    ).scalar()
    return found


def delete_unused(connection: Connection, before_days: int, limit: int) -> list[str]:
    """Forget uploads that no creative has used for `before_days`; gives the hashes that nobody has any more.

    Locked first, looked at then: whoever makes a creative of one holds the same lock.
    """
    locked = connection.execute(
        text("""select id from asset
                 where created_at < now() - make_interval(days => :days)
                   and not exists (select 1 from creative where asset_sha256 = asset.sha256 and hosted)
                 order by id limit :limit for update skip locked"""),
        {"days": before_days, "limit": limit},
    ).scalars().all()
    gone = set(connection.execute(
        text("""delete from asset
                 where id = any(:ids)
                   and not exists (select 1 from creative where asset_sha256 = asset.sha256 and hosted)
                returning sha256"""),
        {"ids": list(locked)},
    ).scalars())
    still = connection.execute(text("select sha256 from asset where sha256 = any(:gone)"), {"gone": sorted(gone)})
    return sorted(gone - set(still.scalars()))


def without_row(connection: Connection, hashes: list[str]) -> list[str]:
    """Those of `hashes` that no account has uploaded."""
    known = connection.execute(text("select sha256 from asset where sha256 = any(:hashes)"), {"hashes": hashes})
    return sorted(set(hashes) - set(known.scalars()))


def _asset(row: Row[tuple[object, ...]]) -> Asset:
    facts = MediaFacts(
        kind=AssetKind(row.kind), media_type=row.media_type, width=row.width, height=row.height,
        duration_ms=row.duration_ms, triangles=row.triangles, details=row.details,
    )
    return Asset(id=row.id, sha256=row.sha256, facts=facts, bytes=row.bytes, created_at=row.created_at)
