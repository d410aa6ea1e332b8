from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from aion.events.late import LateFile
from aion.store.event_rows import Entry, Judged, Line
from aion.types import Event
from tests.events.answers import PASSAGE
from tests.small_disk import files_up_to


def entry(n: int, text: str = "São João \ud800\0") -> Entry:
    line = Line(Event("answer", 1.0, {"prompt": text, "n": n}), (PASSAGE,), None, 7, {"retrieval": 0},
                (Judged("q", "a.md", "ff00", None),))  # fmt: skip
    return Entry("t", (line,), "c", "2026-01-01T00:00:00.000Z", f"k{n}")


@pytest.fixture
def late(tmp_path: Path) -> LateFile:
    return LateFile(tmp_path / "aion.db-late")


def test_entries_come_back_as_they_were_and_in_order(late: LateFile) -> None:
    assert late.is_empty
    for n in range(3):
        late.append(entry(n))
    assert not late.is_empty
    with late.held() as held:
        assert held.entries == [entry(n) for n in range(3)]


def test_of_an_entry_of_another_version_what_is_known_is_kept(late: LateFile) -> None:
    late.append(entry(1))
    whole = json.loads(late.path.read_bytes())
    (line,) = whole["lines"]
    for told in (whole, line, line["event"], *line["passages"], *line["judged"]):
        told["later"] = 1
    late.path.write_text(json.dumps(whole) + "\n")
    with late.held() as held:
        assert held.entries == [entry(1)]


def test_the_reserved_room_stays_when_entries_go(late: LateFile) -> None:
    late.reserve(100_000)
    assert late.is_empty
    with files_up_to(100_000):
        for n in range(3):
            late.append(entry(n))
    with late.held() as held:
        held.keep([False, True, False])
    with late.held() as held:
        assert held.entries == [entry(1)]
        held.clear()
    assert late.path.read_bytes() == bytes(100_000)
    late.release()
    assert not late.path.exists()


def test_a_file_with_entries_is_not_removed(late: LateFile) -> None:
    late.append(entry(0))
    late.release()
    assert late.path.exists()


def test_of_an_entry_without_room_nothing_stays(late: LateFile) -> None:
    late.append(entry(0))
    before = late.path.read_bytes()
    with files_up_to(len(before) + 1000), pytest.raises(OSError, match="File too large") as raised:
        late.append(entry(1, "x" * 5000))
    assert raised.value.errno == errno.EFBIG
    late.append(entry(2))
    with late.held() as held:
        assert held.entries == [entry(0), entry(2)]


@pytest.mark.parametrize("cut", [1, 50, 200])
def test_an_entry_that_was_cut_is_left_out_and_written_over(late: LateFile, cut: int) -> None:
    late.append(entry(0))
    whole = late.path.read_bytes()
    late.path.write_bytes(whole + whole[:-cut])
    with late.held() as held:
        assert held.entries == [entry(0)]
    late.append(entry(1))
    with late.held() as held:
        assert held.entries == [entry(0), entry(1)]


def test_a_damaged_entry_takes_no_other_along(late: LateFile) -> None:
    late.append(entry(0))
    with late.path.open("ab") as file:
        file.write(b'{"tenant": "t"}\n{"half\n')
        file.write(b'{"tenant": "t", "lines": [{"event": "x", "passages": [], "judged": []}]}\n')
    late.append(entry(1))
    with late.held() as held:
        assert held.entries == [entry(0), entry(1)]
        held.clear()
    assert not late.path.read_bytes().strip(b"\0")
