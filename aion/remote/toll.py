"""Who must be asked before a try leaves, and told how it ended: the place of a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aion.types import Usage


class Toll(Protocol):
    """Told of every try, those made again included."""

    async def enter(self, payload: Mapping[str, Any]) -> None:
        """`payload` is about to be sent. Raises AionError: then it is not."""
        ...

    async def leave(self, usage: Usage | None, *, may_be_billed: bool) -> None:
        """The try that was last entered has ended, by whatever road; `usage` is what the server told of a
        whole answer. Raises nothing."""
        ...


class FreeToll:
    """For servers whose answers cost nothing."""

    async def enter(self, payload: Mapping[str, Any]) -> None:
        pass

    async def leave(self, usage: Usage | None, *, may_be_billed: bool) -> None:
        pass
