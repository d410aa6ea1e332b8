"""`/api/documents`: send, list, read and delete documents. Stores nothing itself (intake.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import EngineBusy, InvalidRequest, NotFound
from aion.server.as_json import chunk_json, listed_json
from aion.server.background import in_background
from aion.server.body import read_body
from aion.server.failures import aion_error, error_body
from aion.server.intake import Intake, SentText, Stored
from aion.server.schemas import Body
from aion.server.search import Date
from aion.server.services import Services
from aion.server.uploads import Form, read_form
from aion.store.listing import Listed

MAX_TAGS = 50
MAX_PAGE = 1000
_MAX_TEXT_BYTES = 16 * 1024**2  # JSON is parsed where streams are sent; more is for an upload
_PAGE = 100
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

    text: str
    title: Line | None = None
    source: Line | None = None
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] | None = None
    date: Date | None = None
    language: Literal["pt", "en"] | None = None


async def add_documents(request: Request) -> Response:
    """{"documents": [...]}, one a file or text; 422 when none could be stored."""
    services: Services = request.app.state.services
    intake = services.library.intake
    with intake.admitted():
        add = _add_files if _media_type(request) == "multipart/form-data" else _add_text
        try:
            stored = await add(request, intake, services.settings.tenant)
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
    query = request.query_params
    limit = _limit(query.get("limit"))
    found = await asyncio.to_thread(
        services.library.listing.page, services.settings.tenant, limit + 1, query.get("after", ""),
        query.get("prefix", ""), query.get("tag") or None,
    )  # fmt: skip
    following = found[limit - 1].source if len(found) > limit else None
    return JSONResponse({"documents": [listed_json(each) for each in found[:limit]], "next": following})


async def show_document(request: Request) -> Response:
    """A document with its chunks in order; 404 when there is none of that number."""
    services: Services = request.app.state.services
    listed = await _by_id(services, request.path_params["id"])
    chunks = await asyncio.to_thread(services.library.listing.chunks, services.settings.tenant, listed.id)
    return JSONResponse(listed_json(listed) | {"passages": [chunk_json(chunk) for chunk in chunks]})


async def delete_document(request: Request) -> Response:
    """204; 404 when there is none of that number."""
    services: Services = request.app.state.services
    listed = await _by_id(services, request.path_params["id"])
    return await _deleted(services, listed.source)


async def delete_source(request: Request) -> Response:
    """`?source=`: 204; 404 when there is none of that source."""
    source = request.query_params.get("source")
    if not source:
        raise InvalidRequest(
            "source is missing; name the document to delete, DELETE /api/documents?source=NAME.",
            param="source",
        )
    return await _deleted(request.app.state.services, source)


async def _add_files(request: Request, intake: Intake, tenant: str) -> list[Stored]:
    async with read_form(request, intake.max_file_bytes) as form:
        if not form.uploads:
            raise InvalidRequest('The form has no file; send one or more as "file".', param="file")
        return await in_background(intake.store_files, tenant, form.uploads, _tags(form))


async def _add_text(request: Request, intake: Intake, tenant: str) -> list[Stored]:
    if _media_type(request) not in _JSON_OR_NOT_SAID:
        raise InvalidRequest(
            f"The body is {_media_type(request)[:80]!r}; send files as multipart/form-data "
            "(curl -F file=@NAME), or a text as JSON."
        )
    body = await read_body(request, TextRequest, limit=min(intake.max_file_bytes, _MAX_TEXT_BYTES))
    text = body.text.replace("\0", "")  # JSON can hold what no text does
    if not text.strip():
        raise InvalidRequest("text is empty; write some.", param="text")
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


def _limit(given: str | None) -> int:
    if given is None:
        return _PAGE
    if not given.isdecimal() or not given.isascii() or not 1 <= int(given[:9]) <= MAX_PAGE:
        raise InvalidRequest(f"limit is {given[:80]!r}; give a number from 1 to {MAX_PAGE}.", param="limit")
    return int(given)


async def _by_id(services: Services, given: str) -> Listed:
    listed = None
    if given.isascii() and given.isdecimal() and len(given) <= 18:
        listed = await asyncio.to_thread(services.library.listing.by_id, services.settings.tenant, int(given))
    if listed is None:
        raise NotFound(f"There is no document {given[:80]!r}; GET /api/documents lists them.", param="id")
    return listed


async def _deleted(services: Services, source: str) -> Response:
    """Deleting waits for no ingestion: the store takes one change at a time by itself."""
    if not await in_background(services.library.documents.delete, services.settings.tenant, source):
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
