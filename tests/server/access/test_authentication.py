"""Who is who: keys, this machine, strangers."""

from __future__ import annotations

import hmac
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import httpx
import openai
import pytest

from aion.server.access import tokens as tokens_module
from aion.server.access.tokens import parsed
from aion.store.keys import utc_text
from tests.cli.conftest import command, environment
from tests.server.access.keyed import Keyed
from tests.server.live import DEADLINE_S, wait_until
from tests.server.test_failures import error_of

UNKNOWN = "aion_abcdefghij_" + "x" * 43


def test_without_a_key_this_machine_may_do_everything(keyed: Keyed) -> None:
    assert keyed.ask("GET", "/api/budget").status_code == 200
    assert keyed.ask("GET", "/health").json()["n_running"] == 0


def test_the_first_key_shuts_the_door_at_once_and_the_last_revoked_opens_it(keyed: Keyed) -> None:
    token = keyed.key("chat", name="ana")
    refused = keyed.search()
    assert error_of(refused, 401)["type"] == "authentication_error"
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert keyed.search(token).status_code == 200
    keyed.keys.revoke("ana")
    assert keyed.search().status_code == 200


def test_another_process_adds_and_revokes_while_serving(keyed: Keyed) -> None:
    db = keyed.services.library.store.path

    def aion(*arguments: str) -> str:
        return subprocess.check_output(command(*arguments, "--db", db), env=environment(), text=True)

    token = aion("keys", "add", "bot").strip()
    assert keyed.search(token).status_code == 200
    aion("keys", "revoke", "bot")
    assert "'bot' was revoked" in str(error_of(keyed.search(token), 401)["message"])


def test_an_expired_key_lets_nobody_in_and_opens_nothing(keyed: Keyed) -> None:
    token = tokens_module.Token("expired000", "s" * 43)
    ended = utc_text(datetime.now(UTC) - timedelta(seconds=1))
    keyed.keys.add(token.key_id, "old", token.sha256, ["admin"], ["*"], ended)
    assert "'old' expired" in str(error_of(keyed.search(str(token)), 401)["message"])
    assert keyed.search().status_code == 401


def test_x_api_key_is_taken_too_and_wins_over_a_proxys_own_bearer(keyed: Keyed) -> None:
    token = keyed.key("admin")
    for headers in (
        {"x-api-key": token},
        {"x-api-key": token, "Authorization": "Bearer of-a-proxy"},
        {"x-api-key": "of-a-proxy", "Authorization": f"bearer {token}"},
        {"x-api-key": token, "Authorization": "Basic b3BlcmF0b3I6eA=="},
    ):
        assert keyed.http.get("/api/budget", headers=headers).status_code == 200, headers


@pytest.mark.parametrize("wrong", [UNKNOWN, "aion_", "aion_x", "aion_abcdefghij_", "sk-anything", "ç" * 40])
def test_a_wrong_key_is_refused_where_nothing_is_needed_too(keyed: Keyed, wrong: str) -> None:
    keyed.key("chat")
    headers = {b"Authorization": b"Bearer " + wrong.encode()}
    for path in ("/health", "/", "/api/budget"):
        assert error_of(keyed.http.get(path, headers=headers), 401)["type"] == "authentication_error"


def test_the_id_of_a_key_with_another_secret_is_told_nothing(keyed: Keyed) -> None:
    token = parsed(keyed.key("chat", name="secret-name"))
    assert token is not None
    message = str(error_of(keyed.search(f"aion_{token.key_id}_{'x' * 43}"), 401)["message"])
    assert "secret-name" not in message
    assert message == error_of(keyed.search(UNKNOWN), 401)["message"]


