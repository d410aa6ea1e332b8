"""Uploads within limits: of names, numbers, bytes and time."""

from __future__ import annotations

import socket
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.server.documents.uploads import MAX_FIELDS, MAX_FILES, MAX_NAME_BYTES, safe_name
from tests.server.live import DEADLINE_S, Live, wait_until
from tests.server.test_documents import TOUR, sources, upload
from tests.server.test_failures import MAX_BODY_BYTES, error_of

PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("tour.md", "tour.md"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\docs\\preços.pdf", "preços.pdf"),
        ("C:preços.pdf", "preços.pdf"),
        ("/absolute/a b.md", "a b.md"),
        ("a\r\nb\t c.md", "ab c.md"),
        ("\u202efdp.exe.md", "fdp.exe.md"),
        (".htaccess.md", "htaccess.md"),
        ("preço.md", "preço.md"),
        ("👩\u200d🍳.md", "👩🍳.md"),
        ("..", ""),
        ("", ""),
        ("pasta/", ""),
        ("\x00\x1f", ""),
    ],
)
def test_only_a_name_is_kept(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


def test_a_long_name_keeps_its_suffix() -> None:
    name = safe_name("ç" * 500 + ".docx")
    assert name.endswith("ç.docx")
    assert len(name.encode()) <= MAX_NAME_BYTES


@given(st.text(max_size=300))
def test_whatever_is_sent_is_harmless(text: str) -> None:
    name = safe_name(text)
    assert not set(name) & set("/\\\0\n\r")
    assert not name.startswith(".")
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name == name.strip()
    assert all(unicodedata.category(char) != "Cc" for char in name)


def test_too_many_files_or_fields_are_refused(desk: Live) -> None:
    many = upload(desk, *((f"{n}.md", "x") for n in range(MAX_FILES + 1)))
    assert str(MAX_FILES) in (error_of(many, 400)["message"] or "")
    fields = {f"f{n}": "x" for n in range(MAX_FIELDS + 1)}
    assert str(MAX_FIELDS) in (error_of(upload(desk, ("a.md", TOUR), **fields), 400)["message"] or "")
    assert sources(desk) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", PART + b"# A"),
        (
            "multipart/form-data; boundary=x",
            PART + b"# A\r\n" + PART + b"# B\r\n--x-",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\na\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
        ("application/x-www-form-urlencoded", b"text=a"),
        ("text/plain", b"Um texto."),
    ],
)
def test_what_is_neither_a_form_nor_json_is_refused(desk: Live, kind: str, body: bytes) -> None:
    error_of(desk.http.post("/api/documents", content=body, headers={"Content-Type": kind}), 400)
    assert sources(desk) == []


def test_uploads_may_be_larger_than_other_bodies_and_have_a_limit_too(desk: Live) -> None:
    pictures = [(f"{n}.txt", bytes(900_000)) for n in range(5)]
    assert sum(len(content) for _, content in pictures) > MAX_BODY_BYTES
    assert [each["status"] for each in upload(desk, *pictures).json()["documents"]] == ["failed"] * 5
    with sent_raw(desk, 6 * 1024**2) as answer:
        assert answer.startswith(b"HTTP/1.1 413 ")
    with sent_raw(desk, None, n_bytes=7 * 1024**2) as answer:
        assert answer.startswith(b"HTTP/1.1 413 ")
    assert sources(desk) == []


@contextmanager
def sent_raw(desk: Live, declared: int | None, n_bytes: int = 0) -> Iterator[bytes]:
    """The beginning of the answer to a form that declares its length, or is chunked."""
    length = "Transfer-Encoding: chunked" if declared is None else f"Content-Length: {declared}"
    head = (
        "POST /api/documents HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n{length}\r\n\r\n"
    )
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    with socket.create_connection(desk.address, timeout=DEADLINE_S) as client:
        client.sendall(head.encode())
        if declared is None:
            data = part + b"x" * n_bytes
            try:
                for start in range(0, len(data), 65536):
                    piece = data[start : start + 65536]
                    client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may have answered and closed before all was sent
        yield client.recv(4096)


def test_large_files_of_several_uploads_are_all_stored(desk: Live) -> None:
    def send(n: int) -> str:
        answer = upload(desk, (f"{n}.md", f"# Tour {n}\n\n" + "Custa 55 €. " * 6000))
        return str(answer.json()["documents"][0]["status"])

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(6) as pool:
        patch.setattr("aion.server.documents.intake.MAX_PLAIN_BYTES", 1000)
        assert list(pool.map(send, range(6))) == ["added"] * 6


def test_a_client_that_leaves_half_way_stores_nothing_and_gives_its_place_back(desk: Live) -> None:
    intake = desk.services.library.intake
    with socket.create_connection(desk.address, timeout=DEADLINE_S) as client:
        client.sendall(
            b"POST /api/documents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n# Tour\r\n'
        )
        wait_until(lambda: intake.n_admitted == 1, "the upload to begin")
    wait_until(lambda: intake.n_admitted == 0, "the upload to end")
    assert sources(desk) == []
