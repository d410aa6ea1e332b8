"""Websites for tests: real HTTP servers on this machine, whose names a resolver of the test makes up."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aion.rag.web.addresses import GuardedNetwork

HTML = "text/html; charset=utf-8"


@dataclass
class Answer:
    """What a path answers. `pieces` makes a body that is sent as it comes, in place of `body`."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": HTML})
    pieces: Callable[[], Iterator[bytes]] | None = None


@dataclass
class Site:
    """A server's answers by path with query; what is not there is 404. `asked` has what was asked for, in
    order, and `asked_with` the headers."""

    answers: dict[str, Answer | Callable[[Mapping[str, str]], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    asked_with: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    n_at_once: int = 0
    most_at_once: int = 0

    def url(self, path: str = "/", host: str = "sintra.test") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def pages(self) -> list[str]:
        """The paths asked for, robots.txt and the usual sitemap apart."""
        return [path for path in self.asked if path not in ("/robots.txt", "/sitemap.xml")]

    def network(self, addresses: Mapping[str, list[str]] | None = None) -> GuardedNetwork:
        """A guarded network that may reach this server, whatever the names in `addresses` are; others
        are this server's."""

        def resolve(host: str, _port: int) -> list[str]:
            return (addresses or {}).get(host, ["127.0.0.1"])

        return GuardedNetwork(resolve, allowed=frozenset({("127.0.0.1", self.port)}))

    def page(self, path: str, text: str, links: tuple[str, ...] = (), head: str = "", **headers: str) -> None:
        """Add a page of HTML with a text of its own."""
        anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
        body = (
            f"<!doctype html><html><head><title>{text[:30]}</title>{head}</head>"
            f"<body><main><h1>{text[:30]}</h1><p>{text}</p></main><nav>{anchors}</nav></body></html>"
        )
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = Answer(body.encode(), headers={"Content-Type": HTML, **given})

    def redirect(self, path: str, target: str, status: int = 301) -> None:
        self.answers[path] = Answer(status=status, headers={"Location": target})

    def text(self, path: str, text: str, kind: str = "text/plain") -> None:
        self.answers[path] = Answer(text.encode(), headers={"Content-Type": kind})


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site = self.site
        site.n_at_once += 1
        site.most_at_once = max(site.most_at_once, site.n_at_once)
        site.asked.append(self.path)
        site.asked_with.append({name.lower(): value for name, value in self.headers.items()})
        found = site.answers.get(self.path, Answer(b"nothing here", 404))
        answer = found(site.asked_with[-1]) if callable(found) else found
        site.n_at_once -= 1
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.pieces is None:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.pieces is None:
            self.wfile.write(answer.body)
            return
        for piece in answer.pieces():
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Tests read `asked`."""


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A site of no pages, on a free port of 127.0.0.1, over TLS if that is given."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.port = server.server_port
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


class FakeClock:
    """A clock that goes on only while someone sleeps; `slept` has each sleep."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
