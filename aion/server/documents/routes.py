"""`/api/documents`: send, list, read and delete documents. Stores nothing itself (intake.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import EngineBusy, InvalidRequest, NotFound
from aion.server.access.identity import identity_of
from aion.server.as_json import chunk_json, listed_json
from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.documents.intake import Intake, SentText, Stored
from aion.server.documents.search import Date
from aion.server.documents.uploads import MAX_FILES, Form, read_form
from aion.server.failures import aion_error, error_body
from aion.server.query import DocumentsQuery, SourceQuery, TenantQuery, read_query
from aion.server.schemas import NOT_BLANK, Body, Tenant
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.store.listing import Listed

MAX_TAGS = 50
_MAX_TEXT_BYTES = 16 * 1024**2  # JSON is parsed where streams are sent; more is for an upload
_BACK_AFTER_S = 10
_JSON_OR_NOT_SAID = (
    "",
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
)  # curl -d, fetch


def _one_line(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("it has line breaks, control characters or spaces at its ends")
    return value


Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_one_line)]
Tag = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]


class TextRequest(Body):
    """`POST /api/documents` with JSON: a text by itself. The same `source` again replaces it."""

    text: str = Field(description="The text, read as Markdown; not empty.", json_schema_extra=NOT_BLANK)
    title: Line | None = Field(None, description="Its title; its first line without it.")
    source: Line | None = Field(
        None, description="Its name: the same again replaces it. Without it the words make one."
    )
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] | None = Field(
        None, description="What a search can be narrowed by."
    )
    date: Date | None = Field(None, description="The day it is of: 2026-01-31.")
    language: Literal["pt", "en"] | None = Field(
        None, description="Its language; found out from its words without it."
    )
    tenant: Tenant = None


class UploadForm(Body):
    """`POST /api/documents` with a form. What else it holds is left out."""

    file: Annotated[list[bytes], Field(min_length=1, max_length=MAX_FILES)] = Field(
        description="One file or several, of AION_MAX_FILE_MB at most; each is stored by its name.",
        json_schema_extra={"items": {"type": "string", "format": "binary"}},
    )
    tags: str | None = Field(None, description="What a search can be narrowed by; several by commas.")
    tenant: Tenant = None


async def add_documents(request: Request) -> Response:
    """{"documents": [...]}, one a file or text; 422 when none could be stored."""
    services: Services = request.app.state.services
    intake = services.library.intake
    with intake.admitted():
        add = _add_files if _media_type(request) == "multipart/form-data" else _add_text
        try:
            stored = await add(request, intake)
        except asyncio.CancelledError:  # at the server's end, when whatever still waits is cancelled
            stopping = EngineBusy("AION is being stopped; send it again when it is back.", _BACK_AFTER_S)
            return aion_error(request, stopping)
    shown = {"documents": [_stored_json(each) for each in stored]}
    if any(each.status != "failed" for each in stored):
        return JSONResponse(shown)
    message = stored[0].error or "" if len(stored) == 1 else f"None of {len(stored)} documents was stored."
    return JSONResponse(error_body(message, "invalid_request_error") | shown, 422)


async def list_documents(request: Request) -> Response:
    """{"documents": [...], "next"}: `next` is the `after` of the following page, null on the last."""
    services: Services = request.app.state.services
    query = read_query(request, DocumentsQuery)
    tenant, limit = await tenant_of(request, query.tenant), query.limit
    found = await asyncio.to_thread(
        services.library.listing.page, tenant, limit + 1, query.after, query.prefix, query.tag or None
    )
    following = found[limit - 1].source if len(found) > limit else None
    return JSONResponse({"documents": [_shown(request, each) for each in found[:limit]], "next": following})


async def show_document(request: Request) -> Response:
    """A document with its chunks in order; 404 when there is none of that number."""
    services: Services = request.app.state.services
    tenant = await _tenant(request)
    listed = await _by_id(services, tenant, request.path_params["id"])
    chunks = await asyncio.to_thread(services.library.listing.chunks, tenant, listed.id)
    return JSONResponse(_shown(request, listed) | {"passages": [chunk_json(chunk) for chunk in chunks]})


async def delete_document(request: Request) -> Response:
    """204; 404 when there is none of that number."""
    services: Services = request.app.state.services
    tenant = await _tenant(request)
    listed = await _by_id(services, tenant, request.path_params["id"])
    return await _deleted(services, tenant, listed.source)


async def delete_source(request: Request) -> Response:
    """`?source=`: 204; 404 when there is none of that source."""
    query = read_query(request, SourceQuery)
    tenant = await tenant_of(request, query.tenant)
    return await _deleted(request.app.state.services, tenant, query.source)


def _shown(request: Request, listed: Listed) -> dict[str, object]:
    """Where a file lies on this machine is told to those who may add some."""
    shown = listed_json(listed)
    is_told = "://" in listed.location or identity_of(request).may("ingest")
    return shown if is_told else shown | {"location": ""}


async def _tenant(request: Request) -> str:
    """`?tenant=`, or that of who asks."""
    return await tenant_of(request, read_query(request, TenantQuery).tenant)


async def _add_files(request: Request, intake: Intake) -> list[Stored]:
    async with read_form(request, intake.max_file_bytes) as form:
        if not form.uploads:
            raise InvalidRequest('The form has no file; send one or more as "file".', param="file")
        tenant = await tenant_of(request, dict(form.fields).get("tenant"), may_be_new=True)
        return await in_background(intake.store_files, tenant, form.uploads, _tags(form))


async def _add_text(request: Request, intake: Intake) -> list[Stored]:
    if _media_type(request) not in _JSON_OR_NOT_SAID:
        raise InvalidRequest(
            f"The body is {_media_type(request)[:80]!r}; send files as multipart/form-data "
            "(curl -F file=@NAME), or a text as JSON."
        )
    body = await read_body(request, TextRequest, limit=min(intake.max_file_bytes, _MAX_TEXT_BYTES))
    text = body.text.replace("\0", "")  # JSON can hold what no text does
    if not text.strip():
        raise InvalidRequest("text is empty; write some.", param="text")
    tenant = await tenant_of(request, body.tenant, may_be_new=True)
    sent = SentText(text, body.title, body.source, body.date, body.language)
    return [await in_background(intake.store_text, tenant, sent, _distinct(body.tags or ()))]


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _tags(form: Form) -> tuple[str, ...]:
    """Those of all `tags` fields, each one tag or several with commas. Raises InvalidRequest."""
    given = [tag for name, value in form.fields if name == "tags" for tag in value.split(",")]
    tags = _distinct(tag.strip() for tag in given if tag.strip())
    wrong = next((tag for tag in tags if len(tag) > 100 or not tag.isprintable()), None)
    if wrong is not None or len(tags) > MAX_TAGS:
        raise InvalidRequest(
            f"tags holds {wrong[:80]!r}; a tag has at most 100 characters, on one line."
            if wrong is not None
            else f"tags holds {len(tags)} tags; give at most {MAX_TAGS}.",
            param="tags",
        )
    return tags


def _distinct(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


async def _by_id(services: Services, tenant: str, given: str) -> Listed:
    listed = None
    if given.isascii() and given.isdecimal() and len(given) <= 18:
        listed = await asyncio.to_thread(services.library.listing.by_id, tenant, int(given))
    if listed is None:
        raise NotFound(f"There is no document {given[:80]!r}; GET /api/documents lists them.", param="id")
    return listed


async def _deleted(services: Services, tenant: str, source: str) -> Response:
    """Deleting waits for no ingestion: the store takes one change at a time by itself."""
    if not await in_background(services.library.documents.delete, tenant, source):
        raise NotFound(
            f"There is no document of source {source[:200]!r}; GET /api/documents lists them.", param="source"
        )
    return Response(status_code=204)


def _stored_json(stored: Stored) -> dict[str, object]:
    shown: dict[str, object] = {"source": stored.source, "status": stored.status, "chunks": stored.n_chunks}
    if stored.document is not None:
        shown["document"] = stored.document
    if stored.error is not None:
        shown["error"] = stored.error
    if stored.note:
        shown["note"] = stored.note
    return shown
