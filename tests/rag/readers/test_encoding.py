from __future__ import annotations

import pytest

from aion.rag.readers.encoding import decode, is_binary

TEXT = "Preço: 35 por pessoa. Não há excursões às segundas.\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "cp850", "mac_roman", "utf-16"]
)
def test_portuguese_comes_out_right(encoding: str) -> None:
    assert decode(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("text", ["São João", "às 9h", "35 € – “já”"])
def test_a_few_letters_of_cp1252_are_enough(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


def test_a_damaged_byte_does_not_spoil_the_rest() -> None:
    assert decode(TEXT.encode() + b"\xe7") == TEXT + "\ufffd"


def test_a_declared_encoding_counts_only_where_the_bytes_are_not_plainly_another() -> None:
    assert decode("Привет".encode("cp1251"), "cp1251") == "Привет"
    assert decode(TEXT.encode(), "cp1252") == TEXT
    assert decode(TEXT.encode("cp1252"), "no-such-encoding") == TEXT
    assert decode(TEXT.encode("cp1252"), "utf-8") == TEXT


def test_line_ends_are_made_one() -> None:
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", True),
        (b"\x1f\x8b\x08\x01\x02\x03", True),
        ("é".encode("utf-16"), False),
        (b"tab\tand\fpage", False),
        (b"", False),
    ],
)
def test_binary_is_told_from_text(data: bytes, expected: bool) -> None:
    assert is_binary(data) == expected
