"""Pages of other hosts: those the operator named ask with a key, all others get nothing to read."""

from __future__ import annotations

import httpx
import pytest

from tests.server.guarded import OPENED, Guarded, sign_in
from tests.server.live import Live
from tests.server.test_failures import error_of

BODY = {"prompt": "Olá", "max_new_tokens": 1}
ALLOW = "Access-Control-Allow-Origin"
NEAR = (
    "http://app.empresa.pt", "https://app.empresa.pt:8443", "https://app.empresa.pt.evil.example",
    "https://evil.app.empresa.pt", "http://localhost:3001", "null", "https://evil.example",
)  # fmt: skip


def preflight(server: Live, origin: str, method: str = "POST") -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
    }
    return server.http.options("/v1/chat/completions", headers=headers)


@pytest.mark.parametrize("origin", [OPENED, "http://localhost:3000"])
def test_a_preflight_needs_no_key(guard: Guarded, origin: str) -> None:
    answer = preflight(guard, origin)
    assert (answer.status_code, answer.headers[ALLOW]) == (200, origin)
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", NEAR)
def test_other_origins_get_no_permission(guard: Guarded, origin: str) -> None:
    assert ALLOW not in preflight(guard, origin).headers
    reading = guard.http.get("/v1/models", headers={"Origin": origin, **guard.bearer})
    assert ALLOW not in reading.headers
    writing = guard.http.post("/generate", json=BODY, headers={"Origin": origin, **guard.bearer})
    assert origin in str(error_of(writing, 403)["message"])


def test_closed_is_the_default(sintra: Live) -> None:
    assert ALLOW not in preflight(sintra, OPENED).headers
    assert ALLOW not in sintra.http.get("/health", headers={"Origin": OPENED}).headers


def test_an_opened_page_asks_with_a_key(guard: Guarded) -> None:
    answer = guard.http.post("/generate", json=BODY, headers={"Origin": OPENED, **guard.bearer})
    assert (answer.status_code, answer.headers[ALLOW]) == (200, OPENED)
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


def test_it_can_read_why_it_was_refused(guard: Guarded) -> None:
    wrong = guard.http.get("/v1/models", headers={"Origin": OPENED, "Authorization": "Bearer aion_a_b"})
    assert (wrong.status_code, wrong.headers[ALLOW]) == (401, OPENED)
    without = guard.http.post("/generate", json=BODY, headers={"Origin": OPENED})
    assert (without.status_code, without.headers[ALLOW]) == (403, OPENED)


def test_the_cookie_is_worth_nothing_from_there(guard: Guarded) -> None:
    """Another port of the same host is the same site to a browser, which then sends the cookie along."""
    with guard.browser() as browser:
        sign_in(browser, guard.token)
        for origin in ("http://localhost:3000", OPENED):
            assert browser.get("/v1/models", headers={"Origin": origin}).status_code == 401
            assert browser.post("/generate", json=BODY, headers={"Origin": origin}).status_code == 403
