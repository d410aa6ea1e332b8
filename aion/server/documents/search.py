"""`POST /api/search`: the passages a question finds, with their scores. Nothing is generated."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, Strict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import InvalidRequest
from aion.server.access.rates.turns import in_turn
from aion.server.as_json import retrieval_json
from aion.server.body import read_body
from aion.server.disconnect import unless_gone
from aion.server.events.iso_date import is_reversed, iso_date
from aion.server.schemas import NOT_BLANK, Body, Tenant
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.types import Filters

MAX_PASSAGES = 50
_N_PASSAGES = 8
N_NEAREST = 24


def whole_characters(value: str) -> str:
    """JSON can hold halves of surrogate pairs, which nothing else takes; they become question marks."""
    return value.encode("utf-8", "replace").decode()


Date = Annotated[
    str,
    AfterValidator(iso_date),
    Field(json_schema_extra={"anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]
Text = Annotated[str, Field(min_length=1, max_length=4096)]


class FilterFields(Body):
    """Which documents may be found. An unknown filter is refused: left out, it would let everything in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Text | None = Field(None, description="This document only.")
    path_prefix: Text | None = Field(None, description="Documents whose source begins so.")
    date_from: Date | None = Field(None, description="Documents of this day or later: 2026-01-31.")
    date_to: Date | None = Field(None, description="Documents of this day or earlier.")
    tags: Annotated[list[Text], Field(max_length=50)] | None = Field(
        None, description="Documents that have all of these."
    )

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

    query: Annotated[str, AfterValidator(whole_characters)] = Field(
        description="What to look for; not empty.", json_schema_extra=NOT_BLANK
    )
    k: Annotated[int, Strict(), Field(ge=1, le=MAX_PASSAGES)] | None = Field(
        _N_PASSAGES, description="How many passages at most."
    )
    filters: FilterFields | None = Field(None, description="Which documents may be found.")
    tenant: Tenant = None


async def search(request: Request) -> Response:
    """{"query", "passages", "ms"}; `query` is what was searched for."""
    services: Services = request.app.state.services
    body = await read_body(request, SearchRequest)
    if not body.query.strip():
        raise InvalidRequest("The query is empty; write what to look for.", param="query")
    k = body.k or _N_PASSAGES
    filters = body.filters.filters() if body.filters else None
    work = in_turn(
        request,
        services.library.retriever.retrieve,
        await tenant_of(request, body.tenant),
        body.query,
        max(N_NEAREST, k),
        k,
        filters,
    )
    return JSONResponse(retrieval_json(await unless_gone(request, work)))
