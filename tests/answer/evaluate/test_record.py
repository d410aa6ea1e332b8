from __future__ import annotations

from pathlib import Path

import pytest

from aion.answer.evaluate.judged import Judged
from aion.answer.evaluate.record import AnswerRecords
from aion.errors import InvalidRequest

RUN: dict[str, object] = {"model": "nano", "tau": 0.62}
ONE = Judged(
    question="Quê?", relevance={"a.md": 1.0}, text="É [1].", ms={"total": 3.5}, unsupported=((0, 2),)
)


def test_what_was_judged_is_there_when_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswerRecords(path, RUN) as records:
        records.add(ONE)
        assert path.read_bytes().endswith(b"\n")  # before it is closed
    with AnswerRecords(path, RUN) as records:
        assert records.judged == [ONE]
        records.add(ONE)
    assert len(path.read_text("utf-8").splitlines()) == 3


def test_a_line_cut_off_by_a_kill_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswerRecords(path, RUN) as records:
        records.add(ONE)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[-20:-3])
    with AnswerRecords(path, RUN) as records:
        assert records.judged == [ONE]
    assert path.read_bytes() == whole
    path.write_bytes(whole[:10])
    with AnswerRecords(path, RUN) as records:
        assert records.judged == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"run": {"model": "other", "tau": 0.62}}\n',
            "of a run with model 'other', and this one has 'nano'",
        ),
        ('{"question": "a?"}\n', "does not hold the answers of a run"),
        ('{"run": {"model": "nano", "tau": 0.62}}\n{"question": 7}\n', "does not hold the answers"),
        ("não é JSON\n", "does not hold the answers"),
        ("[]\n", "does not hold the answers"),
    ],
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=said):
        AnswerRecords(path, RUN)
    assert path.read_text() == text
