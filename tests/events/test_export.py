"""The file follows the log: whole, without doubles, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aion.answer.dataset import ChatForm
from aion.errors import InvalidRequest, StoreError
from aion.events.export import Export, Exported
from aion.events.export_form import Masked
from aion.events.raw import RawForm
from aion.store.connection import Store
from aion.store.event_removal import EventRemoval
from aion.store.exports import Exports
from tests.events.logged import TENANT, Log
from tests.small_disk import files_up_to


def no_mask(texts: Sequence[str]) -> Masked:
    return Masked(tuple(texts))


def chat(store: Store, **changes: Any) -> ChatForm:
    return ChatForm(Exports(store), "Você é AION.", changes.pop("mask", no_mask), **changes)


def export(
    store: Store, path: Path, *, fresh: bool = False, tenant: str = TENANT, **changes: Any
) -> Exported:
    return Export(Exports(store)).write(path, tenant, chat(store, **changes), fresh=fresh)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def ids(path: Path) -> list[int]:
    return [row["id"] for row in rows(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trainer" / "events.jsonl"


def test_only_what_is_new_is_added(log: Log, store: Store, path: Path) -> None:
    first = log.answer()
    assert export(store, path).n_new == 1
    before = path.read_bytes()
    second = log.answer()
    exported = export(store, path)
    assert (exported.n_rows, exported.n_new, ids(path)) == (2, 1, [first, second])
    assert path.read_bytes().startswith(before)
    assert export(store, path).n_new == 0


def test_feedback_that_comes_later_changes_the_row(log: Log, store: Store, path: Path) -> None:
    wrong, good, refused = log.answer(), log.answer(), log.answer(reason="low_confidence")
    export(store, path)
    log.feedback(wrong, thumb="down")
    log.feedback(good, correction="Custa 12 €. [1]")
    log.feedback(refused, correction="Custa 13 €. [1]")
    exported = export(store, path)
    assert (exported.n_new, exported.n_changed, exported.n_removed) == (1, 1, 1)
    assert {row["id"]: row["messages"][-1]["content"] for row in rows(path)} == {
        good: "Custa 12 €. [1]",
        refused: "Custa 13 €. [1]",
    }
    assert exported.n_rows == 2


def test_what_is_forgotten_goes_from_the_file(log: Log, store: Store, path: Path) -> None:
    gone, stays = log.answer(), log.answer()
    export(store, path)
    EventRemoval(store).erase(TENANT, [gone], (), {"by": ["texts"]})
    exported = export(store, path)
    assert (exported.n_removed, ids(path)) == (1, [stays])


def test_lines_of_others_stay(log: Log, store: Store, path: Path) -> None:
    first = log.answer()
    export(store, path)
    path.write_text('{"messages": "mine"}\n' + path.read_text("utf-8").rstrip("\n"), "utf-8")
    second = log.answer()
    assert export(store, path).n_rows == 3
    assert [row.get("id") for row in rows(path)] == [None, first, second]


def test_a_file_moved_away_is_not_written_again(log: Log, store: Store, path: Path) -> None:
    log.answer()
    export(store, path)
    path.rename(path.with_suffix(".old"))
    second = log.answer()
    export(store, path)
    assert ids(path) == [second]


def test_fresh_is_all_of_it_by_other_rules(log: Log, store: Store, path: Path) -> None:
    log.answer()
    paid = log.answer(source="fallback", reason="low_confidence")
    assert export(store, path).left_out == {"fallback": 1}
    with pytest.raises(InvalidRequest, match="written with teacher=false, not true"):
        export(store, path, teacher=True)
    assert export(store, path, teacher=True, fresh=True).n_rows == 2
    assert ids(path)[-1] == paid


def test_files_are_not_mixed(log: Log, store: Store, path: Path, tmp_path: Path) -> None:
    log.answer()
    export(store, path)
    with pytest.raises(InvalidRequest, match="tenant 't' in form 'chat', not of 'other'"):
        export(store, path, tenant="other")
    with pytest.raises(InvalidRequest, match="not of 't' in 'raw'"):
        Export(Exports(store)).write(path, TENANT, RawForm(Exports(store), None))
    with Store(tmp_path / "second.db") as second:
        Log(second).answer()
        with pytest.raises(InvalidRequest, match="was not written from this database"):
            export(second, path)
        assert export(second, path, fresh=True).n_rows == 1


def test_a_folder_that_cannot_be_written_is_told(log: Log, store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log.answer()
    with pytest.raises(StoreError, match="cannot be written"):
        export(store, tmp_path / "file" / "events.jsonl")


def test_a_disk_that_is_full_leaves_the_old_file(log: Log, store: Store, path: Path) -> None:
    log.answer()
    export(store, path)
    before = path.read_bytes()
    for _ in range(20):
        log.answer(reply=f"{'muito ' * 20_000}[1]")
    with files_up_to(1 << 20), pytest.raises(StoreError, match="cannot be written"):
        export(store, path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert export(store, path).n_rows == 21


def test_an_end_in_the_middle_leaves_the_old_file(log: Log, store: Store, path: Path) -> None:
    log.answer()
    export(store, path)
    before = path.read_bytes()
    log.answer()
    log.answer()
    n_rows = 0

    def pause() -> None:
        nonlocal n_rows
        n_rows += 1
        if n_rows == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Export(Exports(store), pause).write(path, TENANT, chat(store))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert export(store, path).n_new == 2


_EXPORTS = """
import sys, time
from pathlib import Path
from aion.events.export import Export
from aion.events import export as module
from aion.store.connection import Store
from aion.store.exports import Exports
from tests.events.test_export import TENANT, chat
where, at = Path(sys.argv[1]), sys.argv[2]
with Store(where / "aion.db") as store:
    exports = Exports(store)
    if at == "before the cursor":
        save = exports.save
        def late(*values):
            if values[4]:
                print("there", flush=True); time.sleep(60)
            save(*values)
        exports.save = late
    def pause():
        if at == "while writing":
            print("there", flush=True); time.sleep(60)
    Export(exports, pause).write(where / "trainer" / "events.jsonl", TENANT, chat(store))
