"""AION for hostile clients: `aion serve` as it is, or with a model that says one word and then is quiet.

    python benchmarks/hostile_server.py PORT [--idle]

Settings come from the environment (AION_DB ...). With `--idle` a stream stays open after its first word, as
one of a slow model does; everything else is AION's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import uvicorn

from aion.server.app import create_app
from aion.server.lifecycle.listen import bind
from aion.server.lifecycle.run import Told, run_server
from aion.server.services import open_services
from aion.server.wire.uvicorn_config import harden, limits_of, uvicorn_config
from aion.settings import load_settings
from aion.types import Delta, GenerationEvent, Generator


class OneWord:
    """A generator that says a word and then nothing until it is closed."""

    def __init__(self, real: Generator) -> None:
        self.model_name, self.n_ctx = real.model_name, real.n_ctx
        self.n_ctx_effective, self.count_tokens = real.n_ctx_effective, real.count_tokens

    async def stream(self, *_: Any, **__: Any) -> AsyncGenerator[GenerationEvent, None]:
        yield Delta("Olá", 1)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--idle", action="store_true")
    wanted = parser.parse_args()
    if wanted.idle:
        _serve_idle(wanted.port)
    else:
        run_server({"port": wanted.port}, Told(lambda *_: None, lambda *_: None, lambda *_: None))


def _serve_idle(port: int) -> None:
    settings = load_settings(port=port)
    with open_services(settings) as services, contextlib.closing(bind("127.0.0.1", port)) as bound:
        harden(bound, settings.send_timeout_s)
        quiet: Any = OneWord(services.generator)
        app = create_app(replace(services, generator=quiet))
        uvicorn.Server(uvicorn_config(app, limits_of(settings))).run([bound])


if __name__ == "__main__":
    main()
