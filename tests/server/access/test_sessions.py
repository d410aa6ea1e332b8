"""Signing in on the page: a key once, then a cookie that ends with the key."""

from __future__ import annotations

import hashlib
import json
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from aion.server.access.browser.sessions import begin_session, session_key
from aion.server.access.tokens import add_key
from aion.server.services import open_services
from aion.store.connection import Store
from aion.store.keys import Keys
from aion.store.sessions import Sessions
from tests.server.guarded import Guarded, sign_in
from tests.server.live import Live, live, settings_in
from tests.server.test_failures import error_of

BODY = {"prompt": "Olá", "max_new_tokens": 1}


def cookie_of(response: httpx.Response) -> SimpleCookie:
    return SimpleCookie(response.headers["Set-Cookie"])


def test_a_key_once_and_then_the_cookie(guard: Guarded) -> None:
    with guard.browser() as browser:
        assert browser.get("/api/session").json() | {"name": ""} == {
            "signed_in": False, "name": "", "roles": [], "tenants": [], "key_needed": True,
        }  # fmt: skip
        assert browser.post("/generate", json=BODY).status_code == 401
        told = sign_in(browser, f" {guard.token}\n")
        assert told.status_code == 201
        who = {"signed_in": True, "name": "maria", "roles": ["chat"], "tenants": ["*"], "key_needed": False}
        assert told.json() == browser.get("/api/session").json() == who
        assert browser.post("/generate", json=BODY).status_code == 200
        assert browser.delete("/api/session").status_code == 204
        assert browser.post("/generate", json=BODY).status_code == 401