def test_secrets_are_compared_in_constant_time(keyed: Keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(first: str, second: str) -> bool:
        compared.append((len(first), len(second)))
        return hmac.compare_digest(first, second)

    token = keyed.key("chat")
    monkeypatch.setattr(tokens_module, "compare_digest", compare)
    assert keyed.search(token).status_code == 200
    assert keyed.search(UNKNOWN).status_code == 401
    assert compared == [(64, 64)] * 2


def test_the_store_holds_no_secret(keyed: Keyed) -> None:
    token = parsed(keyed.key("chat"))
    assert token is not None
    path = keyed.services.library.store.path
    held = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert token.key_id.encode() in held
    assert token.secret.encode() not in held


@pytest.mark.parametrize("dummy", ["sk-anything", "none", "EMPTY", "ollama"])
def test_a_dummy_key_does_not_matter_until_there_is_a_key(keyed: Keyed, dummy: str) -> None:
    assert keyed.search(dummy).status_code == 200
    keyed.key("chat")
    assert keyed.search(dummy).status_code == 401


def test_a_key_of_aion_that_is_not_known_matters_without_any_key_too(keyed: Keyed) -> None:
    assert keyed.search(UNKNOWN).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "127.0.0.1"},
        {"Host": "192.168.0.7:8008"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://aion.empresa.pt"},
        {"Origin": "null"},
    ],
    ids=", ".join,
)
def test_what_somebody_else_handed_on_is_not_of_this_machine(keyed: Keyed, header: dict[str, str]) -> None:
    assert keyed.http.get("/api/budget").status_code == 200
    assert keyed.http.get("/api/budget", headers=header).status_code == 401
    assert keyed.http.get("/health", headers=header).status_code == 200


def test_a_proxy_that_says_nothing_is_known_by_its_old_http(keyed: Keyed) -> None:
    for version, status in (("1.1", b"200"), ("1.0", b"401")):
        with socket.create_connection(keyed.address, timeout=DEADLINE_S) as client:
            head = f"GET /api/budget HTTP/{version}\r\nHost: 127.0.0.1:8008\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode())
            assert client.recv(12) == b"HTTP/1.1 " + status


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8008", "[::1]:8008", "[::1]", "aion.localhost:1"])
def test_names_of_this_machine(keyed: Keyed, host: str) -> None:
    assert keyed.http.get("/api/budget", headers={"Host": host}).status_code == 200


def test_a_stranger_may_ask_where_the_operator_says_so_and_no_more(anonymous: Keyed) -> None:
    away = {"X-Forwarded-For": "192.0.2.1"}
    anonymous.key("admin")
    assert anonymous.http.post("/api/search", json={"query": "tour"}, headers=away).status_code == 200
    assert error_of(anonymous.http.get("/api/budget", headers=away), 403)["type"] == "permission_error"
    other = anonymous.http.post("/api/search", json={"query": "tour", "tenant": "b"}, headers=away)
    assert error_of(other, 403)["param"] == "tenant"
    wrong = {"Authorization": f"Bearer {UNKNOWN}"}
    assert anonymous.http.post("/api/search", json={"query": "t"}, headers=away | wrong).status_code == 401


def test_who_sits_at_the_machine_keeps_all_rights_beside_strangers(anonymous: Keyed) -> None:
    assert anonymous.ask("GET", "/api/budget").status_code == 200
    assert anonymous.search("sk-anything").status_code == 200


def test_strangers_go_on_with_what_nobody_guesses(anonymous: Keyed) -> None:
    away = {"X-Forwarded-For": "192.0.2.1"}

    def asked(**more: object) -> httpx.Response:
        body = {"message": "Quanto custa o tour?"} | more
        return anonymous.http.post("/api/ai/chat", json=body, headers=away)

    assert error_of(asked(conversation_id="1"), 400)["param"] == "conversation_id"
    given = asked().json()["conversation_id"]
    assert asked(conversation_id=given).json()["conversation_id"] == given


def test_the_last_use_is_on_record(keyed: Keyed) -> None:
    token = keyed.key("chat", name="seldom")
    assert keyed.search(token).status_code == 200

    def last_used() -> str | None:
        return next(key.last_used_at for key in keyed.keys.list() if key.name == "seldom")

    wait_until(lambda: last_used() is not None, "the last use to be written")
    first = last_used()
    assert keyed.search(token).status_code == 200
    assert last_used() == first


def test_the_openai_client_with_a_key_and_with_a_wrong_one(keyed: Keyed) -> None:
    token = keyed.key("chat")

    def asked(key: str) -> list[str]:
        with openai.OpenAI(
            base_url=f"{keyed.url}/v1", api_key=key, max_retries=0, timeout=DEADLINE_S
        ) as client:
            return [model.id for model in client.models.list()]

    assert asked(token)
    with pytest.raises(openai.AuthenticationError) as caught:
        asked("sk-wrong")
    assert caught.value.body is not None
    with pytest.raises(openai.PermissionDeniedError):
        asked(keyed.key("ingest"))
