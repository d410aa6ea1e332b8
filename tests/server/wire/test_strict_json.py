"""JSON that others would read otherwise, or that costs more than it is worth, is refused in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.server.wire.strict_json import MAX_DEPTH, NotStrictJson, parsed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_comes_out_as_it_went_in(value: object) -> None:
    assert parsed(json.dumps(value).encode()) == (value, "")
    assert parsed(json.dumps(value, ensure_ascii=False).encode()) == (value, "")


def test_what_is_allowed_at_the_edges() -> None:
    assert parsed(b"\xef\xbb\xbf{}") == ({}, "")  # a byte order mark
    assert parsed(b"1.7976931348623157e308") == (1.7976931348623157e308, "")
    assert parsed(b'"1e999 NaN"') == ("1e999 NaN", "")
    assert parsed(b'"\\ud800"') == ("\ud800", "")
    assert parsed(b"1e-999") == (0.0, "")
    assert parsed(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)[0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"NaN", "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b"[1e999, NaN]", "1e999"),
        (b"-1E+0400", "-1E+0400"),
        (b"9" * 400 + b".0", "9" * 20),
    ],
)
def test_numbers_that_are_none_are_told(text: bytes, number: str) -> None:
    assert parsed(text)[1] == number


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"9" * 5000, "thousands of digits"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is in one object twice"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'"\xed\xa0\x80"', "byte 1 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "byte 0 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "Expecting property name"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper than 100"),
        (b'{"a":' * 100_000, "nested deeper than 100"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 100"),
        (b"", "Expecting value"),
        (b"{} {}", "Extra data"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(NotStrictJson, match=why):
        parsed(text)
