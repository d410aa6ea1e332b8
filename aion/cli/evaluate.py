"""`aion eval`: how good the retrieval is, on a folder of questions or on the operator's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from aion.cli.console import counting, err, out
from aion.cli.evaluate_answers import answers
from aion.cli.evaluate_history import show_history
from aion.cli.evaluate_labels import label, labels, unlabel
from aion.cli.evaluate_table import columns
from aion.cli.options import JsonOption, TenantOption
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.rag.evaluate.modes import Mode
    from aion.rag.evaluate.tune import Tuning
    from aion.server.evaluation.retrieval import Report


class _WithRun(TyperGroup):
    """`aion eval FOLDER` is `aion eval run FOLDER`, and `aion eval --answers FOLDER` is `answers`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--answers" in args:
            args = ["answers", *(arg for arg in args if arg != "--answers")]
        elif not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


evaluation = typer.Typer(
    cls=_WithRun,
    help="Measure the retrieval: `aion eval FOLDER`, or `aion eval` on your own labelled questions "
    "(options: `aion eval run --help`); or the answers: `aion eval --answers FOLDER`.",
)
for command in (answers, label, labels, unlabel):
    evaluation.command()(command)


@evaluation.command("run")
def run(
    folder: Annotated[
        Path | None, typer.Argument(help="Holds passages.jsonl and questions.jsonl; your own if not given.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, max=24, help="How many passages count.")] = 10,
    mode: Annotated[
        Literal["lexical", "dense", "hybrid", "all"], typer.Option(help="Which search is measured.")
    ] = "all",
    split: Annotated[str | None, typer.Option(help="Only questions of this split, `test` say.")] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Find the embedder's weight on half of the questions.")
    ] = False,
    save: Annotated[bool, typer.Option("--save", help="Keep the weight found in your store.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Show what earlier ones came to.")] = False,
    as_json: JsonOption = False,
    keep: Annotated[
        Path | None, typer.Option("--db", help="Keep the folder's index here; without FOLDER your store.")
    ] = None,
    tenant: TenantOption = None,
) -> None:
    """Print nDCG, recall, MRR and the time of a search, by mode.

    The passages of FOLDER are indexed in a store of their own, as documents would be. Without FOLDER the
    questions are those of [bold]aion eval label[/], asked of your documents, and the figures are kept.
    """
    from aion.server.evaluation.retrieval import check_savable  # noqa: PLC0415 - loads llama.cpp

    _refuse_unused(folder, tune=tune, save=save, history=history, split=split)
    settings = load_settings(db=None if folder else keep, tenant=tenant)
    if history:
        show_history(settings, as_json=as_json)
        return
    if save:
        check_savable(settings)
    with counting("questions") as advance:
        report = _measured(settings, folder, k, mode, split, keep, advance, tunes=tune)
    if as_json:
        out.print(json.dumps(_json(report, folder, split), ensure_ascii=False, indent=2), markup=False)
    else:
        out.print(_table(report))
        _explain(report)
    if save and report.tuning:
        _save(settings, report.embedder, report.tuning)


def _refuse_unused(folder: Path | None, *, tune: bool, save: bool, history: bool, split: str | None) -> None:
    """An option that would do nothing is a mistake worth saying."""
    if folder is None and (tune or split):
        raise typer.BadParameter("--tune and --split need a FOLDER.")
    if save and not tune:
        raise typer.BadParameter("--save keeps what --tune found; give both.")
    if history and folder is not None:
        raise typer.BadParameter("--history is that of your own questions; leave FOLDER out.")


def _measured(
    settings: Settings,
    folder: Path | None,
    k: int,
    mode: str,
    split: str | None,
    db: Path | None,
    advance: Callable[[str, int, int], None],
    *,
    tunes: bool,
) -> Report:
    from aion.rag.evaluate.folder import read_folder  # noqa: PLC0415
    from aion.rag.evaluate.modes import MODES  # noqa: PLC0415
    from aion.server.evaluation.retrieval import evaluate_folder, evaluate_own  # noqa: PLC0415

    modes: Sequence[Mode] = [known for known in MODES if mode in (known, "all")]
    if folder is None:
        return evaluate_own(settings, k=k, modes=modes, progress=advance)
    questions = read_folder(folder, split)
    return evaluate_folder(settings, questions, k=k, modes=modes, tunes=tunes, db=db, progress=advance)


def _json(report: Report, folder: Path | None, split: str | None) -> dict[str, object]:
    return {"folder": str(folder) if folder else None, "split": split} | report.to_json()


def _table(report: Report) -> Table:
    table = columns(
        "mode", f"nDCG@{report.k}", f"Recall@{report.k}", f"MRR@{report.k}", "p50 ms", "p95 ms",
        title=f"{report.n_questions} questions, {report.n_documents} documents, {report.n_chunks} chunks, "
        f"{report.embedder}{', reranked by ' + report.reranker if report.reranker else ''}",
    )  # fmt: skip
    for mode, found in report.figures.items():
        figures = (f"{value:.4f}" for value in (found.ndcg, found.recall, found.mrr))
        table.add_row(mode, *figures, f"{found.p50_ms:.1f}", f"{found.p95_ms:.1f}")
    return table


def _explain(report: Report) -> None:
    if report.notice:
        err.print(f"[yellow]Note:[/] {escape(report.notice)}")
    if report.n_unanswerable:
        err.print(f"{report.n_unanswerable} questions name no passage and are not counted.", markup=False)
    if report.indexed_s is not None:
        err.print(f"Indexed in {report.indexed_s:.1f} s.", markup=False)
    if (tuning := report.tuning) is not None:
        by_weight = tuning.ndcg_by_weight
        out.print(
            f"Best weight of the dense list: {tuning.weight:g}, nDCG@{report.k} {tuning.ndcg:.4f} on the "
            f"{tuning.n_held} questions it was not tuned on (lexical alone {by_weight[0.0]:.4f}, "
            f"dense alone {by_weight[1.0]:.4f}).",
            markup=False,
        )


def _save(settings: Settings, embedder: str, tuning: Tuning) -> None:
    from aion.server.evaluation.retrieval import save_weight  # noqa: PLC0415

    save_weight(settings, embedder, tuning.weight)
    err.print(f"{settings.db} uses weight {tuning.weight:g} for {embedder} from now on.", markup=False)
