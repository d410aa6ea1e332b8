"""`aion eval --history`: what earlier evaluations of the operator's own questions came to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from aion.cli.console import out
from aion.cli.evaluate_table import columns
from aion.settings import Settings

if TYPE_CHECKING:
    from aion.store.evaluations import Evaluation

_BARS = "▁▂▃▄▅▆▇█"
_FIGURES = ("ndcg", "recall", "mrr")


def show_history(settings: Settings, *, as_json: bool) -> None:
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.evaluations import Evaluations  # noqa: PLC0415

    with Store(settings.db) as store:
        rows = Evaluations(store).list(settings.tenant)
    if as_json:
        whole = {"evaluations": [_evaluation_json(row) for row in rows]}
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
        return
    table = columns("at", "mode", "questions", "nDCG", "Recall", "MRR", "embedder")
    for row in rows:
        figures = (f"{row.figures.get(name, 0.0):.4f}" for name in _FIGURES)
        table.add_row(row.at[:19], row.mode, str(row.n_questions), *figures, escape(row.embedder))
    out.print(table)
    for mode, trend in _trends(rows):
        out.print(f"nDCG {mode:<8} {trend}", markup=False)


def _evaluation_json(row: Evaluation) -> dict[str, Any]:
    about = {"at": row.at, "embedder": row.embedder, "mode": row.mode, "n_questions": row.n_questions}
    return about | dict(row.figures)


def _trends(rows: Sequence[Evaluation]) -> Iterator[tuple[str, str]]:
    """A bar a run, oldest first, from nothing to a perfect ranking, for each mode with more than one."""
    for mode in dict.fromkeys(row.mode for row in rows):
        values = [row.figures.get("ndcg", 0.0) for row in rows if row.mode == mode]
        if len(values) > 1:
            bars = (_BARS[min(len(_BARS) - 1, int(value * len(_BARS)))] for value in values)
            yield mode, f"{''.join(bars)} {values[0]:.3f} → {values[-1]:.3f}"