"""


@pytest.mark.parametrize("at", ["while writing", "before the cursor"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_kill_doubles_nothing(log: Log, store: Store, path: Path, at: str, is_first: bool) -> None:
    answers = [log.answer() for _ in range(3)]
    if not is_first:
        export(store, path)
        answers += [log.answer() for _ in range(3)]
        log.feedback(answers[0], correction="Custa 12 €. [1]")
    command = [sys.executable, "-c", _EXPORTS, str(path.parents[1]), at]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        os.kill(process.pid, signal.SIGKILL)
    exported = export(store, path)
    assert sorted(ids(path)) == answers
    assert exported.n_rows == len(answers)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_raw_form_has_every_event(log: Log, store: Store, path: Path) -> None:
    answer = log.answer()
    feedback = log.feedback(answer, thumb="up", comment="ótimo\u2028")
    Export(Exports(store)).write(path, TENANT, RawForm(Exports(store), None))
    found = [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]
    retrieval, told, said = found
    assert [row["kind"] for row in found] == ["retrieval", "answer", "feedback"]
    assert (told["id"], said["id"], said["subject"]) == (answer, feedback, answer)
    assert said["meta"] == {"thumb": "up", "comment": "ótimo\u2028"}
    assert retrieval["passages"][1] == {
        "text": "Tour 2\nO tour 2 custa 20 €.",
        "source": "d1.md",
        "title": "D1",
    }


def test_the_raw_form_is_masked_through_and_through(log: Log, store: Store, path: Path) -> None:
    def mask(texts: Sequence[str]) -> Masked:
        return Masked(tuple(text.replace("Ana", "[NAME_1]") for text in texts), {"name": 1})

    log.event(
        "fallback", {"payload": {"messages": [{"content": "Ana pergunta"}, 3, None, True]}, "model": "x"}
    )
    exported = Export(Exports(store)).write(path, TENANT, RawForm(Exports(store), mask))
    (row,) = rows(path)
    assert row["meta"]["payload"] == {"messages": [{"content": "[NAME_1] pergunta"}, 3, None, True]}
    assert exported.masked == {"name": 1}
