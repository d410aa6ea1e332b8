"""What each role may ask for, of every endpoint there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aion.server.access.identity import ROLES
from aion.server.endpoint import Endpoint
from aion.server.routes import ENDPOINTS
from aion.server.services import Services
from tests.server.access.keyed import Keyed, keyed_server
from tests.server.test_failures import error_of

ACCESS = Path(__file__).parents[3] / "docs" / "access.md"


@pytest.fixture(scope="module")
def server(keyed_services: Services) -> Iterator[Keyed]:
    with keyed_server(keyed_services) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(server: Keyed) -> dict[str, str]:
    """A key of each role alone."""
    return {role: server.key(role) for role in ROLES}


def asked(server: Keyed, endpoint: Endpoint, token: str | None) -> httpx.Response:
    """A request of that route which does no more than it must to be judged."""
    path = re.sub(r"{[^}]+}", "999", endpoint.path)
    content = b"{" if endpoint.method == "POST" else None
    return server.ask(endpoint.method, path, token, content=content)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_an_endpoint_is_for_its_role_alone(server: Keyed, tokens: dict[str, str], endpoint: Endpoint) -> None:
    stranger = asked(server, endpoint, None)
    if endpoint.role is None:
        assert stranger.status_code not in (401, 403)
    else:
        assert error_of(stranger, 401)["type"] == "authentication_error"
    for role, token in tokens.items():
        response = asked(server, endpoint, token)
        if endpoint.role in (None, role) or role == "admin":
            assert response.status_code not in (401, 403), role
        else:
            error = error_of(response, 403)
            assert error["type"] == "permission_error"
            assert f"--role {endpoint.role}" in str(error["message"])


def test_the_head_of_a_page_takes_the_same_role(server: Keyed, tokens: dict[str, str]) -> None:
    assert server.ask("HEAD", "/api/budget").status_code == 401
    assert server.ask("HEAD", "/api/budget", tokens["chat"]).status_code == 403
    assert server.ask("HEAD", "/api/budget", tokens["admin"]).status_code == 200


def test_roles_add_up(server: Keyed) -> None:
    token = server.key("chat", "ingest")
    assert server.ask("GET", "/api/documents", token).status_code == 200
    assert server.ask("DELETE", "/api/documents/999", token).status_code == 404
    assert server.ask("GET", "/api/budget", token).status_code == 403


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/nothing", "/api/documents/1/2", "/v1", "/..%2fapi/budget"]
)
def test_routes_cannot_be_probed_without_a_key(server: Keyed, tokens: dict[str, str], path: str) -> None:
    assert server.ask("GET", path).status_code == 401
    assert server.ask("GET", path, tokens["chat"]).status_code == 404


def test_a_line_break_behind_an_open_path_opens_nothing(server: Keyed, tokens: dict[str, str]) -> None:
    """Starlette's patterns pass one over, and the limits of the sign-in would not know it."""
    for method, path in (("GET", "/docs%0a"), ("POST", "/api/session%0a")):
        assert server.ask(method, path, json={"key": "x"}).status_code == 401
        assert server.ask(method, path, json={"key": "x"}).headers["WWW-Authenticate"]


def test_a_method_that_is_not_taken_is_told_to_who_has_a_key(server: Keyed, tokens: dict[str, str]) -> None:
    assert server.ask("PUT", "/generate").status_code == 401
    assert server.ask("PUT", "/generate", tokens["chat"]).status_code == 405


def test_the_page_and_its_files_are_open(server: Keyed, tokens: dict[str, str]) -> None:
    for path in ("/", "/panel/", "/panel/icon.svg"):
        assert server.ask("GET", path).status_code == 200
    assert server.ask("GET", "/panel/nothing.js").status_code == 404
    assert server.ask("POST", "/panel/icon.svg").status_code == 401


def test_health_tells_a_stranger_whether_it_works_and_which_model_answers(
    server: Keyed, tokens: dict[str, str]
) -> None:
    public = {"status", "base_model", "adapter_loaded", "embedded_model", "configured_model"}
    assert set(server.ask("GET", "/health").json()) == public
    assert set(server.ask("GET", "/health", tokens["chat"]).json()) == public
    for role in ("metrics", "admin"):
        assert set(server.ask("GET", "/health", tokens[role]).json()) > public | {"n_running", "version"}


def test_where_files_lie_is_told_to_who_works_with_files(server: Keyed, tmp_path: Path) -> None:
    file = tmp_path / "tour.md"
    file.write_text("# Tour\n\nO tour dura oito horas.\n")
    server.services.library.ingester.ingest([file], "files")
    for roles, location in ((("chat",), ""), (("chat", "ingest"), str(file)), (("admin",), str(file))):
        listed = server.ask("GET", "/api/documents", server.key(*roles, tenants=("files",)))
        assert [each["location"] for each in listed.json()["documents"]] == [location]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/api/ai/chat", {"message": "Olá", "forceFallback": True}, "forceFallback"),
        (
            "/v1/chat/completions",
            {
                "model": "aion-rag",
                "messages": [{"role": "user", "content": "Olá"}],
                "aion": {"forceFallback": True},
            },
            "aion.forceFallback",
        ),
    ],
)
def test_only_an_admin_forces_the_paid_fallback(
    server: Keyed, tokens: dict[str, str], path: str, body: dict[str, object], param: str
) -> None:
    assert error_of(server.ask("POST", path, tokens["chat"], json=body), 403)["param"] == param
    assert server.ask("POST", path, tokens["admin"], json=body).status_code == 200


def test_the_page_about_access_names_the_role_of_each_route() -> None:
    told = {
        route: role
        for role, routes in re.findall(r"^\| `?(\w+)`? \| (`[A-Z]+ /.*) \|$", ACCESS.read_text("utf-8"), re.M)
        for route in re.findall(r"`([A-Z]+ /[^`]*)`", routes)
    }
    for endpoint in ENDPOINTS:
        role = told.pop(f"{endpoint.method} {endpoint.path}", "none" if endpoint.role is None else "chat")
        assert role == (endpoint.role or "none"), endpoint.path
    assert told == {}
