"""Fields that several routes share: ids, amounts, names, times, pages, the Idempotency-Key."""

import re
from datetime import date, datetime
from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints

ID_MAX = 2**63 - 1
AMOUNT_MICRO_USDC_MAX = 10**15           # a thousand million USDC
PRICE_MICRO_USDC_MAX = 10**9             # 1000 USDC for one event
PAGE_LENGTH_MAX = 100

_ISO_8601_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ISO_8601_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


def _time_text(value: object) -> object:
    """Numbers would be taken for Unix seconds, and digits in a text too: only dates are meant."""
    if isinstance(value, datetime) or (isinstance(value, str) and _ISO_8601_TIME.match(value)):
        return value
    raise ValueError("must be an ISO 8601 time with a time zone, such as 2026-11-02T10:00:00Z")


def _day_text(value: object) -> object:
    """As `_time_text`: a number would be taken for days since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _ISO_8601_DAY.fullmatch(value)):
        return value
    raise ValueError("must be a day, such as 2026-11-02")


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2_048)]
Amount = Annotated[StrictInt, Field(gt=0, le=AMOUNT_MICRO_USDC_MAX, description="micro-USDC")]
Price = Annotated[StrictInt, Field(gt=0, le=PRICE_MICRO_USDC_MAX, description="micro-USDC for one event")]
PricePerMille = Annotated[
    StrictInt,
    Field(gt=0, le=1_000 * PRICE_MICRO_USDC_MAX, description="micro-USDC for a thousand events; a multiple of 1000"),
]
Pixels = Annotated[StrictInt, Field(gt=0, le=8_192)]
Day = Annotated[date, BeforeValidator(_day_text)]
Time = Annotated[AwareDatetime, BeforeValidator(_time_text)]
RowId = Annotated[StrictInt, Field(ge=1, le=ID_MAX)]

PathId = Annotated[int, Path(ge=1, le=ID_MAX)]
After = Annotated[int, Query(ge=0, le=ID_MAX, description="id of the last row of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_LENGTH_MAX, description="rows on this page")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
        description="the same key with the same body answers the same and creates nothing; with another body: 409",
    ),
]


class Body(BaseModel):
    """A request body: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid")


def next_after(ids: list[int], limit: int) -> int | None:
    """`after` of the next page; null when this page is the last."""
    return ids[-1] if len(ids) == limit else None
