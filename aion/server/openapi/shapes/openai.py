"""Answers of OpenAI's surface, and of those who added to it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aion.server.openapi.answer import ABSENT, Shape
from aion.server.openapi.shapes.chat import Reasons


class CachedTokens(Shape):
    """Of the prompt."""

    cached_tokens: int = Field(description="Tokens that did not have to be computed.")


class CompletionUsage(Shape):
    """Tokens of all choices; their prompt counts once."""

    prompt_tokens: int = Field(description="Tokens of the prompt.")
    completion_tokens: int = Field(description="Tokens that were written.")
    total_tokens: int = Field(description="Both.")
    prompt_tokens_details: CachedTokens = Field(description="Of the prompt.")


class TokenChance(Shape):
    """A token and its log probability."""

    token: str = Field(description="Its text.")
    logprob: float = Field(description="The natural logarithm of its probability.")
    bytes: list[int] = Field(description="Its bytes, where it is no whole text.")


class DrawnToken(TokenChance):
    """A token that was drawn."""

    top_logprobs: list[TokenChance] = Field(description="The likeliest in its place, best first.")


class ChoiceLogprobs(Shape):
    """Token by token."""

    content: list[DrawnToken] = Field(description="The tokens of the text.")


class CalledFunction(Shape):
    """What is to be called."""

    name: str = Field(description="The function.")
    arguments: str = Field(description="A JSON object as text.")


class ToolCallMade(Shape):
    """A call that the model wants."""

    id: str = Field(description="What the answer to it names.")
    type: Literal["function"] = Field(description="The only kind there is.")
    function: CalledFunction = Field(description="What is to be called.")


class AssistantMessage(Shape):
    """What the model says."""

    role: Literal["assistant"] = Field(description="Who says it.")
    content: str | None = Field(description="The text; null where it only calls.")
    tool_calls: list[ToolCallMade] = Field(ABSENT, description="What it calls.")


FinishReason = Literal["stop", "length", "tool_calls"]


class ChatChoice(Shape):
    """One of the answers."""

    index: int = Field(description="Which one, from 0.")
    message: AssistantMessage = Field(description="What the model says.")
    finish_reason: FinishReason = Field(description="Why it ended there.")
    logprobs: ChoiceLogprobs | None = Field(description="Where they were asked for.")


class ChatCompletion(Shape):
    """A chat completion, whole."""

    id: str = Field(description="Its id.")
    object: Literal["chat.completion"] = Field(description="What this is.")
    created: int = Field(description="When: seconds since 1970.")
    model: str = Field(description="Who answered.")
    choices: list[ChatChoice] = Field(description="The answers.")
    usage: CompletionUsage = Field(description="Tokens.")
    aion: Reasons = Field(ABSENT, description="Why, where the documents were asked.")


class CallPart(Shape):
    """A piece of a call's function."""

    name: str = Field(ABSENT, description="The function; with the first piece.")
    arguments: str = Field(description="What comes next of the arguments.")


class ToolCallPiece(Shape):
    """A piece of a call."""

    index: int = Field(description="Which call, from 0.")
    id: str = Field(ABSENT, description="What the answer to it names; with the first piece.")
    type: Literal["function"] = Field(ABSENT, description="With the first piece.")
    function: CallPart = Field(description="The piece.")


class ChatDelta(Shape):
    """What is new."""

    role: Literal["assistant"] = Field(ABSENT, description="In the first piece.")
    content: str = Field(ABSENT, description="What comes next of the text.")
    tool_calls: list[ToolCallPiece] = Field(ABSENT, description="What comes next of a call.")


class ChunkChoice(Shape):
    """A piece of one of the answers."""

    index: int = Field(description="Which one, from 0.")
    delta: ChatDelta = Field(description="What is new.")
    finish_reason: FinishReason | None = Field(description="In the last piece: why it ended there.")
    logprobs: ChoiceLogprobs | None = Field(description="Where they were asked for.")


class ChatCompletionChunk(Shape):
    """A piece of a streamed chat completion."""

    id: str = Field(description="The same in all pieces.")
    object: Literal["chat.completion.chunk"] = Field(description="What this is.")
    created: int = Field(description="When: seconds since 1970.")
    model: str = Field(description="Who answers.")
    choices: list[ChunkChoice] = Field(description="What is new; empty beside the usage.")
    usage: CompletionUsage = Field(ABSENT, description="In the last piece, where it was asked for.")
    aion: Reasons = Field(ABSENT, description="With the end, where the documents were asked.")


class TextLogprobs(Shape):
    """Token by token, in four lists."""

    tokens: list[str] = Field(description="The tokens' texts.")
    token_logprobs: list[float] = Field(description="The logarithms of their probabilities.")
    top_logprobs: list[dict[str, float]] = Field(description="The likeliest in the place of each.")
    text_offset: list[int] = Field(description="Where each begins, in characters.")


class TextChoice(Shape):
    """One of the texts."""

    index: int = Field(description="Which one, from 0, in the order of the prompts.")
    text: str = Field(description="What comes after the prompt, or, in a stream, what is new of it.")
    finish_reason: Literal["stop", "length"] | None = Field(description="Why it ended there.")
    logprobs: TextLogprobs | None = Field(description="Where they were asked for.")


class TextCompletion(Shape):
    """Texts gone on with, whole or, in a stream, a piece of them."""

    id: str = Field(description="Its id; the same in all pieces.")
    object: Literal["text_completion"] = Field(description="What this is.")
    created: int = Field(description="When: seconds since 1970.")
    model: str = Field(description="Who wrote it.")
    choices: list[TextChoice] = Field(description="The texts.")
    usage: CompletionUsage = Field(ABSENT, description="Tokens; of a stream in its last piece, if asked for.")


class InputUsage(Shape):
    """Tokens that were read."""

    prompt_tokens: int = Field(description="Tokens that were read.")
    total_tokens: int = Field(description="The same.")


class Embedding(Shape):
    """The vector of one text."""

    object: Literal["embedding"] = Field(description="What this is.")
    index: int = Field(description="Which text, from 0.")
    embedding: list[float] | str = Field(description="Its numbers, or their bytes as base64.")


class Embeddings(Shape):
    """A vector of length 1 for each text."""

    object: Literal["list"] = Field(description="What this is.")
    model: str = Field(description="The embedder.")
    data: list[Embedding] = Field(description="The vectors, in the order of the texts.")
    usage: InputUsage = Field(description="Tokens.")


class RankedText(Shape):
    """A document as it was sent."""

    text: str = Field(description="Its text.")


class RankedDocument(Shape):
    """A document and how well it answers."""

    index: int = Field(description="Which document, from 0, in the order they were sent.")
    relevance_score: float = Field(description="How well it answers, from 0 to 1.")
    document: RankedText = Field(ABSENT, description="Where `return_documents` asks.")


class Reranked(Shape):
    """The documents, best first."""

    object: Literal["list"] = Field(description="What this is.")
    model: str = Field(description="The reranker.")
    results: list[RankedDocument] = Field(description="The documents, best first.")
    usage: InputUsage = Field(description="Tokens.")


class ModelCard(Shape):
    """What a request may name in `model`."""

    id: str = Field(description="Its name.")
    object: Literal["model"] = Field(description="What this is.")
    created: int = Field(description="When AION was started: seconds since 1970.")
    owned_by: str = Field(description="aion")
    parent: str = Field(ABSENT, description="The base model, of an adapter or of the documents' model.")


class Models(Shape):
    """The base model, each adapter, and `aion-rag`, which answers from the documents."""

    object: Literal["list"] = Field(description="What this is.")
    data: list[ModelCard] = Field(description="The models.")
