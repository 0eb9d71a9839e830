"""Creatives in SQL. What an advertiser reads names the owner: what is another's does not exist."""

from datetime import datetime

from sqlalchemy import Connection, Row, text

from backend.core.ids import Address, CampaignId, CreativeId, LineItemId
from backend.creatives.creative import Creative, CreativeKind, CreativeTerms, OfferedCreative, Place
from backend.creatives.media.facts import AssetKind, MediaFacts
from backend.creatives.review import Appeal, CreativeStatus, RejectionReason, Standing
from backend.creatives.review_file import ReviewEntry, ReviewFile

_OWNED = """
  from creative
  join line_item item on item.id = creative.line_item_id
  join campaign on campaign.id = item.campaign_id
"""
_CREATIVE = "select creative.*" + _OWNED + " where campaign.owner = :owner"
_PLACE = """
select item.id, campaign.id as campaign, campaign.status
  from line_item item
  join campaign on campaign.id = item.campaign_id
 where campaign.owner = :owner and item.id = :id
"""
_FILE = "select creative.*, campaign.owner, campaign.name as campaign_name, campaign.category" + _OWNED

_OFFERED = """
with own as (select placement.id, placement.kind
               from placement
               join world on world.id = placement.world_id
               join publisher on publisher.index = world.publisher_index
              where publisher.wallet = :publisher),
     foreign_item as (
        select item.id as item, campaign.owner, campaign.id as campaign_id, campaign.category,
               item.status = 'active' and item.ends_at > :now and campaign.status = 'active' as runs,
               exists (select 1 from serving_tally tally
                        where tally.line_item_id = item.id and tally.outcome = 'decision'
                          and tally.placement_id in (select id from own)) as shown
          from line_item item join campaign on campaign.id = item.campaign_id
         where campaign.owner <> :publisher)
select creative.*, owner, campaign_id, category, shown
  from creative join foreign_item on item = creative.line_item_id
 where creative.id > :after and creative.kind in (select kind from own)
   and (creative.status = 'approved' and runs
        or creative.status in ('approved', 'replaced', 'withdrawn', 'taken_down') and shown)
 order by creative.id limit :limit
"""


def place_of(connection: Connection, owner: Address, line_item: LineItemId, *, lock: bool = False) -> Place | None:
    """The owner's line item; with `lock` nobody ends its campaign until we commit."""
    row = connection.execute(
        text(_PLACE + (" for update of campaign" if lock else "")),
        {"owner": owner, "id": line_item},
    ).one_or_none()
    return Place(LineItemId(row.id), CampaignId(row.campaign), row.status == "ended") if row else None


def upload_of(connection: Connection, owner: Address, sha256: str) -> MediaFacts | None:
    """Facts of an asset that the owner has uploaded; it is not swept away until we commit."""
    row = connection.execute(
        text("select * from asset where account = :owner and sha256 = :sha256 for share"),
        {"owner": owner, "sha256": sha256},
    ).one_or_none()
    if row is None:
        return None
    return MediaFacts(AssetKind(row.kind), row.media_type, row.width, row.height, row.duration_ms, row.triangles)


def insert_creative(
    connection: Connection, line_item: LineItemId, terms: CreativeTerms, standing: Standing, *,
    after: Creative | None = None,
) -> Creative:
    """A first version, or the one `after` another."""
    row = connection.execute(
        text("""insert into creative (line_item_id, lineage_id, version, kind, width, height, duration_ms, asset_url,
                                      asset_sha256, hosted, click_url, alt_text, status, decided_at)
                values (:line_item, :lineage, :version, :kind, :width, :height, :duration_ms, :asset_url,
                        :asset_sha256, :hosted, :click_url, :alt_text, :status, :decided_at)
                returning *"""),
        {"line_item": line_item, "lineage": after.lineage_id if after else None,
         "version": after.version + 1 if after else 1, "kind": terms.kind.value, "width": terms.width,
         "height": terms.height, "duration_ms": terms.duration_ms, "asset_url": terms.asset_url,
         "asset_sha256": terms.asset_sha256, "hosted": terms.hosted, "click_url": terms.click_url,
         "alt_text": terms.alt_text, "status": standing.status.value, "decided_at": standing.decided_at},
    ).one()
    return _creative(row)


def creative_of(
    connection: Connection, owner: Address, creative: CreativeId, *, lock: bool = False
) -> Creative | None:
    row = connection.execute(
        text(_CREATIVE + " and creative.id = :id" + (" for update of creative" if lock else "")),
        {"owner": owner, "id": creative},
    ).one_or_none()
    return _creative(row) if row else None


def creatives_of(
    connection: Connection, owner: Address, line_item: LineItemId, after: int, limit: int
) -> list[Creative]:
    rows = connection.execute(
        text(_CREATIVE + " and item.id = :line_item and creative.id > :after order by creative.id limit :limit"),
        {"owner": owner, "line_item": line_item, "after": after, "limit": limit},
    )
    return [_creative(row) for row in rows]


def versions(connection: Connection, lineage: CreativeId, *, lock: bool = False) -> list[Creative]:
    """All versions, oldest first. `lock` by the first one, so that two changes wait for each other."""
    if lock:
        connection.execute(text("select id from creative where id = :id for update"), {"id": lineage})
    rows = connection.execute(
        text("""select * from creative where id = :lineage
                union all select * from creative where lineage_id = :lineage order by version"""),
        {"lineage": lineage},
    )
    return [_creative(row) for row in rows]


