"""Where commands print: results to stdout, the rest to stderr, progress only where a person looks on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.segment import Segment
from rich.text import Text

_CONTROL = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\t"), ord("\n")}, "\N{REPLACEMENT CHARACTER}")


class SafeConsole(Console):
    """A console on whose terminal the texts of strangers stay texts: what would command it is shown as a
    replacement character. Files and pipes get every character."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or not self.is_terminal:
                yield segment
            else:
                yield segment._replace(text=segment.text.translate(_CONTROL))


out = SafeConsole(highlight=False, soft_wrap=True, emoji=False)
wide = SafeConsole(highlight=False, emoji=False, width=1000)
"""For tables that programs read: a row stays a line."""
err = SafeConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)

Advance = Callable[[str, int, int], None]


@contextlib.contextmanager
def counting(what: str) -> Iterator[Advance]:
    """A bar over things, with their rate: called with (name, done, total)."""
    with _bar(what, BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn()) as advance:
        yield advance


@contextlib.contextmanager
def transferring() -> Iterator[Advance]:
    """A bar over bytes, with their rate: called with (file, bytes done, bytes in all)."""
    with _bar(
        "files", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    ) as advance:
        yield advance


@contextlib.contextmanager
def _bar(what: str, *columns: ProgressColumn) -> Iterator[Advance]:
    described = TextColumn("{task.description}", markup=False)
    with Progress(*columns, described, console=err, transient=True, disable=not err.is_terminal) as progress:
        tasks: list[TaskID] = []  # none before the first call, so that an idle bar is not seen

        def advance(name: str, done: int, total: int) -> None:
            if not tasks:
                tasks.append(progress.add_task(what))
            progress.update(tasks[0], completed=done, total=total, description=name)

        yield advance


class _Rate(ProgressColumn):
    """Things done a second, as of late."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")


def _say(sentence: str) -> None:
    err.print(sentence, markup=False)


class ConversionBar:
    """Says once that a model is being converted, then how far it is; silent when nothing has to be."""

    def __init__(self, model: str, say: Callable[[str], None] = _say) -> None:
        self._model = model
        self._say = say
        self._stack = contextlib.ExitStack()
        self._advance: Advance | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._advance is None:
            self._say(f"Converting {self._model}, once; the next start will find it ...")
            self._advance = self._stack.enter_context(counting("tensors"))
        self._advance(what, done, total)

    def close(self) -> None:
        self._stack.close()


def described(path: Path) -> str:
    """A file's name and size."""
    return f"{path}: {decimal(path.stat().st_size)}"
