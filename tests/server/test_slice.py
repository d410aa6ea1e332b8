"""The first promise: the embedded model answers about the examples, with a citation that exists."""

from __future__ import annotations

import contextlib
import re

import apsw

from tests.server.live import Live

QUESTION = "Explique a diferença entre o tour full-day e o half-day em Sintra"


def test_a_question_is_answered_from_the_examples_and_recorded(sintra: Live) -> None:
    response = sintra.post("/api/ai/chat", {"message": QUESTION, "seed": 1})
    answer = response.json()
    assert (response.status_code, answer["used"]) == (200, "local")
    assert answer["C"] >= sintra.services.settings.tau_confidence
    body, _, sources = answer["text"].partition("Fontes: ")
    cited = {int(n) for n in re.findall(r"\[(\d+)\]", body)}
    by_n = {passage["n"]: passage for passage in answer["passages"]}
    assert cited
    assert cited <= set(by_n)
    assert all(f"[{n}] {by_n[n]['source']}" in sources for n in cited)
    assert_recorded(sintra, answer)


def assert_recorded(sintra: Live, answer: dict[str, object]) -> None:
    """In the SQLite file: the answer's event, the retrieval's event before it, and a row a passage."""
    db = apsw.Connection(str(sintra.services.settings.db), flags=apsw.SQLITE_OPEN_READONLY)
    with contextlib.closing(db):
        retrieval, written = db.execute(
            "SELECT kind, value, meta ->> 'prompt', meta ->> 'reply', meta ->> 'source', id FROM events "
            "WHERE tenant = 'default' AND id <= ? ORDER BY id DESC LIMIT 2",
            (answer["event_id"],),
        ).fetchall()[::-1]
        rows = db.execute(
            "SELECT rank, source, text FROM retrievals WHERE tenant = 'default' AND event_id = ? "
            "ORDER BY rank",
            (retrieval[-1],),
        ).fetchall()
    assert written == ("answer", 1, QUESTION, answer["text"], "local", answer["event_id"])
    assert retrieval[:2] == ("retrieval", len(rows))
    passages = answer["passages"]
    assert isinstance(passages, list)
    sent = [(p["n"], p["source"], p["text"]) for p in passages]
    assert sent
    assert sent == rows[: len(sent)]
    assert len(rows) == 8
