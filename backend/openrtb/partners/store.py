"""SQL of exchanges and bidders, and the counters of the latter."""

from collections.abc import Sequence
from typing import Any, cast

import redis
from sqlalchemy import Connection, text

from backend.core.ids import Address
from backend.openrtb.partners.partner import (
    BidderRecord,
    BidderTerms,
    ExchangeRecord,
    ExchangeTerms,
    PartnerStatus,
)

COUNTS_KEY = "sl:rtb:bidders:"
VIDEO_KEY = "sl:rtb:video:"

_EXCHANGE = """
select e.id, e.world_id, w.publisher_index, e.name, e.domain, e.seat, e.networks, e.strict, e.needs_schain,
       e.click_macro, e.status, e.created_at
  from exchange e join world w on w.id = e.world_id
"""
_BIDDER = """
select b.id, b.line_item_id, b.name, b.endpoint, b.seat, b.timeout_ms, b.qps_max, b.approved, b.status, b.created_at
  from external_bidder b join line_item l on l.id = b.line_item_id join campaign c on c.id = l.campaign_id
"""


# ---- exchanges ------------------------------------------------------------------------------------------------------


def world_exists(connection: Connection, world: int) -> bool:
    return connection.execute(text("select 1 from world where id = :id"), {"id": world}).scalar() is not None


def insert_exchange(connection: Connection, world: int, terms: ExchangeTerms, token_digest: str) -> int | None:
    """The new row's id; None when an exchange has this world already."""
    return connection.execute(
        text("""insert into exchange (world_id, name, domain, seat, token_digest, networks, strict, needs_schain,
                                      click_macro, status)
                values (:world, :name, :domain, :seat, :digest, :networks, :strict, :needs_schain, :click_macro,
                        :status) on conflict do nothing returning id"""),
        {"world": world, "digest": token_digest, **_exchange_values(terms)},
    ).scalar()


def update_exchange(connection: Connection, exchange: int, terms: ExchangeTerms, token_digest: str | None) -> None:
    connection.execute(
        text("""update exchange set name = :name, domain = :domain, seat = :seat, networks = :networks,
                       strict = :strict, needs_schain = :needs_schain, click_macro = :click_macro, status = :status,
                       token_digest = coalesce(:digest, token_digest) where id = :id"""),
        {"id": exchange, "digest": token_digest, **_exchange_values(terms)},
    )


def exchange(connection: Connection, number: int, *, lock: bool = False) -> ExchangeRecord | None:
    row = connection.execute(
        text(_EXCHANGE + " where e.id = :id" + (" for update of e" if lock else "")), {"id": number}
    ).one_or_none()
    return _exchange(row) if row else None


def exchanges(connection: Connection) -> list[ExchangeRecord]:
    return [_exchange(row) for row in connection.execute(text(_EXCHANGE + " order by e.id"))]


def _exchange_values(terms: ExchangeTerms) -> dict[str, object]:
    return {
        "name": terms.name, "domain": terms.domain, "seat": terms.seat, "networks": list(terms.networks),
        "strict": terms.strict, "needs_schain": terms.needs_schain, "click_macro": terms.click_macro,
        "status": terms.status.value,
    }


def _exchange(row: Any) -> ExchangeRecord:
    terms = ExchangeTerms(
        row.name, row.domain, row.seat, tuple(row.networks), row.strict, row.needs_schain, row.click_macro,
        PartnerStatus(row.status),
    )
    return ExchangeRecord(row.id, row.world_id, row.publisher_index, terms, row.created_at)


# ---- bidders --------------------------------------------------------------------------------------------------------


def bid_kind(connection: Connection, owner: Address, line_item: int) -> str | None:
    """What the line item pays for; None when the account has none of this number. Locks it."""
    return connection.execute(
        text("""select l.bid_kind from line_item l join campaign c on c.id = l.campaign_id
                 where l.id = :id and c.owner = :owner for update of l"""),
        {"id": line_item, "owner": owner},
    ).scalar()


