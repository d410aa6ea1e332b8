from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterator

import pytest

from aion.errors import DocumentError
from aion.rag.web.client import Client, Limits, Unreachable
from tests.rag.web.site import HTML, Answer, Site

SHORT = Limits(connect_s=2, read_s=0.2, whole_s=0.4, max_bytes=100_000)


def client(site: Site, limits: Limits = SHORT) -> Client:
    return Client(site.network(), "AION/0.1 (test)", limits)


def test_a_request_says_who_asks_and_where(site: Site) -> None:
    site.page("/a", "Olá")
    answer = client(site).get(site.url("/a"), {"If-None-Match": '"x"'})
    assert (answer.status, answer.header("content-type")) == (200, HTML)
    told = site.asked_with[0]
    assert told["host"] == f"sintra.test:{site.port}"
    assert told["user-agent"] == "AION/0.1 (test)"
    assert told["if-none-match"] == '"x"'
    assert "cookie" not in told


def test_a_redirect_is_an_answer(site: Site) -> None:
    site.redirect("/", "/a")
    assert client(site).get(site.url()).header("location") == "/a"
    assert site.asked == ["/"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_page_is_unpacked(site: Site, encoding: str) -> None:
    text = "Palácio da Pena ".encode() * 1000
    body = (
        gzip.compress(text[:500]) + gzip.compress(text[500:]) if encoding == "gzip" else zlib.compress(text)
    )
    site.answers["/"] = Answer(body, headers={"Content-Encoding": encoding})
    assert client(site).get(site.url()).data == text


def test_a_bomb_is_met_by_the_limit(site: Site) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < SHORT.max_bytes
    site.answers["/"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(DocumentError, match="the limit is 100,000"):
        client(site).get(site.url())


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [(b"not gzip", "gzip", "damaged"), (b"x", "br", "encoding 'br', which was not asked for")],
)
def test_a_body_that_cannot_be_unpacked_is_told(site: Site, body: bytes, encoding: str, reason: str) -> None:
    site.answers["/"] = Answer(body, headers={"Content-Encoding": encoding})
    with pytest.raises(DocumentError, match=reason):
        client(site).get(site.url())


def test_a_body_announced_too_large_is_not_read(site: Site) -> None:
    site.answers["/"] = Answer(headers={"Content-Length": "5000000000"}, pieces=lambda: iter([b"x"]))
    with pytest.raises(DocumentError, match="has 5,000,000,000 bytes"):
        client(site).get(site.url())


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 10_000


def test_a_body_without_end_is_met_by_the_limit(site: Site) -> None:
    site.answers["/"] = Answer(headers={"Content-Type": HTML}, pieces=endless)
    with pytest.raises(DocumentError, match="100,000"):
        client(site).get(site.url())
    assert client(site).get(site.url(), max_bytes=5000, cut=True).data == b"x" * 5000


def test_a_server_that_says_nothing_is_not_waited_for(site: Site) -> None:
    release = threading.Event()

    def silent(_: object) -> Answer:
        release.wait(10)
        return Answer()

    site.answers["/"] = silent
    try:
        with pytest.raises(
            Unreachable, match=r"sintra.test did not answer in time \(0.2 s between two pieces"
        ):
            client(site).get(site.url())
    finally:
        release.set()


def test_a_server_that_drips_meets_the_whole_limit(site: Site) -> None:
    stopped = threading.Event()

    def drips() -> Iterator[bytes]:
        while not stopped.wait(0.05):
            yield b"x"

    site.answers["/"] = Answer(headers={"Content-Type": HTML}, pieces=drips)
    try:
        with pytest.raises(Unreachable, match=r"0\.4 s in all"):
            client(site).get(site.url())
    finally:
        stopped.set()


def test_a_body_that_breaks_off_is_no_page(site: Site) -> None:
    site.answers["/"] = Answer(headers={"Content-Length": "100"}, pieces=lambda: iter([b"half"]))
    with pytest.raises(Unreachable, match="could not be asked"):
        client(site).get(site.url())


def test_a_server_that_speaks_no_tls_is_told(site: Site) -> None:
    with pytest.raises(Unreachable, match=r"sintra\.test could not"):
        client(site).get(f"https://sintra.test:{site.port}/")
