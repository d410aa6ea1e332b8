"""Every error AION raises on purpose, in one tree. No HTTP here: the server maps kinds to statuses.

Each message is one sentence for a person: it quotes the offending value and names the way out.
"""

from __future__ import annotations


class AionError(Exception):
    """The root: whatever AION raises on purpose."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class SettingsError(AionError):
    """A setting has a value that cannot be used."""


class InvalidRequest(AionError):
    """The caller asked for something that cannot be done as asked; `param` names the field."""


class PromptTooLong(InvalidRequest):
    """The prompt and its answer do not fit the context."""


class EngineBusy(AionError):
    """The waiting queue is full; `retry_after_s` says when to come back."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineFailed(AionError):
    """llama.cpp failed in a step; the sequences of that step are lost, the engine goes on."""


class ModelError(AionError):
    """A model file is missing, corrupt or of a kind that cannot be used."""


class CheckpointError(AionError):
    """A Hugging Face checkpoint cannot be converted."""


class HubError(AionError):
    """A model cannot be fetched from the hub."""


class HubUnreachable(HubError):
    """The network is away, or forbidden, and what is here does not suffice."""


class DocumentError(AionError):
    """A document cannot be read; the others are not concerned."""


class StoreError(AionError):
    """The SQLite file cannot be opened, read or written."""
