"""Whether a question would be answered now: a token made at the start, and `GET /ready`. While AION loads or
stops, the front answers it."""

from __future__ import annotations

import queue

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.engine.engine import Engine
from aion.errors import AionError, generation_error
from aion.server.background import in_background
from aion.server.failures import error_body
from aion.server.services import Services
from aion.types import Delta, Finished, Sampling

_DEADLINE_S = 600.0
_HEADERS = {"Retry-After": "5"}


async def ready(request: Request) -> Response:
    """200 when a token can be made, and 503 while none can."""
    services: Services = request.app.state.services
    engine = services.engine
    if await in_background(makes_tokens, engine):
        return JSONResponse({"status": "ready"})
    reason = engine.failure or "The model makes no token now; ask again in a moment."
    return JSONResponse(error_body(reason, "server_error"), 503, _HEADERS)


def warm_up(engine: Engine) -> None:
    """Make one token, so that the next one finds weights and caches in memory. Blocks meanwhile.

    Raises EngineFailed, OutOfTime or EngineBusy when none came.
    """
    events: queue.SimpleQueue[Delta | Finished] = queue.SimpleQueue()
    one = Sampling(temperature=0.0, max_new_tokens=1, ignore_eos=True)
    engine.submit(engine.model.tokenize("1", bos=True), one, events.put, timeout_s=_DEADLINE_S)
    while isinstance(event := events.get(), Delta):
        pass
    if event.reason in ("error", "abort"):
        raise generation_error(event.cause, event.error or "The engine stopped before its first token.")


def makes_tokens(engine: Engine) -> bool:
    """Whether a token can be made: the engine lives and has made one. Blocks for one where it has made none
    yet, as after a merge."""
    if engine.failure:
        return False
    if engine.status().n_tokens:
        return True
    try:
        warm_up(engine)
    except AionError:
        return False
    return not engine.failure
