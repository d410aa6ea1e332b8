"""Bodies that are not what a route reads: each is refused in words before anything is computed."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import httpx
import pytest

from tests.server.live import Live, serving
from tests.server.test_failures import error_of

TEXT = {"content": "Sintra"}


def sent(server: Live, content: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.http.post("/tokenize", content=content, headers=named)


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/problem+json",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_what_clients_call_json_is_read(sintra: Live, kind: str) -> None:
    assert sent(sintra, json.dumps(TEXT).encode(), Content_Type=kind).status_code == 200


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Content_Type": "application/xml"}, "'application/xml'"),
        ({"Content_Type": "multipart/form-data; boundary=a"}, "'multipart/form-data'"),
        ({"Content_Type": "application/json; charset=utf-16"}, "'utf-16'"),
        ({"Content_Type": "application/json; charset=latin-1"}, "'latin-1'"),
        ({"Content_Encoding": "gzip"}, "'gzip'"),
        ({"Content_Encoding": "br, gzip"}, "'br, gzip'"),
    ],
)
def test_what_is_something_else_is_refused(sintra: Live, headers: dict[str, str], told: str) -> None:
    error = error_of(sent(sintra, gzip.compress(json.dumps(TEXT).encode()), **headers), 415)
    assert told in str(error["message"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"content": "a", "content": "b"}', "'content' is in one object twice"),
        (b'{"content": "a", "unknown": {"b": NaN}}', "NaN is no number"),
        (b'{"content": "a", "unknown": 1e999}', "1e999 is no number"),
        (b'{"content": "\xff"}', "not UTF-8"),
        (json.dumps(TEXT).encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"content": "a", "unknown": ' + b"[" * 101 + b"]" * 101 + b"}", "nested deeper"),
        (b'{"content": "a", "unknown": ' + b"9" * 10_000 + b"}", "thousands of digits"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_others_would_read_otherwise_is_refused(sintra: Live, content: bytes, told: str) -> None:
    error = error_of(sent(sintra, content), 400)
    assert told in str(error["message"])


def test_a_length_over_the_limit_is_refused_before_the_body_is_sent(sintra: Live) -> None:
    head = b"POST /tokenize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n"
    with sintra.raw(head + b"Expect: 100-continue\r\n\r\n") as sock:
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_the_limit_is_the_operators(sintra: Live) -> None:
    settings = sintra.services.settings.model_copy(update={"body_mb": 6})
    text = json.dumps({"content": "a " * 2_500_000}).encode()
    assert error_of(sent(sintra, text), 413)["message"] == (
        "The body is over 4194304 bytes; send a shorter text, or raise AION_BODY_MB."
    )
    with serving(replace(sintra.services, settings=settings)) as url:
        assert httpx.post(f"{url}/tokenize", content=text, timeout=60).status_code == 200
        assert httpx.post(f"{url}/tokenize", content=text * 2, timeout=60).status_code == 413
