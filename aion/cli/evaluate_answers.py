"""`aion eval --answers FOLDER`: how good the answers are, through the same router that serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from aion.cli.console import ConversionBar, counting, err, out
from aion.cli.options import JsonOption, ModelOption
from aion.settings import load_settings

if TYPE_CHECKING:
    from aion.answer.evaluate.figures import AnswerFigures
    from aion.server.evaluation.answers import AnswerReport

_SHARES = (
    ("cites_right", "answerable: the answer cites the right passage"),
    ("cites_right_of_answered", "  of those that were answered"),
    ("right_first", "  bound: retrieval puts the right passage first"),
    ("right_among", "  bound: the right passage is among those sent"),
    ("has_gold", "answerable: the answer holds a known answer"),
    ("f1", "  words in common with it (F1)"),
    ("unsupported", "sentences that no passage bears out"),
    ("refused_right", "unanswerable: refused, and rightly"),
    ("refused_wrong", "answerable: refused, and wrongly"),
    ("mean_confidence", "C on average"),
    ("auroc", "C tells answerable from unanswerable (AUROC)"),
    ("ece", "C as a probability is off by (ECE)"),
)


def answers(
    folder: Annotated[
        Path, typer.Argument(help="Holds passages.jsonl and questions.jsonl; passage null: unanswerable.")
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="Ask so many of the questions, by chance.")] = None,
    split: Annotated[str | None, typer.Option(help="Only questions of this split, `test` say.")] = None,
    tau: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Below it AION refuses (AION_TAU_CONFIDENCE).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of questions and of the answers.")] = 1,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Questions under way at a time.")] = 1,
    records: Annotated[
        Path | None, typer.Option("--out", help="Keep each answer there as a JSON line; run again to go on.")
    ] = None,
    as_json: JsonOption = False,
    db: Annotated[Path | None, typer.Option("--db", help="Keep the folder's index here.")] = None,
    model: ModelOption = None,
) -> None:
    """Print what the answers are worth: citations, known answers, unsupported sentences, refusals, C, times.

    The passages of FOLDER are indexed in a store of their own, and each question is asked as a client would
    ask it. No paid model is asked. Ctrl-C stops and prints what was found so far.
    """
    from aion.rag.evaluate.folder import read_folder  # noqa: PLC0415 - pydantic
    from aion.server.evaluation.answers import evaluate_answers  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(base_model=model)
    questions = read_folder(folder, split)
    bar = ConversionBar(settings.base_model)
    with counting("questions") as advance:
        report = evaluate_answers(
            settings, questions, limit=limit, tau=tau, seed=seed, parallel=parallel, db=db, out=records,
            progress=advance, converting=bar,
        )  # fmt: skip
    bar.close()
    if as_json:
        whole = {"folder": str(folder), "split": split} | report.to_json()
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
    else:
        _show(report)
    if report.n_asked < report.n_questions:
        err.print(f"Stopped after {report.n_asked} of {report.n_questions} questions.", markup=False)
        raise typer.Exit(130)


def _show(report: AnswerReport) -> None:
    figures, run = report.figures, report.run
    out.print(
        f"{figures.n_questions} questions, {figures.n_answerable} answerable, {figures.n_answered} answered; "
        f"{report.n_documents} passages",
        markup=False,
    )
    out.print(
        f"{run['model']}, {run['embedder']}, C {run['confidence']}, tau {run['tau']}",
        style="dim",
        markup=False,
    )
    out.print(_shares(figures))
    out.print(_times(figures))
    if figures.n_failed:
        err.print(f"[yellow]Note:[/] {figures.n_failed} questions failed and are not counted.")
    if report.notice:
        err.print(f"[yellow]Note:[/] {escape(report.notice)}")


def _shares(figures: AnswerFigures) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    for name, described in _SHARES:
        value = getattr(figures, name)
        if value is not None:
            table.add_row(escape(described), f"{value:.3f}")
    if figures.tokens_per_s is not None:
        table.add_row("tokens a second", f"{figures.tokens_per_s:.1f}")
    return table


def _times(figures: AnswerFigures) -> Table:
    table = Table(box=None, header_style="dim")
    table.add_column("stage")
    for name in ("p50 ms", "p95 ms"):
        table.add_column(name, justify="right")
    for stage, times in figures.ms.items():
        table.add_row(stage, f"{times.p50_ms:.1f}", f"{times.p95_ms:.1f}")
    return table
