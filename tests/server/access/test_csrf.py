"""What another page can have a browser send changes nothing, whoever is signed in."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.server.guarded import Guarded, sign_in
from tests.server.test_failures import error_of

BODY = {"prompt": "Olá", "max_new_tokens": 1}
FOREIGN = {
    "a form of another page": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "another port of this host": {"Origin": "http://127.0.0.1:1"},
    "no origin at all": {},
    "a link": {"Sec-Fetch-Site": "cross-site"},
    "a sibling": {"Sec-Fetch-Site": "same-site"},
    "the address bar": {"Sec-Fetch-Site": "none"},
    "half an origin": {"Origin": "http://[::1"},
}


@pytest.fixture
def signed(guard: Guarded) -> Iterator[httpx.Client]:
    """A browser that is signed in and says nothing of where it is."""
    with httpx.Client(base_url=guard.url, timeout=60) as client:
        assert sign_in(client, guard.token).status_code == 201
        yield client


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_cookie_alone_changes_nothing(signed: httpx.Client, headers: dict[str, str]) -> None:
    error = error_of(signed.post("/generate", json=BODY, headers=headers), 403)
    assert error["type"] == "permission_error"
    form = signed.post("/api/documents", data={"text": "x"}, headers=headers)
    assert form.status_code == 403
    assert signed.delete("/api/session", headers=headers).status_code == 403
    assert signed.get("/api/session").json()["signed_in"] is True


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
def test_the_page_itself_may(guard: Guarded, signed: httpx.Client, header: str) -> None:
    value = guard.url if header == "Origin" else "same-origin"
    assert signed.post("/generate", json=BODY, headers={header: value}).status_code == 200


def test_behind_a_proxy_that_renames_the_host_the_browser_is_believed(signed: httpx.Client) -> None:
    headers = {"Origin": "https://aion.empresa.pt", "Sec-Fetch-Site": "same-origin"}
    assert signed.post("/generate", json=BODY, headers=headers).status_code == 200


def test_a_proxys_port_is_the_browsers_default(signed: httpx.Client) -> None:
    headers = {"Origin": "https://aion.empresa.pt", "Host": "aion.empresa.pt:443", "Cookie": _cookie(signed)}
    assert signed.post("/generate", json=BODY, headers=headers).status_code == 200


def test_a_key_in_a_header_needs_no_origin(guard: Guarded, signed: httpx.Client) -> None:
    assert signed.post("/generate", json=BODY, headers=guard.bearer).status_code == 200
    basic = {"Authorization": "Basic bWFyaWE6MTIz"}  # a browser adds this one by itself
    assert signed.post("/generate", json=BODY, headers=basic).status_code == 403


def test_nobody_is_signed_in_by_another_page(guard: Guarded) -> None:
    response = guard.http.post(
        "/api/session", json={"key": guard.token}, headers={"Origin": "https://evil.example"}
    )
    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers


def _cookie(client: httpx.Client) -> str:
    return f"aion_session={client.cookies['aion_session']}"
