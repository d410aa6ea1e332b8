"""Bad input: a 4xx in the one error form, a sentence that helps, and the service goes on."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.server.live import Live

MAX_BODY_BYTES = 4 * 1024**2  # AION_BODY_MB

REQUIRED = {
    "/generate": "prompt",
    "/api/ai/chat": "message",
    "/v1/chat/completions": "messages",
    "/api/documents": "text",
    "/api/search": "query",
    "/api/feedback": "event_id",
    "/v1/embeddings": "input",
    "/v1/rerank": "query",
}
POSTS = tuple(REQUIRED)


def error_of(response: httpx.Response, status: int) -> dict[str, str | None]:
    """The error in the one form, its status checked."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    message = body["error"]["message"]
    assert message.endswith(".")
    assert "Traceback" not in message
    error: dict[str, str | None] = body["error"]
    return error


BAD_BODIES = {
    "empty": b"",
    "not JSON": b"message=oi",
    "cut": b'{"message": "oi"',
    "array": b'["oi"]',
    "text": b'"oi"',
    "null": b"null",
    "bad UTF-8": b'{"message": "\xff\xfe"}',
    "NUL bytes": b"\x00" * 64,
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "huge number": b'{"prompt": "a", "message": "a", "messages": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_no_json_object(sintra: Live, path: str, body: bytes) -> None:
    error = error_of(sintra.http.post(path, content=body), 400)
    assert error["message"]
    assert error["message"].startswith("The body is")
    if "is not JSON" in error["message"]:
        assert f"; send an object with {REQUIRED[path]}" in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", POSTS)
def test_a_missing_field_is_named(sintra: Live, path: str) -> None:
    error = error_of(sintra.post(path, {}), 400)
    assert error["param"] == REQUIRED[path]
    assert error["message"] == f"{REQUIRED[path]} is missing; it is required."


@pytest.mark.parametrize("path", [path for path in POSTS if path not in {"/v1/embeddings", "/api/feedback"}])
@pytest.mark.parametrize("value", [None, 1, True, {"a": 1}, [[1]], [{"role": "user", "content": 1}]])
def test_a_field_of_the_wrong_type_is_named(sintra: Live, path: str, value: object) -> None:
    param = error_of(sintra.post(path, {REQUIRED[path]: value}), 400)["param"]
    assert param is not None
    assert param.startswith(REQUIRED[path])


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/generate", "temperature", "0.5"),
        ("/generate", "temperature", -0.1),
        ("/generate", "temperature", 2.1),
        ("/generate", "top_p", 0),
        ("/generate", "top_p", 1.1),
        ("/generate", "max_new_tokens", 0),
        ("/generate", "max_new_tokens", "8"),
        ("/generate", "max_new_tokens", True),
        ("/generate", "max_new_tokens", 1.5),
        ("/generate", "max_new_tokens", 10**30),
        ("/generate", "stop", "###"),
        ("/generate", "system", 1),
        ("/generate", "context", ["a"]),
        ("/api/ai/chat", "forceFallback", "yes"),
        ("/api/ai/chat", "seed", "1"),
        ("/api/ai/chat", "stream", 1),
        ("/v1/chat/completions", "max_tokens", 0),
        ("/v1/chat/completions", "stop", 3),
        ("/v1/chat/completions", "stream", "true"),
        ("/v1/chat/completions", "stream_options", 1),
    ],
)
def test_a_value_out_of_bounds_is_named_and_quoted(
    sintra: Live, path: str, field: str, value: object
) -> None:
    messages = [{"role": "user", "content": "Oi"}]
    error = error_of(
        sintra.post(path, {"prompt": "Oi", "message": "Oi", "messages": messages, field: value}), 400
    )
    assert error["param"] == field
    assert error["message"]
    assert error["message"].startswith(f"{field} is {repr(value)[:10]}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize(("path", "field"), [("/api/ai/chat", "tau"), ("/generate", "temperature")])
def test_numbers_that_are_none_are_refused(sintra: Live, path: str, field: str, number: str) -> None:
    body = f'{{"prompt": "Oi", "message": "Oi", "{field}": {number}}}'
    assert error_of(sintra.http.post(path, content=body), 400)["param"] == field


@pytest.mark.parametrize("depth", [2, 200, *range(880, 1000, 4)])
def test_deep_nesting_in_a_field_is_a_sentence(sintra: Live, depth: int) -> None:
    body = f'{{"message": {"[" * depth}{"]" * depth}}}'
    message = error_of(sintra.http.post("/api/ai/chat", content=body), 400)["message"]
    assert message is not None
    assert len(message) < 300


def test_a_long_wrong_value_is_quoted_in_part(sintra: Live) -> None:
    message = error_of(sintra.post("/generate", {"prompt": ["x" * 9999] * 99}), 400)["message"]
    assert message is not None
    assert len(message) < 300


def test_an_unknown_role_names_those_there_are(sintra: Live) -> None:
    body = {"messages": [{"role": "function", "content": "a"}]}
    error = error_of(sintra.post("/v1/chat/completions", body), 400)
    assert error["param"] == "messages.0.role"
    assert error["message"]
    assert "'assistant'" in error["message"]


@pytest.mark.parametrize("path", [path for path in POSTS if path != "/api/documents"])  # they may be larger
@pytest.mark.parametrize("n_bytes", [MAX_BODY_BYTES + 1, 5_000_000])
def test_a_body_over_the_limit_is_too_large(sintra: Live, path: str, n_bytes: int) -> None:
    error = error_of(sintra.http.post(path, content=b" " * n_bytes), 413)
    assert error["message"]
    assert str(MAX_BODY_BYTES) in error["message"]
    sintra.assert_answers()


def test_a_body_of_unknown_length_over_the_limit_is_too_large(sintra: Live) -> None:
    chunks = (b" " * 100_000 for _ in range(50))
    error_of(sintra.http.post("/generate", content=chunks), 413)
    sintra.assert_answers()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/nothing", "/v1/files", "/panel/nothing.js", "/../../etc/passwd"])
def test_an_unknown_route_is_not_found(sintra: Live, method: str, path: str) -> None:
    status = 405 if path.startswith("/panel") and method != "GET" else 404
    error = error_of(sintra.http.request(method, path), status)
    assert error["message"]
    assert httpx.URL(sintra.url + path).path in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", path, "POST") for path in POSTS if path != "/api/documents"]
    + [("POST", "/health", "GET"), ("DELETE", "/v1/models", "GET"), ("POST", "/", "GET")]
    + [("PUT", "/api/documents", method) for method in ("GET", "POST", "DELETE")]
    + [("POST", "/api/documents/1", "DELETE"), ("PUT", "/v1/adapters", "POST")],
)
def test_a_wrong_method_names_the_right_one(sintra: Live, method: str, path: str, allowed: str) -> None:
    response = sintra.http.request(method, path)
    error = error_of(response, 405)
    assert allowed in response.headers["Allow"]
    assert error["message"]
    assert allowed in error["message"].partition("it takes ")[2]


def test_no_content_type_is_asked_for(sintra: Live) -> None:
    response = sintra.http.post("/generate", content=json.dumps({"prompt": "Oi", "max_new_tokens": 1}))
    assert response.json()["ok"] is True


def test_the_service_goes_on_after_all_that(sintra: Live) -> None:
    sintra.assert_answers()
    assert sintra.services.engine.is_idle_and_whole
