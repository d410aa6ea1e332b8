"""A model's text on its way to the reader: citations verified, the line of sources AION's own.

Knows neither who the model is nor what it costs.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence

from aion.answer.assemble import Prompt
from aion.answer.citing.citations import CitationFilter
from aion.answer.paid.fallback import PaidAnswer
from aion.answer.prompt import sources_line
from aion.answer.work import Work
from aion.errors import EngineFailed, generation_error
from aion.types import Delta, Finished, GenerationEvent, Passage


async def verified(
    work: Work, prompt: Prompt, events: AsyncGenerator[GenerationEvent | PaidAnswer, None]
) -> AsyncGenerator[Delta, None]:
    """Pass a model's text on with its citations verified; at its end the sources line, and all in `work`."""
    citations = CitationFilter(len(prompt.passages), _names(prompt.passages))
    end = None
    n_tokens = n_prompt = 0  # behind what is held back
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                n_tokens, n_prompt = n_tokens + event.n_tokens, n_prompt + event.n_prompt
                if shown := citations.push(event.text):
                    yield Delta(shown, n_tokens, n_prompt=n_prompt)
                    n_tokens = n_prompt = 0
            else:
                _check(event)
                end = event
    if rest := citations.finish():
        yield Delta(rest, n_tokens, n_prompt=n_prompt)
    if end is None or not citations.shown:
        return
    work.written_by(end)
    if line := _sources(citations.cited or citations.listed, prompt.passages):
        yield Delta(line, 0)
    work.text, work.citations = citations.shown + line, citations.citations
    work.passages, work.n_sent = prompt.passages, len(prompt.passages)


def _names(passages: Sequence[Passage]) -> list[str]:
    return [name for passage in passages for name in (passage.source, passage.title) if name]


def _sources(cited: Sequence[int], passages: Sequence[Passage]) -> str:
    line = sources_line([(n, passages[n - 1].source) for n in sorted(cited)])
    return f"\n\n{line}" if line else ""


def _check(event: Finished | PaidAnswer) -> None:
    """Raise for a text cut short by an error or a shutdown: it is no answer, and nothing to learn from."""
    if isinstance(event, Finished) and event.reason == "error":
        raise generation_error(event.cause, event.error or "The model failed.")
    if event.reason == "abort":
        raise EngineFailed("The generation was aborted before its end; ask again.")
