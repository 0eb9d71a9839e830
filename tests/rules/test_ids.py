"""Addresses have one spelling inside: 0x and 40 lowercase hex digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.ids import address


@given(st.binary(min_size=20, max_size=20))
def test_address__any_20_bytes__are_lowered(raw: bytes) -> None:
    assert address("0x" + raw.hex().upper()) == "0x" + raw.hex()


@pytest.mark.parametrize(
    "text", ["", "0x", "0x" + "a" * 39, "0x" + "a" * 41, "a" * 42, "0x" + "g" * 40, "0x" + " " * 40, "1x" + "a" * 40,
             "0x" + "1_" * 19 + "11", "0x+" + "a" * 39, "0x" + "\N{ARABIC-INDIC DIGIT ONE}" * 40]
)
def test_address__anything_else__is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        address(text)
