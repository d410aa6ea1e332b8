"""`POST /api/search`: the passages a question finds, with their scores. Nothing is generated."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, Strict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import InvalidRequest
from aion.server.as_json import retrieval_json
from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.iso_date import is_reversed, iso_date
from aion.server.schemas import Body
from aion.server.services import Services
from aion.types import Filters

MAX_PASSAGES = 50
_N_PASSAGES = 8
N_NEAREST = 24


def whole_characters(value: str) -> str:
    """JSON can hold halves of surrogate pairs, which nothing else takes; they become question marks."""
    return value.encode("utf-8", "replace").decode()


Date = Annotated[str, AfterValidator(iso_date)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]


class FilterFields(Body):
    """Which documents may be found. An unknown filter is refused: left out, it would let everything in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Text | None = None
    path_prefix: Text | None = None
    date_from: Date | None = None
    date_to: Date | None = None
    tags: Annotated[list[Text], Field(max_length=50)] | None = None

    def filters(self) -> Filters:
        """As the retriever takes them. Raises InvalidRequest for dates that leave nothing."""
        if is_reversed(self.date_from, self.date_to):
            raise InvalidRequest(
                f"filters.date_to is {self.date_to}, before filters.date_from {self.date_from}; "
                "turn them round.",
                param="filters.date_to",
            )
        tags = tuple(dict.fromkeys(self.tags or ()))
        return Filters(self.source, self.path_prefix, self.date_from, self.date_to, tags)


class SearchRequest(Body):
    """`POST /api/search`."""

    query: Annotated[str, AfterValidator(whole_characters)]
    k: Annotated[int, Strict(), Field(ge=1, le=MAX_PASSAGES)] | None = _N_PASSAGES
    filters: FilterFields | None = None


async def search(request: Request) -> Response:
    """{"query", "passages", "ms"}; `query` is what was searched for."""
    services: Services = request.app.state.services
    body = await read_body(request, SearchRequest)
    if not body.query.strip():
        raise InvalidRequest("The query is empty; write what to look for.", param="query")
    k = body.k or _N_PASSAGES
    filters = body.filters.filters() if body.filters else None
    work = in_background(
        services.library.retriever.retrieve,
        services.settings.tenant,
        body.query,
        max(N_NEAREST, k),
        k,
        filters,
    )
    return JSONResponse(retrieval_json(await unless_gone(request, work)))
