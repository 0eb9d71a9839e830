"""campaigns: kinds of bids, hours of the week, frequency caps, sponsorships, documents of terms, records for forecasts"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LINE_ITEM_CHECKS = {
    "line_item_hours": "hours ~ '^[0-9a-f]{42}$' and (hours is null) = (time_zone is null)",
    "line_item_frequency": "frequency_impressions > 0 and frequency_hours between 1 and 24",
    "line_item_booking": "booked_placement_id is null or bid_kind = 'sponsorship'",
}


def upgrade() -> None:
    _line_item()
    op.create_table(
        "campaign_terms",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "version"),
    )
    _record("serving_landscape", line_item_id=sa.BigInteger(), bid_bucket=sa.Integer(), price_bucket=sa.Integer())
    _record("serving_audience", dimension=sa.Text(), value=sa.Text())


def downgrade() -> None:
    for name in ("serving_audience", "serving_landscape", "campaign_terms"):
        op.drop_table(name)
    op.drop_constraint("line_item_booked_once", "line_item")
    for name in LINE_ITEM_CHECKS:
        op.drop_constraint(name, "line_item")
    for name in ("booked_placement_id", "frequency_hours", "frequency_impressions", "time_zone", "hours"):
        op.drop_column("line_item", name)
    op.drop_constraint("line_item_bid_kind", "line_item")
    op.create_check_constraint("line_item_bid_kind", "line_item", "bid_kind in ('vcpm', 'cpc')")


def _line_item() -> None:
    op.drop_constraint("line_item_bid_kind", "line_item")
    op.create_check_constraint("line_item_bid_kind", "line_item", "bid_kind in ('vcpm', 'cpc', 'cpa', 'sponsorship')")
    op.add_column("line_item", sa.Column("hours", sa.Text(), nullable=True))
    op.add_column("line_item", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("line_item", sa.Column("frequency_impressions", sa.Integer(), nullable=True))
    op.add_column("line_item", sa.Column("frequency_hours", sa.Integer(), nullable=True))
    op.add_column("line_item", sa.Column("booked_placement_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        "line_item_booked_placement_id_fkey", "line_item", "placement", ["booked_placement_id"], ["id"]
    )
    for name, condition in LINE_ITEM_CHECKS.items():
        op.create_check_constraint(name, "line_item", condition)
    op.execute(
        "alter table line_item add constraint line_item_booked_once exclude using gist ("
        " int8range(booked_placement_id, booked_placement_id, '[]') with &&, tstzrange(starts_at, ends_at) with &&"
        ") where (booked_placement_id is not null)"
    )


def _record(name: str, **keys: sa.types.TypeEngine[Any]) -> None:
    """A table of counts by hour, placement and `keys`."""
    op.create_table(
        name,
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        *(sa.Column(column, kind, nullable=False) for column, kind in keys.items()),
        sa.Column("n", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("hour", "placement_id", *keys),
    )
    op.create_index(f"{name}_placement", name, ["placement_id", "hour"])
