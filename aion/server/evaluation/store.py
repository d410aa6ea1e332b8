"""A store for an evaluation: the operator's documents stay as they are, what was tuned on them counts."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aion.errors import InvalidRequest
from aion.settings import Settings
from aion.store.calibrations import Calibrations
from aion.store.connection import Store
from aion.store.index import Index

TENANT = "evaluation"  # of the passages in a store of their own


@contextlib.contextmanager
def own_settings(settings: Settings, db: Path | None) -> Iterator[Settings]:
    """The settings with a store at `db`, or one that is forgotten at the end, and without anything that
    works on its own or costs money."""
    with contextlib.ExitStack() as stack:
        if db is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aion-eval-"))
            db = Path(folder) / "eval.db"
        changed = {"db": db, "tenant": TENANT, "watch_dir": None, "fallback": "off"}
        yield settings.model_copy(update=changed)


def refuse_others(store: Store, db: Path) -> None:
    """Raises InvalidRequest when the store at `db` holds other documents than an evaluation's."""
    if others := set(Index(store).tenants()) - {TENANT}:
        raise InvalidRequest(
            f"{db} holds documents of tenant {min(others)!r}; give the evaluation a file of its own.",
            param="db",
        )


def tuned_weights(settings: Settings) -> dict[str, float | None]:
    """What the operator's store keeps for its embedders: figures are then those of what is in use."""
    if not settings.db.exists():
        return {}
    with contextlib.closing(Store(settings.db)) as store:
        return {row.name: row.dense_weight for row in Index(store).embedders()}


def take_over(settings: Settings, store: Store) -> None:
    """Weights and calibrations that the operator's store keeps, into that of the evaluation, for what has
    vectors there."""
    if not settings.db.exists():
        return
    index, calibrations = Index(store), Calibrations(store)
    with contextlib.closing(Store(settings.db)) as own:
        for row in Index(own).embedders():
            if row.dense_weight is not None:
                index.set_dense_weight(row.name, row.dense_weight)
        calibrations.remove_all(TENANT)
        for kept in Calibrations(own).list(settings.tenant):
            calibrations.add(
                TENANT, kept.embedder, kept.reranker, origin=kept.origin, n_answerable=kept.n_answerable,
                n_unanswerable=kept.n_unanswerable, model=kept.model, figures=kept.figures,
            )  # fmt: skip
