"""Counts viewable impressions and clicks from the `event` table, only what is new since the last time."""

from sqlalchemy import Connection, text

from backend.pctr.rate import Counts

# ingest commits in the order of `seq` (it alone writes these kinds, under a lock), so nothing appears behind the cursor
_NEW_COUNTS = text("""
select line_item_id, placement_id,
       count(*) filter (where kind = 'viewable') as views, count(*) filter (where kind = 'click') as clicks,
       max(seq) as seq
  from event where seq > :after_seq and kind in ('viewable', 'click') group by line_item_id, placement_id
""")


def read_counts(connection: Connection, after_seq: int) -> tuple[dict[tuple[int, int], Counts], int]:
    """Counts by (line item, placement) of events after `after_seq`, and the `seq` to go on from."""
    rows = connection.execute(_NEW_COUNTS, {"after_seq": after_seq}).all()
    counts = {(row.line_item_id, row.placement_id): Counts(row.views, row.clicks) for row in rows}
    return counts, max((row.seq for row in rows), default=after_seq)
