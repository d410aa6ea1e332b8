"""A multipart form as it comes in: at most so many bytes, files and fields, and no name that is a path.

Knows nothing of what the files hold.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message, Receive

from aion.errors import InvalidRequest
from aion.server.arrival import Arrival, BodyTooLarge

MAX_FILES = 100
MAX_FIELDS = 20
MAX_FIELD_BYTES = 64 * 1024
MAX_NAME_BYTES = 200
_FILES_OF_LIMIT = 4  # a whole upload may be as large as so many files of the largest size
_PARTS_BYTES = 1024 * 1024  # the headers of the parts and the fields
_TAIL_BYTES = 1024  # the last boundary is in them
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # Unicode categories: controls, marks of direction, halves of pairs


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent: a name without any folder ("" when there is none left), its content, its size."""

    name: str
    file: BinaryIO
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Form:
    """What a multipart body held; `fields` are those that are no files, in order."""

    uploads: tuple[Upload, ...]
    fields: tuple[tuple[str, str], ...]


@contextlib.asynccontextmanager
async def read_form(request: Request, max_file_bytes: int) -> AsyncGenerator[Form, None]:
    """The form of a request; its files are on the disk past some kilobytes and are gone after the block.

    Raises BodyTooLarge, BodyTooSlow, InvalidRequest for what is no multipart form, ClientDisconnect.
    """
    limit = _FILES_OF_LIMIT * max_file_bytes + _PARTS_BYTES
    too_large = (
        f"The upload is over {limit // 1024**2} MB; send fewer files at once, or raise AION_MAX_FILE_MB."
    )
    _refuse_length(request, limit, too_large)
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary", b"")
    arriving = _Whole(Arrival(request.receive, limit, too_large), boundary)
    parser = _Parser(
        request.headers,
        Request(request.scope, arriving).stream(),
        max_files=MAX_FILES,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidRequest(
            f"The form cannot be read ({error.message.rstrip('.')}); send multipart/form-data with at most "
            f"{MAX_FILES} files and {MAX_FIELDS} fields."
        ) from error
    items = form.multi_items()
    try:
        yield Form(
            tuple(_upload(value) for _, value in items if isinstance(value, UploadFile)),
            tuple((name, value) for name, value in items if isinstance(value, str)),
        )
    finally:
        for _, value in items:
            if isinstance(value, UploadFile):
                value.file.close()  # without waiting: a server that stops cancels whoever waits


def safe_name(given: str) -> str:
    """The last part of a client's path, in one Unicode form and without what file systems or terminals take
    amiss; a long one is cut and keeps its suffix. "" when nothing is left."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    if re.match(r"[A-Za-z]:", last):
        last = last[2:]
    kept = "".join(c for c in last if unicodedata.category(c) not in _UNSEEN)
    return _shortened(" ".join(kept.split()).lstrip(".").strip())


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) <= 16 else ""
    stem = name.removesuffix(suffix).encode()[: MAX_NAME_BYTES - len(suffix.encode())]
    return stem.decode(errors="ignore").rstrip() + suffix


class _Parser(MultiPartParser):
    """A hundred files of a megabyte each are not held in memory."""

    spool_max_size = 64 * 1024


class _Whole:
    """A request's messages; one that ends without its last boundary is refused here, where the parser still
    closes its files."""

    def __init__(self, receive: Receive, boundary: bytes) -> None:
        self._receive = receive
        self._end = b"--" + boundary + b"--"
        self._tail = b""

    async def __call__(self) -> Message:
        message = await self._receive()
        self._tail = (self._tail + message.get("body", b"")[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        if message["type"] == "http.request" and not message.get("more_body") and self._end not in self._tail:
            raise InvalidRequest("The form breaks off before its end; send it again.")
        return message


def _refuse_length(request: Request, limit: int, too_large: str) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise BodyTooLarge(too_large)


def _upload(sent: UploadFile) -> Upload:
    return Upload(safe_name(sent.filename or ""), sent.file, sent.size or 0)
