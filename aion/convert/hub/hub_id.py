"""The name of a model on the hub."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(
    r"(?P<owner>\w[\w.-]{0,95})/(?P<name>\w[\w.-]{0,95})(?:@(?P<revision>[\w./-]{1,100}))?", re.A
)


@dataclass(frozen=True, slots=True)
class HubId:
    """`owner/name`, and `revision` (a branch, tag or commit) when one is asked for."""

    owner: str
    name: str
    revision: str | None = None

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def page(self) -> str:
        """Where its makers say what it is."""
        return f"https://huggingface.co/{self.repository}"

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository}@{self.revision}"


def hub_id(text: str) -> HubId | None:
    """The hub id that `text` is, None when it has another form.

    >>> hub_id("mistralai/Mistral-7B-Instruct-v0.3@main")
    HubId(owner='mistralai', name='Mistral-7B-Instruct-v0.3', revision='main')
    """
    match = _FORM.fullmatch(text)
    return HubId(match["owner"], match["name"], match["revision"]) if match else None
