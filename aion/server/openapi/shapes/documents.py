"""Documents as they are listed, read and sent, and the dataset made of answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aion.server.openapi.answer import ABSENT, Shape
from aion.server.openapi.shapes.error import ErrorDetails


class Document(Shape):
    """A document without its text."""

    document: int = Field(description="Its number.")
    source: str = Field(description="Its name: a file's, a page's address, or what was given.")
    title: str = Field(description="Its title.")
    location: str = Field(
        description='Where it was read, "" for what was sent; a path is told with the role ingest only.'
    )
    language: str = Field(description="pt or en.")
    date: str | None = Field(description="The day it is of.")
    tags: list[str] = Field(description="What a search can be narrowed by.")
    chunks: int = Field(description="How many passages it was cut into.")
    bytes: int = Field(description="How large it was.")
    added_at: str = Field(description="When it came, or was replaced: UTC, ISO 8601.")


class ChunkShown(Shape):
    """A passage of a document."""

    chunk: int = Field(description="The chunk's number.")
    line: int = Field(description="The line it begins at.")
    text: str = Field(description="Its words.")
    page: int = Field(ABSENT, description="Its page, in documents that have pages.")
    twin_of: int = Field(ABSENT, description="The chunk that has the same words, where another has.")


class DocumentRead(Document):
    """A document with its passages in order."""

    passages: list[ChunkShown] = Field(description="Its passages.")


class DocumentsPage(Shape):
    """Some of the documents, by their sources."""

    documents: list[Document] = Field(description="Those of this page.")
    next: str | None = Field(description="The `after` of the next page; null on the last.")


class StoredDocument(Shape):
    """What became of one that was sent."""

    source: str = Field(description="Its name from now on.")
    status: Literal["added", "changed", "unchanged", "failed"] = Field(description="What became of it.")
    chunks: int = Field(description="How many passages it has.")
    document: int = Field(ABSENT, description="Its number; absent where it failed.")
    error: str = Field(ABSENT, description="Why it failed.")
    note: str = Field(ABSENT, description="What of it was not read.")


class DocumentsStored(Shape):
    """What became of all that were sent; one at least is stored."""

    documents: list[StoredDocument] = Field(description="One for each, in order.")


class NoneStored(DocumentsStored):
    """Nothing could be stored."""

    error: ErrorDetails = Field(description="Why.")


class DatasetExported(Shape):
    """The file is up to date."""

    ok: Literal[True] = Field(description="true")
    path: str = Field(description="The file, on AION's machine.")
    n_rows: int = Field(description="Rows in it now.")
    n_new: int = Field(description="Rows that are new.")
    n_changed: int = Field(description="Rows that were made anew.")
    n_removed: int = Field(description="Rows that were taken out.")
    left_out: dict[str, int] = Field(description="New events that are not in it, by reason.")
    masked: dict[str, int] = Field(description="Personal data masked in the new rows, by kind.")
