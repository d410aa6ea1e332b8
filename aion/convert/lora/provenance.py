"""Whether the base that is given is the one an adapter says it was trained on."""

from __future__ import annotations

import re
from pathlib import Path

from aion.convert.fingerprint import fingerprint
from aion.convert.lora.base import Base
from aion.convert.lora.pairs import Adapter
from aion.errors import CheckpointError


def doubt_about_base(adapter: Adapter, base: Base) -> str | None:
    """A sentence when the names differ, None when nothing speaks against it.

    Raises CheckpointError when the base of the training lies on this machine and is another model: shapes
    alone do not tell two models apart.
    """
    if not adapter.base_name:
        return None
    trained_on = _fingerprint_of(adapter.base_name)
    if trained_on and base.fingerprint:
        if trained_on == base.fingerprint:
            return None
        raise CheckpointError(
            f"{adapter.folder} was trained on {adapter.base_name} (fingerprint {trained_on[:12]}), and "
            f"{base.path} is another model ({base.fingerprint[:12]}); name the base it was trained on."
        )
    wanted = _plain(re.split(r"[/\\]", adapter.base_name.rstrip("/\\"))[-1])
    known = [_plain(name) for name in (base.name, base.path.resolve().stem, base.path.resolve().name)]
    if any(wanted in name or name in wanted for name in known if name):
        return None
    return (
        f"{adapter.folder} says it was trained on {adapter.base_name}, and {base.path} calls itself "
        f"{base.name}; if these are not the same model, the adapter does harm."
    )


def _fingerprint_of(name: str) -> str | None:
    """Of a folder or file of this machine; None where there is none, or none that can be read."""
    try:
        return fingerprint(Path(name)) if Path(name).exists() else None
    except (CheckpointError, OSError, ValueError):
        return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
