"""Requests that are wrong in one or more ways, made of requests that are right: bytes, headers, fields.

Starts from every route of aion.server.routes and the examples of its schema. The same seed makes the same
requests. Knows no socket and judges no answer.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from aion.server.openapi.examples import EXAMPLES
from aion.server.routes import ENDPOINTS
from benchmarks.odd_values import HEADERS, METHODS, ODD, PATHS, QUERIES, RAW, VERSIONS

_LENGTHS = {"max_tokens": 2, "max_new_tokens": 2, "max_output_tokens": 2}
_BOUNDARY = "b0undary"
_PARAMETERS = {"id": "1", "name": "aion", "source": "nobody"}


@dataclass(frozen=True, slots=True)
class Attack:
    """The bytes to send, and what was done to them."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    """A request before it is bytes. `fields` are the names its schema has."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    value: Any = None
    fields: tuple[str, ...] = ()
    version: str = "HTTP/1.1"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path[:40]}"


def valid_requests() -> list[_Request]:
    """One or more of each route; answers are kept short."""
    made: list[_Request] = []
    for endpoint in ENDPOINTS:
        path = re.sub(r"{(\w+)(?::\w+)?}", lambda found: _PARAMETERS[found[1]], endpoint.path)
        if endpoint.body is None:
            made.append(_Request(endpoint.method, path))
            continue
        fields = tuple(endpoint.body.model_fields)
        for _, value in EXAMPLES[endpoint.body].values():
            made.append(_with_json(_Request(endpoint.method, path, fields=fields), _shortened(value, fields)))
    made.append(_upload())
    return [*made, _Request("GET", "/"), _Request("GET", "/panel/style.css"), _Request("GET", "/docs")]


def attacks(n: int, seed: int = 0) -> Iterator[Attack]:
    """`n` of them, each route as often as another."""
    rng, originals = random.Random(seed), valid_requests()
    for i in range(n):
        request = originals[i % len(originals)]
        names = []
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            change = rng.choice(_OF_REQUESTS if request.value is None else _OF_FIELDS * 4 + _OF_REQUESTS)
            request = change(rng, request)
            names.append(change.__name__.strip("_"))
        data = _bytes_of(request)
        if rng.random() < 0.3:
            spoil = rng.choice((_flipped, _truncated, _repeated, _filled))
            data = spoil(rng, data)
            names.append(spoil.__name__.strip("_"))
        yield Attack(f"{originals[i % len(originals)].name}: {', '.join(names)}", data)


