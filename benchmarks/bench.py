"""Measures a case on each of its sides in turn, and keeps what was found.

Knows runs and rows; neither what a case asks nor how the table looks.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from make_model import RandomModel, make_model
from servers import Server, Setup, aion, llama_server

Values = dict[str, float]
Start = Callable[[], AbstractContextManager[Server]]
Measure = Callable[[Server, int], Coroutine[Any, Any, Values]]


@dataclass(slots=True)
class Row:
    """One line of the table: the numbers of each side, a run each; `goal` is of AION / `peer`, or of
    AION's number itself when there is no peer."""

    name: str
    unit: str
    goal: str
    aion: list[float]
    peer: list[float] = field(default_factory=list)
    peer_name: str = ""


@dataclass(slots=True)
class Bench:
    """Where models are, who the peer is, and how thoroughly to measure."""

    folder: Path
    llama_server: Path | None
    models: list[str]
    n_runs: int
    n_threads: int
    is_quick: bool
    troubles: list[str] = field(default_factory=list)

    def model(self, name: str) -> RandomModel:
        return make_model(self.folder, name)

    def setup(self, model: Path, n_streams: int, n_ctx: int = 1024, **more: Any) -> Setup:
        return Setup(model, n_streams, n_ctx, self.n_threads, **more)

    def sides(self, setup: Setup) -> dict[str, Start]:
        """AION and, where there is one, llama-server: with one KV cache for all slots, and with one each."""
        sides: dict[str, Start] = {"aion": partial(aion, setup)}
        if self.llama_server is not None:
            sides["llama-server -kvu"] = partial(llama_server, setup.with_flags("-kvu"), self.llama_server)
            if setup.n_streams > 1:
                sides["llama-server"] = partial(llama_server, setup, self.llama_server)
        return sides

    def alternate(self, name: str, sides: dict[str, Start], measure: Measure) -> dict[str, list[Values]]:
        """What `measure` found of each side, run by run; the side that begins changes. A run that fails
        is a trouble, told at the end, and has no numbers."""
        found: dict[str, list[Values]] = {side: [] for side in sides}
        for number in range(self.n_runs):
            for side, start in list(sides.items())[:: 1 if number % 2 == 0 else -1]:
                try:
                    with start() as server:
                        values = asyncio.run(measure(server, number))
                except RuntimeError as error:
                    self.troubles.append(f"{name}, run {number + 1}, {side}: {error}")
                    print(f"  {self.troubles[-1]}", flush=True)
                    continue
                found[side].append(values)
                said = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
                print(f"  {name}, run {number + 1}, {side}: {said}", flush=True)
        return found


def rows_of(found: dict[str, list[Values]], key: str, name: str, unit: str, goal: str) -> Iterator[Row]:
    """A row of one number against every other side; where there are several, the best one is marked."""
    peers = [side for side in found if side != "aion"]
    measured = {side: statistics.median(run[key] for run in found[side]) for side in peers if found[side]}
    best = (min if goal.startswith("<=") else max)(measured, key=measured.__getitem__, default="")
    for peer in peers or ["aion"]:
        row = row_of({"aion": found["aion"], peer: found[peer]}, key, name, unit, goal)
        row.peer_name += " (the better one)" if len(measured) > 1 and peer == best else ""
        yield row


def row_of(found: dict[str, list[Values]], key: str, name: str, unit: str, goal: str) -> Row:
    """The row of one number, of AION and of the first other side."""
    peer = next((side for side in found if side != "aion"), "")
    values = {side: [run[key] for run in runs] for side, runs in found.items()}
    return Row(name, unit, goal, values["aion"], values.get(peer, []), peer)
