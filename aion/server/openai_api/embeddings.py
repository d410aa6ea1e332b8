"""`POST /v1/embeddings` in OpenAI's form, by the embedder that serves the documents."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field, Strict
from starlette.requests import Request
from starlette.responses import Response

from aion.engine.embedder import LlamaEmbedder
from aion.errors import InvalidRequest
from aion.server.access.rates.turns import Turns, turns_of
from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.observe.request_record import record_of
from aion.server.schemas import Body
from aion.server.services import Services
from aion.types import Vectors

_MOST_INPUTS = 2048
_TOGETHER = 16  # between so many, a client that has gone away is noticed


def _inputs(value: object) -> object:
    """A list of texts and lists of tokens; one text, or one text as tokens, is a list of one."""
    is_one = isinstance(value, str) or _is_tokens(value)
    listed = [value] if is_one else value
    if not isinstance(listed, list) or not all(isinstance(each, str) or _is_tokens(each) for each in listed):
        raise ValueError("send a text, a list of texts, or token ids as a list or a list of lists")
    if not 0 < len(listed) <= _MOST_INPUTS:
        raise ValueError(f"send 1 to {_MOST_INPUTS} texts, not {len(listed)}")
    return listed


def _is_tokens(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(token) is int for token in value)


_Tokens = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
_Several = Annotated[list[str | _Tokens], Field(min_length=1, max_length=_MOST_INPUTS)]
Inputs = Annotated[
    list[str | list[int]], BeforeValidator(_inputs, json_schema_input_type=str | _Tokens | _Several)
]


class EmbeddingsRequest(Body):
    """OpenAI's fields, and `input_type`, as others have it: the model's words before a question or a passage
    are put there. Without it the text is taken as it is."""

    input: Inputs = Field(description="A text or its token ids, or several of either.")
    model: str | None = Field(None, description="Any name gets the embedder that serves the documents.")
    encoding_format: Literal["float", "base64"] | None = Field(
        "float", description="Numbers, or the bytes of 32-bit floats, least significant first, as base64."
    )
    dimensions: Annotated[int, Strict(), Field(ge=1)] | None = Field(
        None, description="Keep so many of the first numbers; all without it."
    )
    input_type: Literal["query", "passage", "document"] | None = Field(
        None, description="Put the model's own words for that before each text; none without it."
    )


async def embeddings(request: Request) -> Response:
    """Vectors of length 1. `dimensions` keeps the first ones and makes the length 1 again: meaningful for
    models trained for it (Matryoshka), and not refused for others. Any `model` gets the embedder."""
    services: Services = request.app.state.services
    body = await read_body(request, EmbeddingsRequest)
    embedder = services.library.embedder
    if body.dimensions and body.dimensions > embedder.n_dims:
        raise InvalidRequest(
            f"dimensions is {body.dimensions}, and {embedder.model_name} has {embedder.n_dims}.",
            param="dimensions",
        )
    vectors, n_tokens = await unless_gone(request, _embedded(turns_of(request), embedder, body))
    record_of(request).count(n_tokens)
    content = await in_background(_content, embedder.model_name, vectors, n_tokens, body.encoding_format)
    return Response(content, media_type="application/json")


def _content(model: str, vectors: Vectors, n_tokens: int, encoding: str | None) -> str:
    """The answer as JSON, a vector at a time: one call for thousands would keep the interpreter's lock for
    a second, and every stream with it."""
    as_text = encoding == "base64"
    data = ", ".join(
        json.dumps(
            {
                "object": "embedding",
                "index": index,
                "embedding": _as_base64(row) if as_text else row.tolist(),
            }
        )
        for index, row in enumerate(vectors)
    )
    usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
    rest = json.dumps({"object": "list", "model": model, "usage": usage})
    return f'{rest[:-1]}, "data": [{data}]}}'


async def _embedded(turns: Turns, embedder: LlamaEmbedder, body: EmbeddingsRequest) -> tuple[Vectors, int]:
    """The vectors, and how many tokens were computed for them."""
    with turns.admitted():
        inputs = await turns.run(_tokenized, embedder, body)
        order = sorted(range(len(inputs)), key=lambda index: len(inputs[index]))
        vectors = np.empty((len(inputs), embedder.n_dims), np.float32)
        for start in range(0, len(order), _TOGETHER):
            some = order[start : start + _TOGETHER]
            vectors[some] = await turns.run(embedder.embed_tokens, [inputs[index] for index in some])
    if body.dimensions:
        vectors = vectors[:, : body.dimensions]
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors, sum(map(len, inputs))


def _tokenized(embedder: LlamaEmbedder, body: EmbeddingsRequest) -> list[list[int]]:
    """Raises InvalidRequest for what the model cannot read."""
    before = {"query": embedder.query_prefix, None: ""}.get(body.input_type, embedder.passage_prefix)
    inputs = [
        embedder.tokenize(before + each) if isinstance(each, str) else _checked(index, each, embedder)
        for index, each in enumerate(body.input)
    ]
    for index, tokens in enumerate(inputs):
        if len(tokens) > embedder.max_tokens:
            raise InvalidRequest(
                f"input[{index}] has {len(tokens)} tokens, and {embedder.model_name} reads "
                f"{embedder.max_tokens} at most; shorten or divide it.",
                param="input",
            )
    return inputs


def _checked(index: int, tokens: Sequence[int], embedder: LlamaEmbedder) -> list[int]:
    """Ids of the model as they are. Raises InvalidRequest for one it does not have."""
    for token in tokens:
        if not 0 <= token < embedder.n_vocab:
            raise InvalidRequest(
                f"input[{index}] names the token {token}, and {embedder.model_name} has tokens 0 to "
                f"{embedder.n_vocab - 1}.",
                param="input",
            )
    return list(tokens)


def _as_base64(row: Vectors) -> str:
    """Little-endian float32, as OpenAI sends it."""
    return base64.b64encode(row.astype("<f4").tobytes()).decode()