def insert_bidder(connection: Connection, line_item: int, terms: BidderTerms) -> int | None:
    """The new row's id; None when the line item has a bidder already. From now on only the bidder bids for it."""
    found = connection.execute(
        text("""insert into external_bidder (line_item_id, name, endpoint, seat, timeout_ms, qps_max, status)
                values (:line_item, :name, :endpoint, :seat, :timeout_ms, :qps_max, :status)
                on conflict do nothing returning id"""),
        {"line_item": line_item, **_bidder_values(terms)},
    ).scalar()
    if found is not None:
        connection.execute(text("update line_item set external = true where id = :id"), {"id": line_item})
    return found


def update_bidder(connection: Connection, bidder: int, terms: BidderTerms, *, approved: bool) -> None:
    connection.execute(
        text("""update external_bidder set name = :name, endpoint = :endpoint, seat = :seat, timeout_ms = :timeout_ms,
                       qps_max = :qps_max, status = :status, approved = :approved where id = :id"""),
        {"id": bidder, "approved": approved, **_bidder_values(terms)},
    )


def bidder(connection: Connection, number: int, *, owner: Address | None = None) -> BidderRecord | None:
    """One bidder, locked; with `owner` only when it belongs to the account."""
    row = connection.execute(
        text(_BIDDER + " where b.id = :id and (cast(:owner as text) is null or c.owner = :owner) for update of b"),
        {"id": number, "owner": owner},
    ).one_or_none()
    return _bidder(row) if row else None


def bidders(connection: Connection, *, owner: Address | None = None) -> list[BidderRecord]:
    rows = connection.execute(
        text(_BIDDER + " where cast(:owner as text) is null or c.owner = :owner order by b.id"), {"owner": owner}
    )
    return [_bidder(row) for row in rows]


def _bidder_values(terms: BidderTerms) -> dict[str, object]:
    return {
        "name": terms.name, "endpoint": terms.endpoint, "seat": terms.seat, "timeout_ms": terms.timeout_ms,
        "qps_max": terms.qps_max, "status": terms.status.value,
    }


def _bidder(row: Any) -> BidderRecord:
    terms = BidderTerms(row.name, row.endpoint, row.seat, row.timeout_ms, row.qps_max, PartnerStatus(row.status))
    return BidderRecord(row.id, row.line_item_id, terms, row.approved, row.created_at)


def read_counts(client: redis.Redis, day: int, numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """What became of asking bidders on a UTC day, by bidder and outcome."""
    pipeline = client.pipeline(transaction=False)
    for number in numbers:
        pipeline.hgetall(f"{COUNTS_KEY}{day}:{number}")
    return {
        number: {name.decode(): int(n) for name, n in sorted(found.items())}
        for number, found in zip(numbers, pipeline.execute(), strict=True)
    }


def owns_line_item(connection: Connection, owner: Address, line_item: int) -> bool:
    return connection.execute(
        text("""select 1 from line_item l join campaign c on c.id = l.campaign_id
                 where l.id = :id and c.owner = :owner"""),
        {"id": line_item, "owner": owner},
    ).scalar() is not None


def read_video_events(client: redis.Redis, day: int, line_item: int) -> dict[str, int]:
    """Events of video players on a UTC day, by kind."""
    found = cast(dict[bytes, bytes], client.hgetall(f"{VIDEO_KEY}{day}:{line_item}"))
    return {name.decode(): int(n) for name, n in sorted(found.items())}


# ---- placements that let bidders compete ----------------------------------------------------------------------------


def set_external_demand(connection: Connection, wallet: Address, placement: int, *, asked: bool) -> bool:
    """Whether the placement is the account's."""
    return connection.execute(
        text("""update placement p set external_demand = :asked from world w join publisher on publisher.index =
                       w.publisher_index where w.id = p.world_id and p.id = :id and publisher.wallet = :wallet
                returning p.id"""),
        {"id": placement, "wallet": wallet, "asked": asked},
    ).scalar() is not None


def external_demand(connection: Connection, wallet: Address, placement: int) -> bool | None:
    """None when the placement is not the account's."""
    return connection.execute(
        text("""select p.external_demand from placement p join world w on w.id = p.world_id
                  join publisher on publisher.index = w.publisher_index
                 where p.id = :id and publisher.wallet = :wallet"""),
        {"id": placement, "wallet": wallet},
    ).scalar()


def seller_of(connection: Connection, wallet: Address) -> int | None:
    """The account's number as a publisher."""
    return connection.execute(
        text("select index from publisher where wallet = :wallet"), {"wallet": wallet}
    ).scalar()
