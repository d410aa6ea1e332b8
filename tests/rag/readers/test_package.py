from __future__ import annotations

import io
import struct
import zipfile

import pytest

from aion.errors import DocumentError
from aion.rag.readers.package import MAX_ENTRIES, Package, parse_xml


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return file.getvalue()


def claiming(data: bytes, n_bytes: int) -> bytes:
    """The same zip whose first entry says that it expands to `n_bytes`."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", n_bytes) + data[at + 28 :]


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped({"a.xml": b"a" * 100 * 1024**2})
    with pytest.raises(DocumentError, match=r"a\.docx has [\d,]+ bytes and would expand to 104,857,600"):
        Package(bomb, "a.docx")


def test_what_is_declared_is_what_counts() -> None:
    data = zipped({"a.xml": b"abc"})
    with pytest.raises(DocumentError, match="would expand to 4,000,000,000"):
        Package(claiming(data, 4_000_000_000), "a.docx")
    with pytest.raises(zipfile.BadZipFile):
        Package(claiming(data, 2), "a.docx").bytes("a.xml")


def test_many_parts_are_refused() -> None:
    with pytest.raises(DocumentError, match=r"has 20,001 parts and the limit is 20,000"):
        Package(zipped({str(n): b"" for n in range(MAX_ENTRIES + 1)}), "a.docx")


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (OLE + "EncryptedPackage".encode("utf-16-le"), "is protected by a password; save it without"),
        (OLE + b"WordDocument", r"is an old binary Office file although it is named \.docx"),
        (b"%PDF-1.7", r"is no \.docx file although it is named so"),
    ],
)
def test_what_is_no_package_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=rf"a\.docx {message}"):
        Package(data, "a.docx")


def test_an_encrypted_zip_is_refused() -> None:
    data = bytearray(zipped({"a.xml": b"abc"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DocumentError, match="is protected by a password"):
        Package(bytes(data), "a.docx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(encoding: str) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l9;</a>'
    with pytest.raises(DocumentError, match="defines XML entities"):
        parse_xml(text.encode(encoding), "a.docx")
    with pytest.raises(DocumentError, match="defines XML entities"):
        Package(zipped({"a.xml": text.encode(encoding)}), "a.xlsx").refuse_entities()


@pytest.mark.parametrize("text", ["<a>" * 300 + "</a>" * 300, f"<a>{'x' * 11_000_000}</a>"])
def test_xml_beyond_measure_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="nested too deep or a single text too long"):
        parse_xml(text.encode(), "a.docx")


def test_a_document_type_fetches_nothing() -> None:
    text = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>x</a>'
    assert parse_xml(text, "a.docx").text == "x"
