"""`POST /api/feedback`: what people say of an answer. Judged passages become judgments for `aion eval`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, Strict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import InvalidRequest
from aion.events.kinds import FEEDBACK
from aion.events.story import Story, answered
from aion.rag.twins import text_hash
from aion.server.access.identity import identity_of
from aion.server.body import read_body
from aion.server.documents.search import whole_characters
from aion.server.schemas import Body, Flag, Tenant
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.store.event_rows import Judged
from aion.store.events import Events
from aion.types import Chunk, Event, Passage

MAX_CHARS = 100_000
_VALUES = {"up": 1.0, "down": -1.0}


def _whole(value: object) -> object:
    return whole_characters(value) if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_whole), Field(max_length=MAX_CHARS)]


class PassageJudged(Body):
    """Whether the passage `n` helps to answer the question; null takes back what was said of it."""

    n: Annotated[int, Strict()] = Field(description="The passage's number in the answer, from 1.")
    relevant: Flag | None = Field(description="Whether it helps; null takes back what was said.")


class FeedbackRequest(Body):
    """`POST /api/feedback`. What is absent or null says nothing; a thumb "none" and an empty text take back
    what was said before."""

    event_id: Annotated[int, Strict(), Field(ge=1, le=2**63 - 1)] = Field(
        description="The answer's, as `POST /api/ai/chat` gave it."
    )
    thumb: Literal["up", "down", "none"] | None = Field(
        None, description='What one thinks of it; "none" takes that back.'
    )
    correction: Words | None = Field(
        None, description="How the answer should read; an empty text takes that back."
    )
    passages: Annotated[list[PassageJudged], Field(max_length=100)] | None = Field(
        None, description="Which passages help to answer the question."
    )
    comment: Words | None = Field(None, description="Anything else; an empty text takes that back.")
    tenant: Tenant = None


async def feedback(request: Request) -> Response:
    """{"event_id"}: the id of the feedback's own event. 404 for an answer that is not there, and,
    but for an admin, for one to what another key asked."""
    services: Services = request.app.state.services
    body = await read_body(request, FeedbackRequest)
    tenant = await tenant_of(request, body.tenant)
    identity = identity_of(request)
    asker = None if identity.may("admin") else identity.asker
    story = await asyncio.to_thread(answered, Events(services.library.store), tenant, body.event_id, asker)
    event, judged = _event(body), _judged(body, story)
    recorded = await services.library.log.add(
        tenant, event, subject=body.event_id, conversation=story.event.conversation, judged=judged
    )
    warning = {"warning": recorded.warning} if recorded.warning else {}
    return JSONResponse({"event_id": recorded.event_id, **warning}, status_code=201)


def _event(body: FeedbackRequest) -> Event:
    """Raises InvalidRequest when nothing is said."""
    meta = body.model_dump(exclude={"event_id", "tenant", "passages"}, exclude_none=True)
    if body.passages:
        meta["passages"] = [each.model_dump() for each in body.passages]
    if not meta:
        raise InvalidRequest(
            "The feedback says nothing; send thumb, correction, passages or comment.", param="thumb"
        )
    return Event(FEEDBACK, _VALUES.get(body.thumb or "", 0.0), meta)


def _judged(body: FeedbackRequest, story: Story) -> tuple[Judged, ...]:
    """About the words that were searched for, which of a follow-up question are not those that were asked.
    Raises InvalidRequest for a passage that the answer did not have."""
    if not body.passages:
        return ()
    passages = {passage.n: passage for passage in story.passages}
    question = story.retrieval.meta.get("query") if story.retrieval else None
    judged = {}
    for place, each in enumerate(body.passages):
        if each.n not in passages:
            there = f"1 to {len(passages)}" if passages else "none"
            raise InvalidRequest(
                f"passages.{place}.n is {each.n}; the passages of answer {body.event_id} are {there}.",
                param=f"passages.{place}.n",
            )
        passage = passages[each.n]
        grade = None if each.relevant is None else float(each.relevant)
        judged[each.n] = Judged(str(question), passage.source, _hash(passage), grade)
    return tuple(judged.values())


def _hash(passage: Passage) -> str:
    return text_hash(Chunk(passage.title, passage.text, passage.line)).hex()
