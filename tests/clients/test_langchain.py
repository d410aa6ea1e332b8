"""LangChain's classes for OpenAI, told only where AION is."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import numpy as np
import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, Field, SecretStr

from tests.server.live import Live

ASK = "Fale do tour half-day"
KEY = SecretStr("none")


class Tour(BaseModel):
    """A tour."""

    hours: int = Field(ge=0, le=9)
    price: int = Field(ge=0, le=99)


@tool
def agenda(dia: Literal["sábado", "domingo"]) -> str:
    """What is on that day."""
    return f"Mercado no {dia}"


def model_of(server: Live, **more: Any) -> ChatOpenAI:
    given = {"model": "any", "temperature": 0, "max_completion_tokens": 12, "max_retries": 0} | more
    return ChatOpenAI(base_url=f"{server.url}/v1", api_key=KEY, **given)


def test_invoke_and_stream_say_the_same(sintra: Live) -> None:
    model = model_of(sintra)
    whole = model.invoke([SystemMessage("Seja breve."), HumanMessage(ASK)])
    pieces = list(model.stream([SystemMessage("Seja breve."), HumanMessage(ASK)], stream_usage=True))
    assert "".join(str(piece.content) for piece in pieces) == whole.content != ""
    together = sum(pieces[1:], pieces[0])
    assert isinstance(together, AIMessageChunk)
    assert together.usage_metadata is not None
    assert (
        together.usage_metadata["output_tokens"]
        == whole.response_metadata["token_usage"]["completion_tokens"]
    )


def test_a_batch_is_answered_in_its_order(sintra: Live) -> None:
    answers = model_of(sintra).batch([ASK, "Olá", ASK])
    assert answers[0].content == answers[2].content
    assert asyncio.run(model_of(sintra).ainvoke(ASK)).content == answers[0].content


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_is_an_object(calling: Live, method: Any) -> None:
    model = model_of(calling, max_completion_tokens=200).with_structured_output(Tour, method=method)
    assert isinstance(model.invoke("Um tour"), Tour)


def test_a_bound_tool_is_called_and_its_answer_told(calling: Live) -> None:
    model = model_of(calling, max_completion_tokens=200)
    asked: list[Any] = [HumanMessage("O que há no sábado?")]
    called = model.bind_tools([agenda], tool_choice="required", parallel_tool_calls=False).invoke(asked)
    (call,) = called.tool_calls
    assert call["name"] == "agenda"
    answer = agenda.invoke(call)
    assert isinstance(answer, ToolMessage)
    told = model_of(calling).bind_tools([agenda]).invoke([*asked, called, answer])
    assert told.type == "ai"


def test_a_tool_without_a_template_for_it_is_refused_in_words(sintra: Live) -> None:
    with pytest.raises(openai.BadRequestError, match="tools"):
        model_of(sintra).bind_tools([agenda]).invoke(ASK)


def test_the_responses_form(sintra: Live) -> None:
    model = model_of(sintra, use_responses_api=True)
    assert model.invoke(ASK).text == model_of(sintra).invoke(ASK).content


def test_embeddings_are_those_of_the_documents(sintra: Live) -> None:
    """LangChain sends token ids of OpenAI's vocabulary unless it is told that texts are wanted."""
    embedder = sintra.services.library.embedder
    given: dict[str, Any] = {"base_url": f"{sintra.url}/v1", "api_key": KEY}
    made = OpenAIEmbeddings(model="any", check_embedding_ctx_length=False, **given)
    texts = ["O tour half-day custa 55 €.", "Olá"]
    expected = embedder.embed_tokens([embedder.tokenize(text) for text in texts])
    assert np.allclose(made.embed_documents(texts), expected, atol=1e-5)
    assert np.allclose(made.embed_query(texts[0]), expected[0], atol=1e-5)


def test_a_conversation_that_is_too_long_is_known_as_one(sintra: Live) -> None:
    with pytest.raises(ContextOverflowError):
        model_of(sintra).invoke("palavra " * 5000)