def test_the_cookie_is_for_no_script_and_no_other_site(guard: Guarded) -> None:
    with guard.browser() as browser:
        told = sign_in(browser, guard.token)
        cookie = cookie_of(told)["aion_session"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/")
        assert (cookie["max-age"], cookie["secure"]) == (str(168 * 3600), "")
        by_https = browser.post(
            "/api/session", json={"key": guard.token}, headers={"X-Forwarded-Proto": "https"}
        )
        assert cookie_of(by_https)["__Host-aion_session"]["secure"] is True


def test_the_file_holds_no_token(guard: Guarded) -> None:
    with guard.browser() as browser:
        token = cookie_of(sign_in(browser, guard.token))["aion_session"].value
    with guard.services.library.store.read() as db:
        hashes = [row[0] for row in db.execute("SELECT token_sha256 FROM sessions").fetchall()]
    assert token not in hashes
    assert hashlib.sha256(token.encode()).hexdigest() in hashes


@pytest.mark.parametrize(
    "wrong", ["", "x", "aion__", "aion_a_b", "Bearer aion_a_b", "aion_\x00_x", "é" * 400]
)
def test_a_wrong_key_is_told_so(guard: Guarded, wrong: str) -> None:
    with guard.browser() as browser:
        response = browser.post("/api/session", content=json.dumps({"key": wrong}))
    error = error_of(response, 401)
    assert error["type"] == "authentication_error"
    assert "Set-Cookie" not in response.headers


def test_half_a_key_is_wrong_too(guard: Guarded) -> None:
    with guard.browser() as browser:
        for wrong in (guard.token[:-1], guard.token + "x", guard.token.swapcase()):
            assert sign_in(browser, wrong).status_code == 401


@pytest.mark.parametrize("body", [{}, {"key": 1}, {"key": None}, {"key": "a" * 501}, []])
def test_a_form_that_is_none_is_a_bad_request(guard: Guarded, body: object) -> None:
    assert guard.http.post("/api/session", json=body).status_code == 400


def test_a_revoked_key_ends_its_sessions(guard: Guarded) -> None:
    token = guard.new_key("joana")
    with guard.browser() as browser, guard.browser() as other:
        sign_in(browser, token)
        sign_in(other, guard.token)
        guard.revoke("joana")
        assert browser.post("/generate", json=BODY).status_code == 401
        assert other.post("/generate", json=BODY).status_code == 200
        who = browser.get("/api/session")
        assert (who.json()["signed_in"], who.json()["key_needed"]) == (False, True)
        assert cookie_of(who)["aion_session"]["max-age"] == "0"
        assert "aion_session" not in browser.cookies


def test_a_token_from_elsewhere_is_never_taken_over(guard: Guarded) -> None:
    """Session fixation: whoever planted a token in the browser has nothing after the sign-in."""
    with guard.browser() as browser, guard.browser() as attacker:
        browser.cookies.set("aion_session", "planted", domain="127.0.0.1")
        first = cookie_of(sign_in(browser, guard.token))["aion_session"].value
        second = cookie_of(sign_in(browser, guard.token))["aion_session"].value
        assert len({"planted", first, second}) == 3
        for stale in ("planted", first):
            attacker.cookies.set("aion_session", stale, domain="127.0.0.1")
            assert attacker.post("/generate", json=BODY).status_code == 401


def test_by_https_a_neighbours_cookie_counts_for_nothing(guard: Guarded) -> None:
    """Another host of the domain may set `aion_session` for all, and what begins with `__Host-` for none."""
    https = {"X-Forwarded-Proto": "https", "Origin": guard.url.replace("http:", "https:")}
    with guard.browser() as browser:
        token = cookie_of(sign_in(browser, guard.token))["aion_session"].value
    for cookie, status in ((f"aion_session={token}", 401), (f"__Host-aion_session={token}", 200)):
        asked = guard.http.post("/generate", json=BODY, headers=https | {"Cookie": cookie})
        assert asked.status_code == status
    both = f"__Host-aion_session={token}; aion_session=planted"
    assert guard.http.post("/generate", json=BODY, headers=https | {"Cookie": both}).status_code == 200


def test_signing_out_ends_it_for_who_copied_the_cookie(guard: Guarded) -> None:
    with guard.browser() as browser, guard.browser() as thief:
        sign_in(browser, guard.token)
        thief.cookies.set("aion_session", browser.cookies["aion_session"], domain="127.0.0.1")
        assert thief.post("/generate", json=BODY).status_code == 200
        browser.delete("/api/session")
        assert thief.post("/generate", json=BODY).status_code == 401


def test_a_session_outlives_a_restart(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        key, _ = add_key(Keys(store), "maria", ["chat"], ["*"])
        token = begin_session(store, key, 1)
    with Store(tmp_path / "aion.db") as store:
        found = session_key(store, token)
        assert found is not None
        assert found.name == "maria"
        assert session_key(store, token + "x") is None


def test_a_session_ends_with_its_hours(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        key, _ = add_key(Keys(store), "maria", ["chat"], ["*"])
        assert session_key(store, begin_session(store, key, 0)) is None


def test_a_key_has_so_many_sessions_and_the_oldest_go(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        key, _ = add_key(Keys(store), "maria", ["chat"], ["*"])
        other, _ = add_key(Keys(store), "joana", ["chat"], ["*"])
        kept = begin_session(store, other, 1)
        with store.write() as db:
            db.executemany(
                "INSERT INTO sessions VALUES (?, ?, ?, '2999-01-01T00:00:00.000Z')",
                [(str(n), key.id, f"2020-01-01T00:00:00.{n:03d}Z") for n in range(150)],
            )
        newest = begin_session(store, key, 1)
        assert session_key(store, newest) is not None
        assert session_key(store, kept) is not None
        sessions = Sessions(store)
        assert [sessions.key_id(str(n)) is None for n in (0, 50, 51, 149)] == [True, True, False, False]


def test_without_keys_nobody_has_to_sign_in(tmp_path: Path) -> None:
    with open_services(settings_in(tmp_path)) as services, live(services) as server:
        _assert_open(server)
        stale = server.http.get("/api/session", headers={"Cookie": "aion_session=old"})
        assert stale.json()["key_needed"] is False


def _assert_open(server: Live) -> None:
    who = server.http.get("/api/session").json()
    assert (who["signed_in"], who["key_needed"], who["roles"]) == (False, False, ["admin"])
