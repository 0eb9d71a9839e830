"""Hours of the week on the clocks of a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.week import EVERY_HOUR, hour_of_week, is_time_zone, mask_of, text_of

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Africa/Monrovia"]
)


@given(st.integers(0, 4_102_444_800_000), ZONES)
def test_hour_of_week__any_moment__is_what_a_clock_there_shows(now_ms: int, zone: str) -> None:
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    if local.utcoffset() and local.utcoffset().total_seconds() % 900:      # type: ignore[union-attr]
        return          # Monrovia until 1972
    assert hour_of_week(now_ms, zone) == local.weekday() * 24 + local.hour


@pytest.mark.parametrize(
    ("moment", "hour"),
    [("2026-03-29T00:30:00+00:00", 6 * 24 + 1), ("2026-03-29T01:30:00+00:00", 6 * 24 + 3),
     ("2026-10-25T00:30:00+00:00", 6 * 24 + 2), ("2026-10-25T01:30:00+00:00", 6 * 24 + 2)],
)
def test_hour_of_week__clocks_change_in_berlin__jumps_and_repeats(moment: str, hour: int) -> None:
    assert hour_of_week(int(datetime.fromisoformat(moment).timestamp() * 1000), "Europe/Berlin") == hour


@given(st.integers(0, EVERY_HOUR))
def test_mask__as_text__comes_back(mask: int) -> None:
    assert mask_of(text_of(mask)) == mask


@pytest.mark.parametrize("text", ["", "f" * 41, "f" * 43, "F" * 42, "g" * 42, "0x" + "0" * 40, " " * 42, "_" * 42])
def test_mask__not_42_lowercase_hex_digits__is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hex digits"):
        mask_of(text)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Asia/Kolkata"])
def test_time_zone__of_the_database__is_known(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "localtime", "Europe", "right/UTC", "posix/UTC",
        "a\0b", "zone.tab",
    ],
)
def test_time_zone__anything_else__is_not(name: str) -> None:
    assert not is_time_zone(name)
