"""`GET /v1/models`: what a client may name in `model`, and which of them answers."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import InvalidRequest, NotFound
from aion.server.schemas import AdapterList, adapter_choices
from aion.server.services import Services
from aion.types import AdapterChoice

DOCUMENTS = "aion-rag"
_STARTED = int(time.time())


async def list_models(request: Request) -> Response:
    """The base model that is loaded, and, as models whose parent is the base, each adapter and the one that
    answers from the documents."""
    services: Services = request.app.state.services
    return JSONResponse({"object": "list", "data": _cards(services)})


async def show_model(request: Request) -> Response:
    """One of them. Raises NotFound."""
    services: Services = request.app.state.services
    name = request.path_params["name"]
    card = next((card for card in _cards(services) if card["id"] == name), None)
    if card is None:
        raise NotFound(f"There is no model {name!r}; GET /v1/models lists what there is.", param="model")
    return JSONResponse(card)


def _cards(services: Services) -> list[dict[str, object]]:
    base = services.generator.model_name
    card = {"object": "model", "created": _STARTED, "owned_by": "aion"}
    named = [*(adapter.name for adapter in services.adapters.adapters.current()), DOCUMENTS]
    return [{"id": base, **card}, *({"id": name, **card, "parent": base} for name in named)]


def answering(adapters: list[AdapterChoice] | None, services: Services) -> str:
    """The id that answers: an adapter's where it is one alone, else the base's."""
    if adapters is None:
        return services.adapters.adapters.default or services.generator.model_name
    return adapters[0].name if len(adapters) == 1 else services.generator.model_name


def refuse_documents(model: str | None, route: str) -> None:
    """Raise InvalidRequest where the model of the documents is asked by a route that cannot ask them: a model
    alone would invent an answer."""
    if model == DOCUMENTS:
        raise InvalidRequest(
            f"{route} does not ask the documents; send {DOCUMENTS!r} to POST /v1/chat/completions, or leave "
            "model out.",
            param="model",
        )


def adapters_of(model: str | None, chosen: AdapterList, services: Services) -> list[AdapterChoice] | None:
    """Those a request asks for, by `adapter` or, where it is absent, by a `model` that is one's name."""
    if chosen is None and model in {a.name for a in services.adapters.adapters.current()}:
        return [AdapterChoice(str(model))]
    return adapter_choices(chosen)
