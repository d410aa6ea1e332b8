"""What the settings are called outside: AION_PORT of the field `port`; and names that are none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from aion.settings.settings import Settings

TENANT_NAME = "PRIMARY_TENANT_ID"
PREFIX = "AION_"
_ALIKE = 0.65  # of what follows AION_, which all have alike
_NEARLY = 0.88  # of any name in a file that other programs read too


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name nobody reads, and where it is; `nearest` is the setting that was meant, perhaps, or ""."""

    name: str
    place: str
    nearest: str

    @property
    def sentence(self) -> str:
        hint = f"did you mean {self.nearest}?" if self.nearest else "`aion config` lists those there are."
        return f"{self.name} ({self.place}) is no setting of AION; {hint}"


def env_name(field: str) -> str:
    """The name of a field of Settings, or of its alias, in the environment and in `.env`."""
    name = field.upper().removeprefix(PREFIX)
    return TENANT_NAME if name in ("TENANT", TENANT_NAME) else f"{PREFIX}{name}"


def names_of(field: str) -> tuple[str, ...]:
    """All names a field is read by, the first wins; upper and lower case are one."""
    return (TENANT_NAME, f"{PREFIX}TENANT") if field == "tenant" else (env_name(field),)


def unknown_names(environment: Iterable[str], file: Iterable[tuple[str, str]]) -> tuple[UnknownName, ...]:
    """Those of our kind that are no settings. `file` has names with their place; there, names that only look
    like ours are pointed out too."""
    found = [_unknown(name, "environment", _NEVER) for name in environment]
    found += [_unknown(name, place, _NEARLY) for name, place in file]
    return tuple(each for each in found if each is not None)


_NEVER = 2.0
_KNOWN = frozenset(name for field in Settings.model_fields for name in names_of(field))


def _unknown(name: str, place: str, nearly: float) -> UnknownName | None:
    upper = name.upper()
    if upper in _KNOWN:
        return None
    shown = sorted({env_name(field) for field in Settings.model_fields})
    is_ours = upper.startswith((PREFIX, "PRIMARY_TENANT"))
    cut = PREFIX if is_ours else ""
    nearest = max(shown, key=lambda known: _likeness(upper, known, cut))
    alike = _likeness(upper, nearest, cut)
    if is_ours:
        return UnknownName(name, place, nearest if alike >= _ALIKE else "")
    return UnknownName(name, place, nearest) if alike >= nearly else None


def _likeness(name: str, known: str, cut: str) -> float:
    """From 0 to 1, of what is left without the beginning `cut`."""
    return difflib.SequenceMatcher(None, name.removeprefix(cut), known.removeprefix(cut)).ratio()
