"""What stands behind the `?` of a request: schemas that validate and describe it, as bodies have theirs."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from starlette.requests import Request

from aion.events.metrics import DEFAULT_K
from aion.server.body import named
from aion.server.schemas import Body, Tenant

_MAX_DIGITS = 9
_DAY: JsonDict = {"pattern": r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"}


class Query(Body):
    """Parameters of a query. One given twice counts as it was given last."""


def _decimal(value: object) -> object:
    """A number as a query has it."""
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS):
        raise ValueError("give a whole number")
    return int(value)


_DECIMAL = BeforeValidator(_decimal)
Schema = TypeVar("Schema", bound=Query)


def read_query(request: Request, schema: type[Schema]) -> Schema:
    """Parse and validate. Raises InvalidRequest that names the parameter."""
    try:
        return schema.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise named(error) from error


class TenantQuery(Query):
    """Whose documents."""

    tenant: Tenant = None


class DocumentsQuery(TenantQuery):
    """Which documents are listed, and how many at once."""

    limit: Annotated[int, Field(ge=1, le=1000), _DECIMAL] = Field(100, description="How many at most.")
    after: str = Field("", description="Those after this source: the `next` of the page before.")
    prefix: str = Field("", description="Those whose source begins so.")
    tag: str | None = Field(None, description="Those that have this tag.")


class SourceQuery(TenantQuery):
    """Which document."""

    source: str = Field(min_length=1, description="The document's source.")


class PeriodQuery(TenantQuery):
    """The days that figures are of. An unknown parameter is refused: the figures would be others."""

    model_config = ConfigDict(extra="forbid")

    from_: str | None = Field(
        None,
        alias="from",
        description="The first day, as 2026-01-31; the last 30 days without it.",
        json_schema_extra=_DAY,
    )
    to: str | None = Field(None, description="The last day; today without it.", json_schema_extra=_DAY)
    tz: str | None = Field(
        None, description="Whose days: UTC, an offset as +01:00 or a zone as Europe/Lisbon."
    )


class SummaryQuery(PeriodQuery):
    """The days, and how many passages nDCG is of."""

    k: Annotated[int, Field(ge=1, le=50), _DECIMAL] = Field(
        DEFAULT_K, description="How many of the first passages count."
    )


class HeatQuery(PeriodQuery):
    """The days, and how many documents are listed."""

    limit: Annotated[int, Field(ge=1, le=200), _DECIMAL] = Field(
        20, description="How many documents at most."
    )
