"""A hub for tests: a real HTTP server with the hub's few routes, which can drop a connection midway."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".gguf", ".bin", "tokenizer.model")


@dataclass
class Hub:
    """What the hub has and how it fails.

    `repositories` maps "owner/name" to its files. `cut` maps a file to the bytes after which its next
    transfer breaks off, once; `stuck` files break off there every time; `busy` has statuses for a file's
    next transfers. `refusals` maps a repository to (status, X-Error-Code). `n_claimed` and
    `sha256_claimed` override what is announced for a file. `pages` has what is sent in a file's place, with
    which headers, and whether only when a part is asked for. `authorized` are the paths that were asked for
    with a token.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    stuck: dict[str, int] = field(default_factory=dict)
    busy: dict[str, list[int]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    pages: dict[str, tuple[bytes, dict[str, str], bool]] = field(default_factory=dict)
    n_claimed: dict[str, int] = field(default_factory=dict)
    sha256_claimed: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""
    authorized: list[str] = field(default_factory=list)

    @property
    def cdn(self) -> str:
        """Large files come from another host, as the hub's do."""
        return self.url.replace("127.0.0.1", "localhost")

    def add_folder(self, name: str, folder: Path) -> None:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        self.repositories[name] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    def commit(self, name: str) -> str:
        return hashlib.sha1(name.encode()).hexdigest()

    def fetched(self, part: str) -> list[tuple[str, str]]:
        """(file, Range) of each transfer of a file whose path contains `part`."""
        return [(p, asked) for method, p, asked in self.requests if method == "GET" and part in p]


def _blob(name: str, data: bytes) -> str:
    return (hashlib.sha256 if name.endswith(LARGE) else hashlib.sha1)(data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range", "")))
        if "Authorization" in self.headers:
            self.hub.authorized.append(path)
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._answer(found[1], found[2] or "main", None)
        elif found := re.fullmatch(r"/cdn/([^/]+/[^/]+)/(.+)", path):
            statuses = self.hub.busy.get(found[2])
            if statuses:
                self._status(statuses.pop(0), "")
                return
            page, headers, only_for_parts = self.hub.pages.get(found[2], (b"", {}, False))
            if page and ("Range" in self.headers or not only_for_parts):
                self._page(page, headers)
                return
            self._send(found[2], self.hub.repositories[found[1]][found[2]], {})
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._answer(found[1], found[2], found[3])
        else:
            self._status(404, "")

    def _answer(self, name: str, revision: str, file: str | None) -> None:
        if name in self.hub.refusals:
            self._status(*self.hub.refusals[name])
        elif name not in self.hub.repositories:
            self._status(401, "RepoNotFound")
        elif revision not in ("main", self.hub.commit(name)):
            self._status(404, "RevisionNotFound")
        elif file is None:
            self._listing(name)
        elif file not in self.hub.repositories[name]:
            self._status(404, "EntryNotFound")
        else:
            self._file(name, file)

    def _listing(self, name: str) -> None:
        siblings: list[dict[str, Any]] = []
        for file, data in self.hub.repositories[name].items():
            size = self.hub.n_claimed.get(file, len(data))
            entry = {"rfilename": file, "size": size, "blobId": _blob("", data)}
            sha256 = self.hub.sha256_claimed.get(file, _blob(file, data))
            if file.endswith(LARGE):
                entry["lfs"] = {"sha256": sha256, "size": size, "pointerSize": 130}
            siblings.append(entry)
        body = {"id": name, "modelId": name, "sha": self.hub.commit(name), "siblings": siblings}
        self._send("listing", json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, file: str) -> None:
        data = self.hub.repositories[name][file]
        headers = {"X-Repo-Commit": self.hub.commit(name), "ETag": f'"{_blob(file, data)}"'}
        if not file.endswith(LARGE):
            self._send(file, data, headers)
            return
        self.send_response(302)
        linked = {"X-Linked-Etag": f'"{_blob(file, data)}"', "X-Linked-Size": str(len(data))}
        where = {"Location": f"{self.hub.cdn}/cdn/{name}/{file}", "Content-Length": "0"}
        for key, value in (headers | linked | where).items():
            self.send_header(key, value)
        self.end_headers()

    def _send(self, file: str, data: bytes, headers: dict[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        for key, value in (headers | {"Content-Length": str(len(data) - begin)}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.hub.cut.pop(file, self.hub.stuck.get(file))
        self.wfile.write(data[begin : max(begin, cut) if cut is not None else None])
        self.close_connection = cut is not None

    def _page(self, page: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(page)
        self.close_connection = True

    def _status(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving_hub() -> Iterator[Hub]:
    """A hub on a free port of this machine until the block ends."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def hub_environment(hub: Hub | None, home: Path) -> dict[str, str]:
    """The variables that make huggingface_hub speak to `hub` (None: nowhere) with a cache in `home`."""
    url = hub.url if hub else "http://127.0.0.1:9"
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1,localhost"}
    return {"HF_ENDPOINT": url, "HF_HOME": str(home)} | quiet
