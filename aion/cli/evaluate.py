"""`aion eval`: how good the retrieval is, on a folder of questions or on the operator's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from aion.cli.console import counting, err, out
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.errors import InvalidRequest, NotFound
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.rag.evaluate.modes import Mode
    from aion.rag.evaluate.tune import Tuning
    from aion.server.evaluation import Report
    from aion.store.evaluations import Evaluation

_BARS = "▁▂▃▄▅▆▇█"
_FIGURES = ("ndcg", "recall", "mrr")


class _WithRun(TyperGroup):
    """`aion eval FOLDER` is `aion eval run FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


evaluation = typer.Typer(
    cls=_WithRun,
    help="Measure the retrieval: `aion eval FOLDER`, or `aion eval` on your own labelled questions. "
    "Their options: `aion eval run --help`.",
)


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
    from aion.server.evaluation import check_savable  # noqa: PLC0415 - loads llama.cpp

    _refuse_unused(folder, tune=tune, save=save, history=history, split=split)
    settings = load_settings(db=None if folder else keep, tenant=tenant)
    if history:
        _show_history(settings, as_json=as_json)
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


@evaluation.command("label")
def label(
    question: Annotated[str, typer.Argument(help="A question, in quotes.")],
    source: Annotated[
        str, typer.Option(help="The document that answers it, as aion documents list names it.")
    ],
    grade: Annotated[
        float, typer.Option(min=0.0, max=3.0, help="How well: 1 to 3; 0 says that it does not.")
    ] = 1.0,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Say which document answers a question. It stays labelled when the document is ingested again."""
    from aion.rag.evaluate.own import LABEL  # noqa: PLC0415
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.documents import Documents  # noqa: PLC0415
    from aion.store.judgments import Judgments  # noqa: PLC0415

    if not question.strip():
        raise InvalidRequest("The question is empty; write one.", param="question")
    settings = load_settings(db=db, tenant=tenant)
    with Store(settings.db) as store:
        if Documents(store).find_hash(settings.tenant, source) is None:
            raise NotFound(f"There is no document {source!r}; `aion documents list` shows what there is.")
        judgment = Judgments(store).add(settings.tenant, question.strip(), source, grade, LABEL)
    out.print(f"{judgment}: {source} answers {question.strip()!r} (grade {grade:g})", markup=False)


@evaluation.command("labels")
def labels(as_json: JsonOption = False, db: DbOption = None, tenant: TenantOption = None) -> None:
    """List what was labelled and judged."""
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.judgments import Judgments  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    with Store(settings.db) as store:
        found = Judgments(store).list(settings.tenant)
    if as_json:
        rows = [
            {"id": j.id, "at": j.at, "question": j.question, "source": j.source, "grade": j.grade,
             "text_hash": j.text_hash.hex() if j.text_hash else None, "origin": j.origin}
            for j in found
        ]  # fmt: skip
        out.print(json.dumps({"judgments": rows}, ensure_ascii=False, indent=2), markup=False)
        return
    table = _columns("number", "question", "source", "grade", "origin")
    for judgment in found:
        where = f"{judgment.source} (one chunk)" if judgment.text_hash else judgment.source
        table.add_row(
            str(judgment.id), escape(judgment.question), escape(where), f"{judgment.grade:g}", judgment.origin
        )
    out.print(table)


@evaluation.command("unlabel")
def unlabel(
    numbers: Annotated[list[int], typer.Argument(help="As aion eval labels lists them.")],
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Take labels and judgments away again."""
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.judgments import Judgments  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    with Store(settings.db) as store:
        gone = [n for n in numbers if not Judgments(store).remove(settings.tenant, n)]
    if gone:
        raise NotFound(f"There is no label {gone[0]}; `aion eval labels` shows what there is.")


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
    from aion.server.evaluation import evaluate_folder, evaluate_own  # noqa: PLC0415

    modes: Sequence[Mode] = [known for known in MODES if mode in (known, "all")]
    if folder is None:
        return evaluate_own(settings, k=k, modes=modes, progress=advance)
    questions = read_folder(folder, split)
    return evaluate_folder(settings, questions, k=k, modes=modes, tunes=tunes, db=db, progress=advance)


def _json(report: Report, folder: Path | None, split: str | None) -> dict[str, object]:
    return {"folder": str(folder) if folder else None, "split": split} | report.to_json()


def _table(report: Report) -> Table:
    table = _columns(
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
    from aion.server.evaluation import save_weight  # noqa: PLC0415

    save_weight(settings, embedder, tuning.weight)
    err.print(f"{settings.db} uses weight {tuning.weight:g} for {embedder} from now on.", markup=False)


def _show_history(settings: Settings, *, as_json: bool) -> None:
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.evaluations import Evaluations  # noqa: PLC0415

    with Store(settings.db) as store:
        rows = Evaluations(store).list(settings.tenant)
    if as_json:
        whole = {"evaluations": [_evaluation_json(row) for row in rows]}
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
        return
    table = _columns("at", "mode", "questions", "nDCG", "Recall", "MRR", "embedder")
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


def _columns(*names: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", title_style="dim", box=None, header_style="dim")
    text = {"mode", "question", "source", "at", "embedder", "origin"}
    for name in names:
        table.add_column(name, justify="left" if name in text else "right", overflow="fold")
    return table
