"""`POST /tokenize`, `/detokenize` and `/apply-template`: what the model makes of a text."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, Strict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.engine.continuation import Continuation
from aion.server.access.rates.turns import in_turn
from aion.server.body import read_body
from aion.server.openai_api.request import messages_of
from aion.server.openai_api.schemas import ChatMessage
from aion.server.schemas import Body, Flag
from aion.server.services import Services
from aion.server.whole_json import WholeJson


class TokenizeRequest(Body):
    """A text; `add_special` puts the model's own first token before it, `parse_special` reads control tokens
    in it, `with_pieces` gives each token's text as well."""

    content: str = Field(description="The text.")
    add_special: Flag | None = Field(False, description="Put the model's own first token before it.")
    parse_special: Flag | None = Field(False, description="Read control tokens in the text as such.")
    with_pieces: Flag | None = Field(False, description="Give each token's text as well.")


class DetokenizeRequest(Body):
    """Tokens by their ids."""

    tokens: list[Annotated[int, Strict(), Field(ge=0)]] = Field(
        description="Ids, as `POST /tokenize` gives them."
    )


class TemplateRequest(Body):
    """A conversation as `POST /v1/chat/completions` takes it."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)] = Field(
        description="The conversation, oldest first."
    )


async def tokenize(request: Request) -> Response:
    """{"tokens": [id]}, or [{"id", "piece"}]; a piece that is no whole text is a list of its bytes."""
    services: Services = request.app.state.services
    body = await read_body(request, TokenizeRequest)
    continuation = Continuation(services.serving)
    tokens = await in_turn(
        request,
        continuation.tokenize,
        body.content,
        special=bool(body.parse_special),
        bos=bool(body.add_special),
    )
    shown: list[Any] = list(tokens)
    if body.with_pieces:
        pieces = await in_turn(request, continuation.pieces, tokens)
        shown = [{"id": id_, "piece": _shown(piece)} for id_, piece in zip(tokens, pieces, strict=True)]
    return JSONResponse({"tokens": shown})


async def detokenize(request: Request) -> Response:
    """{"content": text}."""
    services: Services = request.app.state.services
    body = await read_body(request, DetokenizeRequest)
    text = await in_turn(request, Continuation(services.serving).detokenize, body.tokens)
    return JSONResponse({"content": text})


async def apply_template(request: Request) -> Response:
    """{"prompt": text}: the conversation as the model's template has it, control tokens spelled out."""
    services: Services = request.app.state.services
    body = await read_body(request, TemplateRequest)
    template = services.serving.current.template
    prompt = await in_turn(request, template.render, messages_of(body.messages))
    return WholeJson({"prompt": prompt})


def _shown(piece: bytes) -> str | list[int]:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)
