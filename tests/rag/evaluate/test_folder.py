from __future__ import annotations

import json
from pathlib import Path

import pytest

from aion.errors import DocumentError
from aion.rag.evaluate.folder import read_folder

PASSAGES = [{"id": "p1", "title": "Pena", "text": "Abre às 9h30."}, {"id": "p2", "text": "Custa 20 €."}]


def write(folder: Path, questions: list[object], passages: list[object] | None = None) -> Path:
    for name, rows in (("passages", PASSAGES if passages is None else passages), ("questions", questions)):
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_questions_name_a_passage_or_grade_several(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            {"question": "a?", "passage": "p1", "answers": ["x"], "split": "test"},
            "",
            {"question": "b?", "relevance": {"p1": 2, "p2": 0.5}},
            {"question": "c?", "passage": None},
            {"question": "d?", "relevance": {"p1": 0}},
        ],
    )
    found = read_folder(tmp_path)
    assert [question.relevance for question in found.questions] == [{"p1": 1.0}, {"p1": 2.0, "p2": 0.5}]
    assert [question.answers for question in found.questions] == [("x",), ()]
    assert [question.text for question in found.unanswerable] == ["c?", "d?"]
    assert found.n_unanswerable == 2
    assert [passage.title for passage in found.passages] == ["Pena", ""]


def test_one_split_is_read(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "passage": "p1", "split": name} for n, name in enumerate(["test", "train"])]
    write(tmp_path, [*rows, {"question": "?", "passage": None, "split": "test"}])
    found = read_folder(tmp_path, "test")
    assert ([question.text for question in found.questions], found.n_unanswerable) == (["0?"], 1)
    with pytest.raises(
        DocumentError, match="no question with a passage in split 'dev'; its splits are: test, train"
    ):
        read_folder(tmp_path, "dev")


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        (["{"], r"questions\.jsonl cannot be used: line 1: not JSON"),
        (
            [{"question": "a?", "passage": "p1"}, {"question": "b?"}],
            "line 2: .*neither 'passage' nor 'relevance'",
        ),
        ([{"passage": "p1"}], "line 1: question: Field required"),
        ([{"question": "a?", "passage": 7}], "line 1: passage: Input should be a valid string"),
        ([{"question": "a?", "passage": "p9"}], r"line 1: passages\.jsonl has no passage 'p9'"),
        ([{"question": "a?", "relevance": {"p1": -1}}], "line 1: .*below 0"),
        (["[1]", "2"], "line 1: .*; line 2: "),
        (["x"] * 9, "line 5: .*; and 4 more"),
        ([], "has no question with a passage; add lines"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, questions: list[object], said: str) -> None:
    write(tmp_path, questions)
    with pytest.raises(DocumentError, match=said):
        read_folder(tmp_path)


def test_an_id_comes_once(tmp_path: Path) -> None:
    write(tmp_path, [{"question": "a?", "passage": "p1"}], [PASSAGES[0], PASSAGES[0]])
    with pytest.raises(DocumentError, match="line 2: the id 'p1' is that of an earlier passage"):
        read_folder(tmp_path)


def test_a_folder_without_the_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"FOLDER must hold passages\.jsonl and questions\.jsonl"):
        read_folder(tmp_path)


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    write(tmp_path, [])
    (tmp_path / "questions.jsonl").write_bytes(b'{"question": "\xff\xfe"}')
    with pytest.raises(DocumentError, match="line 1: not JSON"):
        read_folder(tmp_path)
