"""Translates what goes wrong with the hub into one sentence with its remedy, in one place."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from aion.convert.hub.hub_id import HubId
from aion.errors import HubError, HubUnreachable

_KEPT = "What was fetched is kept: the same command goes on from there."


@contextlib.contextmanager
def told_of(wanted: HubId) -> Iterator[None]:
    """Raise HubError for every failure of the block; HubUnreachable when the network is the reason."""
    try:
        yield
    except (OfflineModeIsEnabled, httpx2.TransportError, LocalEntryNotFoundError) as error:
        raise unreachable(wanted, error) from error
    except HfHubHTTPError as error:
        raise HubError(_refused(wanted, error)) from error
    except (OSError, ValueError) as error:
        raise HubError(_local(wanted, error)) from error


def unreachable(wanted: HubId, error: Exception) -> HubUnreachable:
    if constants.HF_HUB_OFFLINE:
        return HubUnreachable(
            f"{wanted} is not whole in {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids to fetch it; "
            "unset HF_HUB_OFFLINE, or copy the model's folder here and name that."
        )
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return HubUnreachable(
        f"{constants.ENDPOINT} cannot be reached for {wanted} ({reason}); check the network and proxy, or "
        f"copy the model's folder here and name that. {_KEPT}"
    )


def _refused(wanted: HubId, error: HfHubHTTPError) -> str:
    page = f"{constants.ENDPOINT}/{wanted.repository}"
    login = "log in with `hf auth login`, or set HF_TOKEN"
    status = error.response.status_code
    if isinstance(error, GatedRepoError) or status == 403:
        return f"{wanted} asks you to accept its licence: do it at {page}, {login}, and run this again."
    if isinstance(error, RevisionNotFoundError):
        return f"{wanted.repository} has no revision {wanted.revision!r}; name one of {page}, or none."
    if isinstance(error, RepositoryNotFoundError):
        return f"{wanted} is not on the hub, or is private; check the name, or {login}."
    if status == 401:
        return f"The hub does not take the token sent for {wanted}; {login} with a token that is valid."
    return f"The hub answered {status} for {wanted}; try again later. {_KEPT}"


def _local(wanted: HubId, error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return (
            f"The disk of {constants.HF_HUB_CACHE} is full while fetching {wanted}; free space, or set "
            f"HF_HOME to another disk. {_KEPT}"
        )
    if isinstance(error, HFValidationError):
        return f"{wanted} is not a name the hub can have; it has the form owner/name."
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return (
        f"{wanted} cannot be fetched into {constants.HF_HUB_CACHE} ({reason}); check its rights, or set "
        "HF_HOME to another folder."
    )
