"""What is measured: AION's service without its engine, and the least a server can do.

    python benchmarks/http_target.py aion|bare PORT FOLDER

`aion` is the whole service - every layer before the routes, keys on, log written, the template put around
the prompt - over a generator that answers at once. `bare` is a Starlette application that reads the body and
sends as many bytes. Either listens on 127.0.0.1:PORT; the key goes to FOLDER/key.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import queue
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aion.engine.generator import LocalGenerator
from aion.engine.outbox import Events, Outbox
from aion.server.access.tokens import add_key
from aion.server.app import create_app
from aion.server.lifecycle.listen import bind
from aion.server.lifecycle.still_heap import still_heap
from aion.server.observe.log import configure_logging
from aion.server.services import open_services
from aion.server.wire.uvicorn_config import harden, limits_of, uvicorn_config
from aion.settings import load_settings
from aion.store.keys import Keys
from aion.types import (
    AdapterChoice,
    Delta,
    Finished,
    GenerationEvent,
    Message,
    Priority,
    Sampling,
    ToolUse,
    Usage,
)

N_TOKENS = 20


def stamp() -> str:
    """The first text: when it came into being, in monotonic nanoseconds, so that its way can be measured."""
    return f"{time.monotonic_ns()} "


class AtOnce(LocalGenerator):
    """The generator of the service with the engine cut out: a thread hands over all tokens as soon as it is
    asked, by the same way as the engine's."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._asked: queue.SimpleQueue[tuple[Outbox, Events]] = queue.SimpleQueue()
        self._outbox: Outbox | None = None
        threading.Thread(target=self._answer, daemon=True).start()

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,  # noqa: ARG002
        adapters: Sequence[AdapterChoice] | None = None,  # noqa: ARG002
        *,
        priority: Priority = "interactive",  # noqa: ARG002
        timeout_s: float | None = None,  # noqa: ARG002
        tools: ToolUse | None = None,
    ) -> AsyncGenerator[GenerationEvent, None]:
        with self._serving.lease() as loaded:
            await asyncio.to_thread(loaded.template.tokens, messages, tools)
        self._outbox = self._outbox or Outbox(asyncio.get_running_loop())
        events: Events = asyncio.Queue()
        self._asked.put((self._outbox, events))
        while not isinstance(event := await events.get(), Finished):
            yield event
        yield event

    def _answer(self) -> None:
        while True:
            outbox, events = self._asked.get()
            outbox.put(events, Delta(stamp()))
            for _ in range(N_TOKENS - 1):
                outbox.put(events, Delta(" tour"))
            outbox.put(events, Finished("stop", Usage(10, N_TOKENS)))


async def bare(request: Request) -> Response:
    """As many tokens in the same form; no check, no key, no log."""
    body = json.loads(await request.body())
    head = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": "bare"}
    if not body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": stamp() + " tour" * (N_TOKENS - 1)}}
        return JSONResponse({**head, "choices": [choice]})

    async def pieces() -> AsyncIterator[bytes]:
        texts = [stamp(), *[" tour"] * (N_TOKENS - 1)]
        for text in texts:
            data = {**head, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
            yield f"data: {json.dumps(data)}\n\n".encode()
        yield b"data: [DONE]\n\n"

    return StreamingResponse(pieces(), media_type="text/event-stream")


def serve_bare(port: int, folder: Path) -> None:
    (folder / "key").write_text("none")
    app = Starlette(routes=[Route("/v1/chat/completions", bare, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def serve_aion(port: int, folder: Path) -> None:
    settings = load_settings(
        db=folder / "aion.db", models_dir=folder / "models", base_model="", adapter_dir=folder / "adapter",
        threads=1, parallel=4, rate_key=1_000_000, streams=10_000, log="json",
    )  # fmt: skip
    configure_logging(settings, sys.stderr)
    limits = limits_of(settings)
    with open_services(settings) as services, contextlib.closing(bind("127.0.0.1", port)) as bound:
        _, token = add_key(Keys(services.library.store), "load", ["chat"], [settings.tenant])
        (folder / "key").write_text(str(token))
        harden(bound, settings.send_timeout_s)
        app = create_app(dataclasses.replace(services, generator=AtOnce(services.serving)))
        with still_heap():
            uvicorn.Server(uvicorn_config(app, limits)).run(sockets=[bound])


def main() -> None:
    kind, port, folder = sys.argv[1:]
    {"aion": serve_aion, "bare": serve_bare}[kind](int(port), Path(folder))


if __name__ == "__main__":
    main()
