"""Long blocking work for a route, in a thread of its own: shutdown and other requests do not wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


async def in_background(
    work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """What `work` returns or raises. asyncio's own pool is for short work: it is small, and ends with it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        try:
            result = work(*args, **kwargs)
        except BaseException as error:
            tell(_fail, error)
        else:
            tell(_succeed, result)

    def _succeed(result: Result) -> None:
        if not future.done():
            future.set_result(result)

    def _fail(error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def tell(outcome: Callable[..., None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(outcome, value)

    name, context = f"aion-{getattr(work, '__name__', 'work')}", contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name=name, daemon=True).start()
    return await future
