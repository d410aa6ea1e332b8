"""Every error AION raises on purpose, in one tree. No HTTP here: the server maps kinds to statuses.

Each message is one sentence for a person: it quotes the offending value and names the way out.
"""

from __future__ import annotations

from typing import Literal


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


class NotFound(InvalidRequest):
    """What the caller names is not there."""


class PromptTooLong(InvalidRequest):
    """The prompt and its answer do not fit the context."""


class NotConfigured(AionError):
    """AION can do this, and its operator has not set it up."""


class EngineBusy(AionError):
    """The waiting queue is full, or a place in it brought no turn in time; `retry_after_s` says when to come
    back."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotSignedIn(AionError):
    """The caller gave no key, or one that is not known; every route but a few wants one."""


class Forbidden(AionError):
    """The caller is known and may not do this."""


class TooManyRequests(AionError):
    """The caller asks more often or for more at once than it may; `retry_after_s` says when to come back."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineFailed(AionError):
    """llama.cpp failed in a step; the sequences of that step are lost, the engine goes on."""


class OutOfTime(EngineFailed):
    """A generation was not complete in the time it was given."""


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


class FallbackFailed(AionError):
    """The paid API did not answer; `is_billed` says whether it may have been paid all the same."""

    def __init__(self, message: str, *, is_billed: bool = False) -> None:
        super().__init__(message)
        self.is_billed = is_billed


class OverBudget(AionError):
    """A paid call would cost more than the budget has left."""


class StoreError(AionError):
    """The SQLite file cannot be opened, read or written."""


def generation_error(cause: Literal["failed", "busy", "timeout"], message: str) -> AionError:
    """What to raise for a generation that ended with an error of that kind (aion.types.Finished)."""
    if cause == "busy":
        return EngineBusy(message, retry_after_s=5)
    return OutOfTime(message) if cause == "timeout" else EngineFailed(message)