def update_standing(connection: Connection, creative: CreativeId, standing: Standing) -> None:
    connection.execute(
        text("""update creative
                   set status = :status, reasons = :reasons, note = :note, decided_by = :decided_by,
                       decided_at = :decided_at, appeal = :appeal, appeal_text = :appeal_text,
                       appealed_at = :appealed_at, claimed_by = :claimed_by, claimed_until = :claimed_until
                 where id = :id"""),
        {"id": creative, "status": standing.status.value, "reasons": [reason.value for reason in standing.reasons],
         "note": standing.note, "decided_by": standing.decided_by, "decided_at": standing.decided_at,
         "appeal": standing.appeal.value if standing.appeal else None, "appeal_text": standing.appeal_text,
         "appealed_at": standing.appealed_at, "claimed_by": standing.claimed_by,
         "claimed_until": standing.claimed_until},
    )


def replace_others(connection: Connection, approved: Creative) -> list[CreativeId]:
    """A version that is approved takes the place of older ones that are; gives theirs."""
    return [CreativeId(found) for found in connection.execute(
        text("""update creative set status = 'replaced'
                 where (id = :lineage or lineage_id = :lineage) and id <> :id and version < :version
                   and status in ('approved', 'pending')
                returning id"""),
        {"lineage": approved.lineage_id, "id": approved.id, "version": approved.version},
    ).scalars()]


# --- moderation -------------------------------------------------------------------------------------------------


def review_file(connection: Connection, creative: CreativeId) -> ReviewFile | None:
    row = connection.execute(text(_FILE + " where creative.id = :id"), {"id": creative}).one_or_none()
    return _review_file(row) if row else None


def waiting(connection: Connection, after: int, limit: int, *, appeals: bool) -> list[ReviewFile]:
    """What moderators have to decide, oldest first: pending creatives, or open appeals."""
    condition = " where creative.appeal = 'open'" if appeals else " where creative.status = 'pending'"
    rows = connection.execute(
        text(_FILE + condition + " and creative.id > :after order by creative.id limit :limit"),
        {"after": after, "limit": limit},
    )
    return [_review_file(row) for row in rows]


def belongs_to(connection: Connection, wallet: Address, account: Address) -> bool:
    """Whether `wallet` is the account's own, or one of its members."""
    return wallet == account or connection.execute(
        text("select 1 from member where account = :account and wallet = :wallet"),
        {"account": account, "wallet": wallet},
    ).scalar() is not None


def insert_review(
    connection: Connection, creative: CreativeId, action: str, moderator: Address | None = None,
    reasons: tuple[RejectionReason, ...] = (), note: str | None = None,
) -> None:
    connection.execute(
        text("""insert into creative_review (creative_id, action, moderator, reasons, note)
                values (:creative, :action, :moderator, :reasons, :note)"""),
        {"creative": creative, "action": action, "moderator": moderator,
         "reasons": [reason.value for reason in reasons], "note": note},
    )


def reviews_of(connection: Connection, creative: CreativeId) -> list[ReviewEntry]:
    """Everything that happened, oldest first."""
    rows = connection.execute(
        text("select * from creative_review where creative_id = :id order by id"), {"id": creative}
    )
    return [
        ReviewEntry(
            row.action, Address(row.moderator) if row.moderator else None,
            tuple(map(RejectionReason, row.reasons)), row.note, row.created_at,
        )
        for row in rows
    ]


# --- publishers -------------------------------------------------------------------------------------------------


def offered_to(
    connection: Connection, publisher: Address, now: datetime, after: int, limit: int
) -> list[OfferedCreative]:
    """Approved creatives that may be shown on the publisher's placements, and whatever was shown there."""
    rows = connection.execute(
        text(_OFFERED),
        {"publisher": publisher, "now": now, "after": after, "limit": limit},
    )
    return [
        OfferedCreative(_creative(row), Address(row.owner), CampaignId(row.campaign_id), row.category, row.shown)
        for row in rows
    ]


def _review_file(row: Row[tuple[object, ...]]) -> ReviewFile:
    return ReviewFile(_creative(row), Address(row.owner), row.campaign_name, row.category)


def _creative(row: Row[tuple[object, ...]]) -> Creative:
    terms = CreativeTerms(
        kind=CreativeKind(row.kind), width=row.width, height=row.height, asset_url=row.asset_url,
        asset_sha256=row.asset_sha256, click_url=row.click_url, alt_text=row.alt_text, duration_ms=row.duration_ms,
        hosted=row.hosted,
    )
    return Creative(
        id=CreativeId(row.id), line_item_id=LineItemId(row.line_item_id),
        lineage_id=CreativeId(row.lineage_id or row.id), version=row.version, terms=terms, standing=_standing(row),
        created_at=row.created_at,
    )


def _standing(row: Row[tuple[object, ...]]) -> Standing:
    return Standing(
        status=CreativeStatus(row.status), reasons=tuple(map(RejectionReason, row.reasons)), note=row.note,
        decided_by=Address(row.decided_by) if row.decided_by else None, decided_at=row.decided_at,
        appeal=Appeal(row.appeal) if row.appeal else None, appeal_text=row.appeal_text, appealed_at=row.appealed_at,
        claimed_by=Address(row.claimed_by) if row.claimed_by else None, claimed_until=row.claimed_until,
    )
