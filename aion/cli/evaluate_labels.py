"""`aion eval label`, `labels`, `unlabel`: which documents answer which of the operator's own questions."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from aion.cli.console import out
from aion.cli.evaluate_table import columns
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.errors import InvalidRequest, NotFound
from aion.settings import load_settings


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
    table = columns("number", "question", "source", "grade", "origin")
    for judgment in found:
        where = f"{judgment.source} (one chunk)" if judgment.text_hash else judgment.source
        table.add_row(
            str(judgment.id), escape(judgment.question), escape(where), f"{judgment.grade:g}", judgment.origin
        )
    out.print(table)


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
