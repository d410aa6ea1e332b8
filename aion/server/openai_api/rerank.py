"""`POST /v1/rerank`: documents in the order in which they answer a question, in Jina's and Cohere's form."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.engine.reranker import LlamaReranker
from aion.errors import NotConfigured
from aion.server.access.rates.turns import Turns, turns_of
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.observe.request_record import record_of
from aion.server.schemas import Body, Flag
from aion.server.services import Services

_TOGETHER = 16  # between so many, a client that has gone away is noticed


def _text_of(document: object) -> object:
    return document["text"] if isinstance(document, dict) and "text" in document else document


class TextObject(Body):
    """A document in an object."""

    text: str = Field(description="Its text.")


Document = Annotated[str, BeforeValidator(_text_of, json_schema_input_type=str | TextObject)]


class RerankRequest(Body):
    """What both have in common; a document is a text or an object with a `text`."""

    query: str = Field(description="The question.")
    documents: Annotated[list[Document], Field(min_length=1, max_length=1000)] = Field(
        description="What may answer it, each a text or an object with a `text`."
    )
    model: str | None = Field(None, description="Any name gets the reranker that is set.")
    top_n: Annotated[int, Strict(), Field(ge=1)] | None = Field(
        None, description="How many of the best come back; all without it."
    )
    return_documents: Flag | None = Field(False, description="Send each document's text back with its score.")


async def rerank(request: Request) -> Response:
    """The best first, scores in [0, 1]; what is cut off a long document is not read. Any `model` gets the
    reranker that is set."""
    services: Services = request.app.state.services
    body = await read_body(request, RerankRequest)
    reranker = _set_up(services)
    scores, n_tokens = await unless_gone(request, _judged(turns_of(request), reranker, body))
    record_of(request).count(n_tokens)
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))[: body.top_n]
    results = [_result(i, scores[i], body) for i in order]
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    return JSONResponse({"object": "list", "model": reranker.name, "results": results, "usage": usage})


async def _judged(turns: Turns, reranker: LlamaReranker, body: RerankRequest) -> tuple[list[float], int]:
    """The scores, in the order of the documents, and how many tokens were computed for them."""
    scores, n_tokens = list[float](), 0
    with turns.admitted():
        for start in range(0, len(body.documents), _TOGETHER):
            some = body.documents[start : start + _TOGETHER]
            found, n_computed = await turns.run(reranker.judge, body.query, some)
            scores += found.tolist()
            n_tokens += n_computed
    return scores, n_tokens


def _result(index: int, score: float, body: RerankRequest) -> dict[str, Any]:
    found: dict[str, Any] = {"index": index, "relevance_score": score}
    return found | {"document": {"text": body.documents[index]}} if body.return_documents else found


def _set_up(services: Services) -> LlamaReranker:
    if services.library.reranker is None:
        raise NotConfigured(
            "No reranker is set; name a reranking GGUF in AION_RERANK_MODEL (bge-reranker-v2-m3, made by "
            "aion convert) and start AION again."
        )
    return services.library.reranker
