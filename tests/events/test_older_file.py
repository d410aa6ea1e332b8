"""Answers that an AION before the step "events" wrote: their meta has fewer fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aion.answer.dataset import ChatForm
from aion.events.export import Export
from aion.events.masking import mask_row
from aion.events.metrics import EventMetrics
from aion.events.period import period
from aion.events.raw import RawForm
from aion.events.story import tell
from aion.server.events.as_json import story_json
from aion.store import migrations
from aion.store.connection import Store
from aion.store.events import Events
from aion.store.exports import Exports

AT = "2026-03-10T12:00:00.000Z"
ANSWER = {
    "prompt": "Quanto custa?", "reply": "45 € [1]\n\nFontes: [1] a.md", "rank": 1, "source": "local",
    "C": 0.74, "reason": "confident", "model": "nano", "adapter": "", "cited": [1],
    "ms": {"retrieval": 33.7, "total": 205.0}, "n_prompt": 185, "n_completion": 17,
}  # fmt: skip
DECLINED = ANSWER | {"reason": "low_confidence", "C": 0.45, "cited": [], "n_prompt": 0, "n_completion": 0}
EVENTS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("retrieval", 1, {"query": "Quanto custa?", "ms": 33.7}),
    ("answer", 1, ANSWER),
    ("fallback", 0, {"reason": "low_confidence", "prompt": "Quanto custa?"}),
    ("retrieval", 1, {"query": "Quanto custa?", "ms": 33.7}),
    ("answer", 1, DECLINED),
)


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:3])
        with Store(tmp_path / "aion.db") as store, store.write() as db:
            for n, (kind, value, meta) in enumerate(EVENTS, 1):
                row = (n, "t", AT, kind, value, json.dumps(meta))
                db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
                if kind == "retrieval":
                    db.execute(
                        "INSERT INTO retrievals VALUES "
                        "(?, 't', 1, 1, 1, 'a.md', 'A', 'O tour custa 45 €.', 3, 0.9, 0.8, 1.5, NULL, NULL)",
                        (n,),
                    )
    return tmp_path / "aion.db"


def test_what_an_older_aion_answered_is_shown_counted_and_exported(older: Path, tmp_path: Path) -> None:
    days = period("2026-03-10", "2026-03-10")
    with Store(older) as store:
        told = story_json(tell(Events(store), "t", 5))
        assert (told["fallback"]["id"], told["passages"][0]["source"]) == (3, "a.md")  # type: ignore[index]
        metrics = EventMetrics(store)
        found = metrics.summary("t", days)
        assert (found.n_local, found.n_declined, found.paid.n, found.fallback_share) == (1, 1, 0, 0.5)
        (figures,) = metrics.confidence("t", days).histograms
        assert (figures.method, sum(figures.n)) == ("mean-cosine", 2)
        assert {(each.kind, each.stage) for each in metrics.latency("t", days)} == {
            (kind, stage) for kind in ("local", "declined") for stage in ("retrieval", "total")
        }
        assert metrics.heat("t", days, 5).documents[0].n == 2
        exports = Exports(store)
        chat = Export(exports).write(tmp_path / "c.jsonl", "t", ChatForm(exports, "AION", mask_row))
        assert (chat.n_rows, chat.left_out) == (1, {"declined": 1})
        assert Export(exports).write(tmp_path / "r.jsonl", "t", RawForm(exports, mask_row)).n_rows == 5
