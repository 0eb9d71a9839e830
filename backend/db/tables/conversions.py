"""What happened after an ad was seen, and what may be charged for it."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, row_id, when


class ConversionGoal(SQLModel, table=True):
    """What an advertiser counts as a conversion, and how we learn of it.

    `postback`: signed requests; the secret is derived from the token key, so that none lies here. `on_chain`: logs of
    `contract` with `topic0`, read from the block after `read_from` up to `read_number`, and those after `again_number`
    once more.
    """

    __tablename__ = "conversion_goal"
    __table_args__ = (
        CheckConstraint("kind in ('postback', 'on_chain')", name="conversion_goal_kind"),
        CheckConstraint("status in ('active', 'archived')", name="conversion_goal_status"),
        CheckConstraint("click_days between 1 and 30 and view_days between 0 and 30", name="conversion_goal_lookback"),
        CheckConstraint(
            "(kind = 'on_chain') = (contract is not null and topic0 is not null)", name="conversion_goal_contract"
        ),
        Index("conversion_goal_to_read", "read_number", postgresql_where=text("kind = 'on_chain'")),
    )

    id: int | None = row_id()
    campaign_id: int = Field(sa_type=BigInteger, foreign_key="campaign.id", index=True)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    click_days: int
    view_days: int = 0              # 0: a view alone is not enough
    repeatable: bool = Field(sa_column=Column(Boolean, nullable=False))
    status: str = Field(default="active", sa_type=Text)
    secret_version: int = 1
    previous_until: datetime | None = when()     # the version before is good until then
    contract: str | None = Field(default=None, sa_type=Text)
    event: str | None = Field(default=None, sa_type=Text)
    topic0: str | None = Field(default=None, sa_type=Text)
    read_number: int | None = big(nullable=True)
    read_from: int | None = big(nullable=True)      # null: no contract
    again_number: int | None = big(nullable=True)
    created_at: datetime | None = created()


class LateClick(SQLModel, table=True):
    """A click that was stored long after it came: the goal's logs since then are read once more, and this is deleted.

    Without a foreign key, so that no event waits for whoever reads logs.
    """

    __tablename__ = "late_click"

    id: int | None = row_id()
    goal_id: int = big()
    received_ms: int = big()


class Conversion(SQLModel, table=True):
    """A reported conversion and what became of it; `order_id` is the advertiser's, or `<transaction>:<log index>`.

    `event_id` is the event that is charged for it: the first conversion of a decision has one, later ones are only
    counted.
    """

    __tablename__ = "conversion"
    __table_args__ = (
        UniqueConstraint("goal_id", "order_id", name="conversion_order_once"),
        CheckConstraint("state in ('waiting', 'counted', 'refused')", name="conversion_state"),
        CheckConstraint("(state = 'refused') = (reason is not null)", name="conversion_reason"),
        CheckConstraint("touch in ('click', 'viewable')", name="conversion_touch"),
        Index("conversion_of_campaign", "campaign_id", "id"),
        Index("conversion_of_decision", "decision_id"),
        Index("conversion_waiting", "id", postgresql_where=text("state = 'waiting'")),
        Index("conversion_refused", "id", postgresql_where=text("state = 'refused'")),
    )

    id: int | None = row_id()
    goal_id: int = Field(sa_type=BigInteger, foreign_key="conversion_goal.id")
    campaign_id: int = big()
    order_id: str = Field(sa_type=Text)
    decision_id: str | None = Field(default=None, sa_type=Text)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    touch: str | None = Field(default=None, sa_type=Text)
    line_item_id: int | None = big(nullable=True)
    event_id: str | None = Field(default=None, sa_type=Text)
    occurred_ms: int = big()
    received_ms: int = big()
    created_at: datetime | None = created()
