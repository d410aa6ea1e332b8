"""`aion calibrate`: makes confidence a probability on the operator's own documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from aion.cli.console import counting, err, out
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.settings import load_settings

if TYPE_CHECKING:
    from aion.answer.calibration.figures import Figures
    from aion.server.evaluation.calibration import Outcome
    from aion.store.calibrations import Calibration


def calibrate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled questions: passages.jsonl and questions.jsonl; your documents if not given."
        ),
    ] = None,
    on: Annotated[
        Literal["labels", "made"] | None,
        typer.Option(
            help="With questions you labelled, or made from your documents; labels when there are enough."
        ),
    ] = None,
    questions: Annotated[int, typer.Option(min=20, max=10_000, help="How many to make.")] = 400,
    split: Annotated[str | None, typer.Option(help="Only questions of FOLDER's split, `train` say.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Show the calibrations there were.")] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Forget them: the built-in prior judges again.")
    ] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Fit confidence to your documents, so that C is the probability of an answer in them.

    Every question is asked twice: with what answers it in the index, and without. What is fitted is kept only
    when it is better, on questions that it was not fitted on, than what judged before.
    """
    from aion.rag.evaluate.folder import read_folder  # noqa: PLC0415
    from aion.server.evaluation import calibration  # noqa: PLC0415 - loads llama.cpp

    _refuse_unused(folder, on=on, split=split, history=history, reset=reset)
    settings = load_settings(db=db, tenant=tenant)
    if history:
        _show_history(calibration.history(settings), as_json=as_json)
        return
    if reset:
        n_gone = calibration.reset(settings)
        err.print(f"Forgot {n_gone} calibrations; the built-in prior judges.", markup=False)
        return
    with counting("questions") as advance:
        if folder is None:
            outcome = calibration.calibrate_own(settings, on, questions, advance)
        else:
            outcome = calibration.calibrate_on(settings, read_folder(folder, split), advance)
    if as_json:
        out.print(json.dumps(outcome.to_json(), ensure_ascii=False, indent=2), markup=False)
    else:
        _show(outcome)


def _refuse_unused(
    folder: Path | None, *, on: str | None, split: str | None, history: bool, reset: bool
) -> None:
    """An option that would do nothing is a mistake worth saying."""
    if folder is None and split is not None:
        raise typer.BadParameter("--split needs a FOLDER.")
    if folder is not None and on is not None:
        raise typer.BadParameter("--on is about your own documents; leave FOLDER out.")
    if folder is not None and (history or reset):
        raise typer.BadParameter("--history and --reset are about what is kept; leave FOLDER out.")
    if history and reset:
        raise typer.BadParameter("--history shows what --reset forgets; give one of them.")


_ORIGINS = {
    "labels": "questions you labelled",
    "made": "questions made from your documents",
    "folder": "labelled questions of a folder",
}


def _show(outcome: Outcome) -> None:
    trial, fitted = outcome.trial, outcome.trial.fitted
    reranked = f", reranked by {outcome.reranker}" if outcome.reranker else ""
    title = (
        f"{fitted.n_answerable} {_ORIGINS[outcome.origin]}, and {fitted.n_unanswerable} without an answer; "
        f"{outcome.n_documents} documents, {outcome.n_chunks} chunks, "
        f"{outcome.embedder or 'words only'}{reranked}"
    )
    table = Table(title=title, title_justify="left", title_style="dim", box=None, header_style="dim")
    tau = f"C >= {fitted.tau:g}"
    for name in ("confidence", "AUROC", "ECE", "log loss", f"answerable {tau}", f"others {tau}"):
        table.add_column(name, justify="left" if name == "confidence" else "right")
    table.add_row("fitted now, on unseen questions", *_row(fitted))
    table.add_row(f"the present {outcome.was}", *_row(trial.present))
    table.add_row("mean-cosine", *_row(trial.mean_cosine))
    out.print(table)
    if outcome.is_kept:
        err.print("Kept: it judges from now on, in a running service too.", markup=False)
    else:
        err.print(f"Not kept: it is no better than the present {outcome.was}, which judges on.", markup=False)


def _row(figures: Figures) -> list[str]:
    values = (figures.auroc, figures.ece, figures.log_loss)
    shares = (figures.passed, figures.passed_wrongly)
    return [f"{value:.4f}" for value in values] + [f"{share:.0%}" for share in shares]


def _show_history(rows: tuple[Calibration, ...], *, as_json: bool) -> None:
    if as_json:
        whole = [
            {"at": row.at, "embedder": row.embedder, "reranker": row.reranker or None, "origin": row.origin,
             "n_answerable": row.n_answerable, "n_unanswerable": row.n_unanswerable,
             "figures": dict(row.figures)}
            for row in rows
        ]  # fmt: skip
        out.print(json.dumps({"calibrations": whole}, ensure_ascii=False, indent=2), markup=False)
        return
    if not rows:
        err.print("No calibration was kept; the built-in prior judges.")
        return
    table = Table(box=None, header_style="dim")
    for name in ("at", "on", "answerable", "without", "AUROC", "ECE", "embedder"):
        table.add_column(
            name, justify="left" if name in ("at", "on", "embedder") else "right", overflow="fold"
        )
    for row in rows:
        figures = (f"{row.figures.get(name, 0.0):.4f}" for name in ("auroc", "ece"))
        counts = (str(row.n_answerable), str(row.n_unanswerable))
        table.add_row(row.at[:19], row.origin, *counts, *figures, escape(row.embedder))
    out.print(table)
