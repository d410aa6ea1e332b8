"""Answers from the documents, the passages behind them, and what is said of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aion.answer.answer import Reason, Used
from aion.server.openapi.answer import ABSENT, Shape


class Passage(Shape):
    """A stretch of a document as it was found."""

    n: int = Field(description="Its number, from 1: `[1]` in a text means this one.")
    chunk: int = Field(description="The chunk's number in the store.")
    document: int = Field(description="The document's number: `GET /api/documents/{id}`.")
    source: str = Field(description="The document's name.")
    title: str = Field(description="The document's title.")
    line: int = Field(description="The line of the document it begins at.")
    score: float = Field(description="What the passages are ordered by: wording and meaning together.")
    cosine: float = Field(description="How near its meaning is to the question's, from -1 to 1.")
    bm25: float = Field(description="How well its wording fits the question's; 0 is not at all.")
    text: str = Field(description="Its words.")
    page: int = Field(ABSENT, description="Its page, in documents that have pages.")
    rerank: float = Field(ABSENT, description="What the reranker makes of it, from 0 to 1, where one is set.")


class Why(Shape):
    """Why a passage was found."""

    lexical_rank: int | None = Field(description="Its place by wording; null where it was not among them.")
    dense_rank: int | None = Field(description="Its place by meaning; null where it was not among them.")
    wording: float = Field(description="The share of the question's wording that it has.")
    stems: list[str] = Field(description="The stems of the question that it has.")


class FoundPassage(Passage):
    """A passage, and why it was found."""

    why: Why = Field(description="Why it was found.")


class Citation(Shape):
    """A place in the text that names a passage."""

    n: int = Field(description="The passage's number.")
    start: int = Field(description="Where `[n]` begins in the text, in characters from 0.")
    end: int = Field(description="Where it ends.")


class Stretch(Shape):
    """A stretch of the text."""

    start: int = Field(description="Where it begins, in characters from 0.")
    end: int = Field(description="Where it ends.")


class AnswerTokens(Shape):
    """Tokens of one generation."""

    prompt_tokens: int = Field(description="Tokens of the prompt.")
    completion_tokens: int = Field(description="Tokens that were written.")
    cached_tokens: int = Field(description="Tokens of the prompt that did not have to be computed.")


class Reasons(Shape):
    """Why it was answered as it was."""

    used: Used = Field(description="Whose text it is; `local` also where AION says that it does not know.")
    C: float = Field(description="How sure AION is of the passages, from 0 to 1.")
    reason: Reason = Field(description="Why the local model answered, or why it did not.")
    citations: list[Citation] = Field(description="Where the text names passages; each was checked.")
    unsupported: list[Stretch] = Field(description="Sentences that share too little with the passages.")
    passages: list[Passage] = Field(description="What the text was written from, or the nearest there is.")
    model: str = Field(description="Who wrote it.")
    adapter: str = Field(description='The adapters it was written with; "" for none.')
    ms: dict[str, float] = Field(description="Milliseconds by stage, and in all.")
    conversation_id: str = Field(description="What the next message of the conversation may name.")
    event_id: int = Field(description="What feedback names, and `GET /api/events/{id}` explains.")
    cost: float = Field(ABSENT, description="What a paid API took, in the currency of AION_FALLBACK_PRICES.")
    warning: str = Field(ABSENT, description="What went wrong beside the answer.")


class Answered(Shape):
    """A text from the documents."""

    text: str = Field(description="The answer, with `[n]` where a passage supports it.")


class ChatAnswer(Reasons, Answered):
    """An answer from the documents, and why it is as it is."""

    usage: AnswerTokens = Field(description="Tokens of the local model or the paid one.")


class Piece(Shape):
    """A piece of the text as it is written."""

    text: str = Field(description="What comes next.")


class FeedbackAnswer(Shape):
    """The feedback is on record."""

    event_id: int = Field(description="The feedback's own event.")
    warning: str = Field(ABSENT, description="What went wrong beside it.")


class Found(Shape):
    """What a question finds."""

    query: str = Field(description="What was searched for.")
    original: str = Field(ABSENT, description="What was asked, where other words were searched for.")
    passages: list[FoundPassage] = Field(description="The passages, best first.")
    stems: list[str] = Field(description="The stems of the question.")
    similar: int = Field(description="How many passages were left out, for they say the same as others.")
    ms: dict[str, float] = Field(description="Milliseconds by stage, and in all.")


class Recorded(Shape):
    """One event as it was written."""

    id: int = Field(description="The event's number.")
    at: str = Field(description="When: UTC, ISO 8601.")
    kind: str = Field(description="What happened: answer, retrieval, fallback, feedback ...")
    value: float = Field(description="The event's figure, 1 for an answer.")
    meta: dict[str, object] = Field(description="What was written with it; each kind has its own.")
    conversation: str = Field(ABSENT, description="The conversation it is of.")
    subject: int = Field(ABSENT, description="The event it is about.")


class StoryPassage(FoundPassage):
    """A passage of an answer."""

    sent: bool = Field(ABSENT, description="Whether the model read it.")
    cited: bool = Field(ABSENT, description="Whether the text names it.")


class Judgment(Shape):
    """What was said of a passage."""

    n: int = Field(description="Its number.")
    relevant: bool = Field(description="Whether it helps to answer the question.")


class Opinion(Shape):
    """What counts of all feedback."""

    thumb: Literal["up", "down"] = Field(ABSENT, description="What one thinks of the answer.")
    correction: str = Field(ABSENT, description="How it should read.")
    comment: str = Field(ABSENT, description="Anything else.")
    relevant: list[Judgment] = Field(ABSENT, description="Which passages help.")


class Story(Recorded):
    """An event, and of an answer all that tells why it was given."""

    retrieval: Recorded = Field(ABSENT, description="What was searched for.")
    passages: list[StoryPassage] = Field(ABSENT, description="What was found.")
    fallback: Recorded = Field(ABSENT, description="Why the paid API was wanted.")
    feedback: list[Recorded] = Field(ABSENT, description="What was said of it, oldest first.")
    opinion: Opinion = Field(ABSENT, description="What counts of that.")