def _shortened(value: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    short = value | {name: most for name, most in _LENGTHS.items() if name in fields}
    return short | {"tau": 1.0} if "tau" in fields else short


def _upload() -> _Request:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = f"{head}O miradouro abre cedo.\r\n--{_BOUNDARY}--\r\n".encode()
    headers = (("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}"),)
    return _Request("POST", "/api/documents", headers, body)


def _with_json(request: _Request, value: Any) -> _Request:
    text = re.sub(rf'"{RAW}((?:[^"\\]|\\.)*)"', lambda found: _unquoted(found[1]), _dumped(value))
    headers = tuple(each for each in request.headers if each[0] != "Content-Type")
    typed = (*headers, ("Content-Type", "application/json"))
    return replace(request, value=value, body=text.encode("utf-8", "surrogatepass"), headers=typed)


def _dumped(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False).replace("\ud800", "\\ud800")
    except RecursionError:
        return "[" * 5000


def _unquoted(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _odd(rng: random.Random) -> object:
    return rng.choice(ODD)


def _one_field_is_odd(rng: random.Random, request: _Request) -> _Request:
    """Of the schema, at the top."""
    if not isinstance(request.value, dict) or not request.fields:
        return _with_json(request, _odd(rng))
    return _with_json(request, request.value | {rng.choice(request.fields): _odd(rng)})


def _a_value_inside_is_odd(rng: random.Random, request: _Request) -> _Request:
    """Somewhere in the body: another value, a missing member, one too many."""
    value = json.loads(json.dumps(request.value))
    places = list(_places(value))
    if not places:
        return _with_json(request, _odd(rng))
    holder, at = rng.choice(places)
    action = rng.random()
    if action < 0.6:
        holder[at] = _odd(rng)
    elif action < 0.8:
        del holder[at]
    elif isinstance(holder, dict):
        holder[rng.choice(("role", "type", "id", "", "\0", "__class__"))] = _odd(rng)
    else:
        holder.extend([_odd(rng)] * rng.choice((1, 100)))
    return _with_json(request, value)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for at, inner in members:
        yield value, at
        yield from _places(inner)


def _the_body_is_another(rng: random.Random, request: _Request) -> _Request:
    bodies = (
        b"",
        b"{",
        b"}",
        b"null",
        b"[]",
        b'"a"',
        b"{}" * 2,
        b"\xff\xfe{}",
        '{"a":1}'.encode("utf-16"),
        b"\0" * 100,
        b'{"prompt": "\xc3"}',
        b"[" * 50_000,
        b'{"a":' * 50_000,
        b'{"prompt": "a", "prompt": "b"}',
        b"\x1f\x8b\x08\0",
        b"x" * 200_000,
        b'{"prompt": "' + b"a" * 300_000 + b'"}',
        b"a=b&c=d",
        b"--b0undary--\r\n",
        b"--b0undary\r\n\r\n",
        b"[" + b"{}," * 20_000 + b"{}]",
        b'{"messages": ' + b"[" * 99 + b"]" * 99 + b"}",
        bytes(rng.randbytes(500)),
    )
    return replace(request, body=rng.choice(bodies), value=None)


def _a_header_is_odd(rng: random.Random, request: _Request) -> _Request:
    return replace(request, headers=(*request.headers, rng.choice(HEADERS)))


def _headers_are_many(rng: random.Random, request: _Request) -> _Request:
    name, value = rng.choice(HEADERS)
    n = 2 if len(value) > 1000 else rng.choice((2, 99, 1000))
    return replace(request, headers=request.headers + ((name, value),) * n)


def _another_path(rng: random.Random, request: _Request) -> _Request:
    return replace(request, path=rng.choice(PATHS))


def _a_query(rng: random.Random, request: _Request) -> _Request:
    return replace(request, path=request.path + rng.choice(QUERIES))


def _a_whole_address(rng: random.Random, request: _Request) -> _Request:
    return replace(request, path=rng.choice(("http://evil", "https://127.0.0.1", "x:", "*")) + request.path)


def _another_method(rng: random.Random, request: _Request) -> _Request:
    return replace(request, method=rng.choice(METHODS))


def _another_version(rng: random.Random, request: _Request) -> _Request:
    return replace(request, version=rng.choice(VERSIONS))


def _in_chunks(rng: random.Random, request: _Request) -> _Request:
    """Chunked, well or not."""
    sizes = (b"%x", b"%x;a=b", b"-%x", b"%xg", b"0%x", b"f%x", b" %x")
    body, parts = request.body, []
    while body:
        n = rng.choice((1, 10, 1000, 100_000))
        parts.append(
            rng.choice(sizes if rng.random() < 0.2 else sizes[:1]) % len(body[:n]) + b"\r\n" + body[:n]
        )
        body = body[n:]
    end = rng.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nHost: evil\r\n\r\n", b"", b"0\r\n", b"-1\r\n\r\n"))
    framed = b"\r\n".join([*parts, end]) if parts else end
    headers = (*request.headers, ("Transfer-Encoding", "chunked"))
    return replace(request, headers=headers, body=framed, value=None)


_Change = Callable[[random.Random, _Request], _Request]
_OF_FIELDS: tuple[_Change, ...] = (_one_field_is_odd, _a_value_inside_is_odd)
_OF_REQUESTS: tuple[_Change, ...] = (
    _the_body_is_another,
    _a_header_is_odd,
    _headers_are_many,
    _another_path,
    _a_query,
    _a_whole_address,
    _another_method,
    _another_version,
    _in_chunks,
)


def _bytes_of(request: _Request) -> bytes:
    given = {name.lower() for name, _ in request.headers}
    headers = [] if "host" in given else [("Host", "127.0.0.1")]
    if request.body and not given & {"content-length", "transfer-encoding"}:
        headers.append(("Content-Length", str(len(request.body))))
    lines = [f"{request.method} {request.path} {request.version}"]
    lines += [f"{name}: {value}" for name, value in (*headers, *request.headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + request.body


def _flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 5, 50))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _repeated(rng: random.Random, data: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * rng.choice((1, 5)) + data[end:]


def _filled(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return (
        data[:at] + rng.choice((b"\0", b"\r", b"\n", b"\r\n", b"\xff", b" ", rng.randbytes(20))) + data[at:]
    )
