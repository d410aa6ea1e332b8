"""Fetches files into huggingface_hub's cache, large ones in a way that goes on after any interruption.

The library gives a file a new temporary name in every process and deletes it on failure, so that 4 GB
begin again after a broken line; here the part that came stays beside its blob.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, get_session, hf_hub_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # they are public all the same
    build_hf_headers,
    disable_progress_bars,
    hf_raise_for_status,
)

from aion.convert.hub.failures import told_of
from aion.convert.hub.repository import RemoteFile, Repository
from aion.convert.lock import locked
from aion.errors import HubError

# (file, bytes here of all files, bytes of all files)
DownloadProgress = Callable[[str, int, int], None]
_Failure = httpx2.TransportError | HfHubHTTPError
_TIMEOUT_S = 30
_TRIES = 5
_PAUSE_S = 1.0  # after the first failure, twice that after the second ...


def download(
    repository: Repository,
    names: Sequence[str],
    progress: DownloadProgress | None = None,
    *,
    are_all: bool = True,
) -> Path:
    """Fetch `names` in this order and return the snapshot folder that holds them.

    What is here already is not asked for. The revision points at the snapshot only when all came, unless
    they are not all that will be needed (`are_all` false): an older whole one stays of use until then.
    HubError for every failure; a second call goes on where the first ended.
    """
    disable_progress_bars()
    tally = _Tally(sum(repository.files[name].n_bytes for name in names), progress)
    with told_of(repository.hub_id):
        _refuse_full_disk(repository, names)
        for name in names:
            path = _fetch(repository, repository.files[name], tally)
        wanted = repository.hub_id
        if are_all:
            hf_hub_download(wanted.repository, names[0], revision=wanted.revision)
    return Path(str(path).removesuffix(names[-1]))


class _Tally:
    """Bytes of the files that are here, and of the one that comes."""

    def __init__(self, total: int, progress: DownloadProgress | None) -> None:
        self._before, self._total, self._progress = 0, total, progress

    def show(self, file: RemoteFile, n_bytes: int) -> None:
        if self._progress is not None:
            self._progress(file.name, self._before + n_bytes, self._total)

    def finish(self, file: RemoteFile) -> None:
        self.show(file, file.n_bytes)
        self._before += file.n_bytes


def _fetch(repository: Repository, file: RemoteFile, tally: _Tally) -> str:
    tally.show(file, 0)
    name = repository.hub_id.repository
    if file.is_large:
        blob = _blob(repository, file)
        blob.parent.mkdir(parents=True, exist_ok=True)
        _fetch_blob(repository, file, blob, tally)
    path = hf_hub_download(name, file.name, revision=repository.commit)
    tally.finish(file)
    return path


def _fetch_blob(repository: Repository, file: RemoteFile, blob: Path, tally: _Tally) -> None:
    part = _part(blob)
    url = hf_hub_url(repository.hub_id.repository, file.name, revision=repository.commit)
    with locked(_lock(repository, file)):
        failures = 0
        while not blob.exists() and (at := _size(part)) < file.n_bytes:
            error = _round(url, part, file, lambda n: tally.show(file, n))
            failures = 0 if _size(part) > at else failures + 1
            if error is not None and (failures >= _TRIES or not _may_pass(error)):
                raise error
            if failures >= _TRIES:
                raise _other_answers(file, url)
            time.sleep(failures * _PAUSE_S)
        if not blob.exists():
            _verify(part, file)
            part.replace(blob)


def _round(url: str, part: Path, file: RemoteFile, show: Callable[[int], None]) -> _Failure | None:
    """One request for the rest of the file, and how it failed; None too when it brought something else."""
    try:
        _stream(url, part, file, show)
    except (httpx2.TransportError, HfHubHTTPError) as error:
        return error
    return None


def _may_pass(error: _Failure) -> bool:
    """False for an answer that will be the same again."""
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else 503
    return status >= 500 or status == 429


def _other_answers(file: RemoteFile, url: str) -> HubError:
    return HubError(
        f"Something between here and {urlsplit(url).netloc} answers for {file.name} with other data than its "
        f"{file.n_bytes} bytes, {_TRIES} times now; open the address in a browser, for a network may ask to "
        "log in first, or set HTTPS_PROXY, and run this again."
    )


def _stream(url: str, part: Path, file: RemoteFile, show: Callable[[int], None]) -> None:
    """Append to `part` what the server sends from its end on. An answer that says that it is a page, or of
    another length than what is due, is left alone."""
    at = _size(part)
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if at:
        headers["Range"] = f"bytes={at}-"
    with get_session().stream("GET", url, headers=headers, timeout=_TIMEOUT_S) as response:
        hf_raise_for_status(response)
        at = at if response.status_code == httpx2.codes.PARTIAL_CONTENT else 0
        if _is_another(response.headers, file.n_bytes - at):
            return
        with part.open("r+b" if part.exists() else "wb") as out:
            out.truncate(at)
            out.seek(at)
            for chunk in response.iter_bytes():
                out.write(chunk)
                at += len(chunk)
                show(at)


def _is_another(headers: Mapping[str, str], n_due: int) -> bool:
    announced = headers.get("Content-Length", "")
    is_page = headers.get("Content-Type", "").startswith("text/html")
    return is_page or (announced.isdecimal() and int(announced) != n_due)


def _verify(part: Path, file: RemoteFile) -> None:
    with part.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != file.blob:
        n_bytes = _size(part)
        part.unlink()
        raise HubError(
            f"{file.name} came with other bytes than the hub announces ({n_bytes} of {file.n_bytes}, sha256 "
            f"{found[:12]} for {file.blob[:12]}) and was deleted; fetch it again."
        )


def _refuse_full_disk(repository: Repository, names: Sequence[str]) -> None:
    missing = 0
    for name in names:
        blob = _blob(repository, repository.files[name])
        if not blob.exists():
            missing += repository.files[name].n_bytes - _size(_part(blob))
    cache = Path(constants.HF_HUB_CACHE)
    place = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if missing > free:
        raise HubError(
            f"{repository.hub_id} needs {missing / 1e9:.1f} GB more, and {place} has {free / 1e9:.1f} GB "
            "free; free space, or set HF_HOME to another disk."
        )


def _blob(repository: Repository, file: RemoteFile) -> Path:
    return Path(constants.HF_HUB_CACHE) / _folder(repository) / "blobs" / file.blob


def _lock(repository: Repository, file: RemoteFile) -> Path:
    folder = Path(constants.HF_HUB_CACHE) / ".locks" / _folder(repository)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{file.blob}.aion.lock"


def _folder(repository: Repository) -> str:
    return str(repo_folder_name(repo_id=repository.hub_id.repository, repo_type="model"))


def _part(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.aion.part")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
