"""What a repository of the hub holds, asked in one request: names, sizes and the names of their blobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huggingface_hub import HfApi

from aion.convert.hub.failures import told_of
from aion.convert.hub.hub_id import HubId
from aion.errors import HubError

_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """`blob` names the content: the sha256 of a large file, else git's id of it."""

    name: str
    n_bytes: int
    blob: str
    is_large: bool


@dataclass(frozen=True, slots=True)
class Repository:
    """The files of a repository at one commit."""

    hub_id: HubId
    commit: str
    files: Mapping[str, RemoteFile]

    @property
    def has_checkpoint(self) -> bool:
        return "config.json" in self.files and any(
            name.endswith((".safetensors", ".bin")) for name in self.files
        )

    @property
    def has_gguf(self) -> bool:
        return any(name.lower().endswith(".gguf") for name in self.files)


def look_up(wanted: HubId) -> Repository:
    """Ask the hub. HubError, one sentence, when it cannot be reached or does not give the repository."""
    with told_of(wanted):
        info = HfApi().model_info(
            wanted.repository, revision=wanted.revision, files_metadata=True, timeout=_TIMEOUT_S
        )
    files = {}
    for found in info.siblings or ():
        blob = found.lfs.sha256 if found.lfs else found.blob_id
        if blob is not None and found.size is not None:
            files[found.rfilename] = RemoteFile(found.rfilename, found.size, blob, found.lfs is not None)
    if info.sha is None or not files:
        raise HubError(f"{wanted} has no files on the hub; check the name.")
    return Repository(wanted, info.sha, files)
