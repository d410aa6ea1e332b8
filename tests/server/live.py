"""A real server for tests: AION's own services behind a uvicorn in a thread, on a free port."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import uvicorn
from starlette.types import ASGIApp

from aion.answer.prompt import plain_prompt
from aion.engine.catalog import CHAT_FILE, embedded_file
from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.gate import ComputeGate
from aion.engine.generator import LocalGenerator
from aion.engine.model import Model
from aion.engine.sequence import Sink
from aion.engine.serving import Loaded, Serving
from aion.engine.template import ChatTemplate
from aion.server.adapters.control import AdapterControl
from aion.server.app import create_app
from aion.server.fallback import open_fallback
from aion.server.library import open_library
from aion.server.lifecycle.listen import bind
from aion.server.loading import load_model
from aion.server.money import open_budget
from aion.server.services import Services, open_router
from aion.server.wire.limits import ConnectionLimits
from aion.server.wire.uvicorn_config import harden, uvicorn_config
from aion.settings import Settings, load_settings
from aion.types import AdapterChoice, Priority, Sampling

SINTRA = Path(__file__).parents[2] / "examples" / "sintra"
DEADLINE_S = 60


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll `condition`; fail by saying `what` never came."""
    give_up = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up, f"waited {DEADLINE_S} s in vain for: {what}"
        time.sleep(0.005)


def settings_in(folder: Path, **overrides: object) -> Settings:
    """One thread, a file of its own in `folder`, the embedded models, whatever the environment says."""
    defaults: dict[str, object] = {
        "db": folder / "aion.db",
        "models_dir": folder / "models",
        "base_model": "mistralai/Mistral-7B-Instruct-v0.3",
        "adapter_dir": folder / "adapter",
        "threads": 1,
        "parallel": 4,
        "events_jsonl": folder / "events.jsonl",
        "train_root": folder,
    }
    return load_settings(**(defaults | overrides))


def serving(services: Services) -> contextlib.AbstractContextManager[str]:
    """The address at which a real uvicorn serves `services`, until the block ends."""
    return serving_app(create_app(services))


@contextlib.contextmanager
def serving_app(app: ASGIApp, grace_s: int = 5, limits: ConnectionLimits | None = None) -> Iterator[str]:
    """The same of any application; what still runs `grace_s` after the end of the block is cancelled."""
    with contextlib.closing(bind("127.0.0.1", 0)) as bound:
        limits = limits or ConnectionLimits()
        harden(bound, limits.send_timeout_s)
        config = uvicorn_config(app, limits, grace_s)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="uvicorn")
        thread.start()
        try:
            wait_until(lambda: server.started, "the server to start")
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True)
class Live:
    """A running server and a client of it."""

    url: str
    services: Services
    http: httpx.Client

    @property
    def address(self) -> tuple[str, int]:
        port = httpx.URL(self.url).port
        assert port is not None
        return "127.0.0.1", port

    def post(self, path: str, body: object) -> httpx.Response:
        return self.http.post(path, json=body)

    def connect(self, path: str, body: object, headers: str = "") -> socket.socket:
        """Send a POST, with more lines of headers, and return its socket, the answer unread."""
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}"
        sock = socket.create_connection(self.address, timeout=DEADLINE_S)
        sock.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        return sock

    def raw(self, data: bytes) -> socket.socket:
        """Send bytes as they are and return their socket."""
        sock = socket.create_connection(self.address, timeout=DEADLINE_S)
        sock.sendall(data)
        return sock

    def assert_answers(self) -> None:
        """The service goes on."""
        answer = self.post("/generate", {"prompt": "Olá", "max_new_tokens": 2})
        assert (answer.status_code, answer.json()["ok"]) == (200, True)


@contextlib.contextmanager
def live(services: Services) -> Iterator[Live]:
    with serving(services) as url, httpx.Client(base_url=url, timeout=DEADLINE_S) as http:
        yield Live(url, services, http)


class Tap(ComputeGate):
    """A gate a test can shut: the engine then stands still before its next step, until let through."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._permits = math.inf

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._permits > 0)
            self._permits -= 1
        super().__enter__()

    def open(self) -> None:
        self._set(math.inf)

    def shut(self) -> None:
        self._set(0)

    def step(self) -> None:
        """Let one step through."""
        self._set(1)

    def step_until(self, condition: Callable[[], bool], what: str) -> None:
        """Let single steps through until `condition`; then all stands still again."""

        def stepped() -> bool:
            if condition():
                return True
            self._set(1)
            return False

        wait_until(stepped, what)

    def _set(self, permits: float) -> None:
        with self._changed:
            self._permits = permits
            self._changed.notify_all()


class EndlessModel(Model):
    """The embedded model, never done: only `max_new_tokens`, a stop string or an abort ends it."""

    def is_end(self, token: int) -> bool:  # noqa: ARG002
        return False


class WatchedEngine(Engine):
    """An engine that remembers what it was asked for."""

    submitted: list[int]
    aborted: list[int]

    def submit(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        sink: Sink,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
    ) -> int:
        sequence_id = super().submit(prompt, sampling, sink, adapters, priority=priority, timeout_s=timeout_s)
        self.submitted.append(sequence_id)
        return sequence_id

    def abort(self, sequence_id: int) -> None:
        super().abort(sequence_id)
        self.aborted.append(sequence_id)


@dataclass(frozen=True)
class Narrow(Live):
    """One slot, one place to wait (AION_PARALLEL=1, AION_QUEUE=1), an endless model and a tap."""

    engine: WatchedEngine
    tap: Tap

    def wait_idle(self) -> None:
        wait_until(lambda: self.engine.is_idle_and_whole, "all slots and cells to be free")


@contextlib.contextmanager
def narrow(settings: Settings) -> Iterator[Narrow]:
    """Wired as aion.server.services does it, with the parts above."""
    with contextlib.ExitStack() as stack:
        path = embedded_file(CHAT_FILE, settings.models_dir)
        model = stack.enter_context(contextlib.closing(EndlessModel(path)))
        library = stack.enter_context(open_library(settings))
        tap = Tap()
        config = EngineConfig(settings.ctx, 1, 1, n_waiting_max=1, speculates=False)
        engine = WatchedEngine(model, config, gate=tap)
        engine.submitted, engine.aborted = [], []
        stack.enter_context(contextlib.closing(engine))
        stack.callback(tap.open)
        serving = Serving(Loaded(model, engine, ChatTemplate(model, plain_prompt)))
        control = AdapterControl(
            serving, path, settings.adapter_dir, settings.models_dir, partial(load_model, settings, gate=tap)
        )
        generator = LocalGenerator(serving)
        settings = settings.model_copy(update={"tau_confidence": 0.0, "system_prompt": ""})
        fallback = open_fallback(settings, open_budget(settings, library.store))
        router = open_router(settings, library, generator, fallback)
        services = Services(settings, library, serving, control, generator, router, True, "")
        running = stack.enter_context(live(services))
        yield Narrow(running.url, services, running.http, engine, tap)


@contextlib.contextmanager
def narrow_with_document(folder: Path) -> Iterator[Narrow]:
    """A narrow server in `folder` that holds one short document."""
    (folder / "tour.md").write_text("# Tour\n\nO tour half-day dura quatro horas e custa 55 €.\n")
    with narrow(settings_in(folder)) as running:
        running.services.library.ingester.ingest([folder / "tour.md"], "default")
        yield running


def lent(running: Narrow) -> Iterator[Narrow]:
    """The narrow server to one test: idle before and after."""
    running.wait_idle()
    yield running
    running.tap.open()
    running.wait_idle()
