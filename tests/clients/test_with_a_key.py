"""The official clients where a key is needed: let in with it, and told apart what keeps them out."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from aion.server.access.tokens import add_key
from aion.server.services import open_services
from aion.store.keys import Keys
from tests.clients.conftest import Node
from tests.server.live import DEADLINE_S, Live, live, settings_in


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, dict[str, str]]]:
    """A server with keys, and these by name: two for questions, one for documents only."""
    settings = settings_in(tmp_path_factory.mktemp("locked"), rate_key=60, rate_address=10_000)
    with open_services(settings) as services, live(services) as running:
        keys = Keys(services.library.store)
        made = {
            name: str(add_key(keys, name, [role], [settings.tenant])[1])
            for name, role in (("asker", "chat"), ("hasty", "chat"), ("feeder", "ingest"))
        }
        yield running, made


def client(server: Live, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=DEADLINE_S)


def ask(server: Live, key: str) -> str | None:
    with client(server, key) as made:
        answer = made.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Olá"}], max_tokens=4
        )
    return answer.choices[0].message.content


def test_a_key_lets_in(locked: tuple[Live, dict[str, str]], node: Node) -> None:
    server, keys = locked
    assert ask(server, keys["asker"])
    assert node("openai_cases.mjs", "chat", f"{server.url}/v1", keys["asker"])["choices"]
    model = ChatOpenAI(base_url=f"{server.url}/v1", api_key=SecretStr(keys["asker"]), model="any")
    assert model.invoke("Olá").content


@pytest.mark.parametrize("key", ["none", "aion_x_y", "sk-something"])
def test_another_is_an_authentication_error(
    locked: tuple[Live, dict[str, str]], node: Node, key: str
) -> None:
    server, _ = locked
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(server, key)
    assert (refused.value.type, refused.value.code) == ("authentication_error", "invalid_api_key")
    error = node("openai_cases.mjs", "chat", f"{server.url}/v1", key)["error"]
    assert (error["kind"], error["status"], error["type"]) == (
        "AuthenticationError", 401, "authentication_error",
    )  # fmt: skip


def test_a_role_that_lacks_is_a_permission_error(locked: tuple[Live, dict[str, str]], node: Node) -> None:
    server, keys = locked
    with pytest.raises(openai.PermissionDeniedError) as refused:
        ask(server, keys["feeder"])
    assert refused.value.type == "permission_error"
    error = node("openai_cases.mjs", "chat", f"{server.url}/v1", keys["feeder"])["error"]
    assert (error["kind"], error["status"]) == ("PermissionDeniedError", 403)


def test_who_asks_too_often_meets_a_rate_limit(locked: tuple[Live, dict[str, str]], node: Node) -> None:
    server, keys = locked
    with client(server, keys["hasty"]) as made, pytest.raises(openai.RateLimitError) as refused:  # noqa: PT012
        for _ in range(1000):
            made.models.list()
    assert (refused.value.type, refused.value.code) == ("rate_limit_error", "rate_limit_exceeded")
    assert int(refused.value.response.headers["retry-after"]) > 0
    error = node("openai_cases.mjs", "hasty", f"{server.url}/v1", keys["hasty"])["error"]
    assert (error["kind"], error["status"], error["type"]) == ("RateLimitError", 429, "rate_limit_error")
