"""A folder to measure with: `passages.jsonl` and `questions.jsonl`, read by line, wrong lines named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aion.errors import DocumentError

MAX_WRONG = 5  # lines named in one message


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question and the grades, above 0, of the passages that answer it, by their ids: none answers it where
    that is empty. `answers` are texts that a right answer has one of, where they are known."""

    text: str
    relevance: Mapping[str, float]
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledPassage:
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """What a folder holds. The `unanswerable` questions name no passage; retrieval only counts them."""

    passages: tuple[LabelledPassage, ...]
    questions: tuple[LabelledQuestion, ...]
    unanswerable: tuple[LabelledQuestion, ...] = ()

    @property
    def n_unanswerable(self) -> int:
        return len(self.unanswerable)


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


Line = TypeVar("Line", bound=_Line)


class _PassageLine(_Line):
    id: str = Field(min_length=1)
    title: str = ""
    text: str = Field(min_length=1)


class _QuestionLine(_Line):
    question: str = Field(min_length=1)
    passage: str | None = None
    relevance: dict[str, float] | None = None
    answers: list[str] = []
    split: str | None = None

    @model_validator(mode="after")
    def _labelled(self) -> _QuestionLine:
        if not self.model_fields_set & {"passage", "relevance"}:
            raise ValueError("it has neither 'passage' nor 'relevance'")
        if self.relevance is not None and any(grade < 0 for grade in self.relevance.values()):
            raise ValueError("a grade is below 0")
        return self

    @property
    def grades(self) -> dict[str, float]:
        if self.relevance is not None:
            return {id_: grade for id_, grade in self.relevance.items() if grade > 0}
        return {} if self.passage is None else {self.passage: 1.0}


def read_folder(folder: Path, split: str | None = None) -> QuestionSet:
    """All passages and the questions, of one `split` when it is named.

    Raises DocumentError naming the file and the line: no JSON, a wrong field, a passage that does
    not exist or exists twice, no question at all.
    """
    passages = _passages(folder / "passages.jsonl")
    path = folder / "questions.jsonl"
    wrong = _Wrong(path)
    questions: list[LabelledQuestion] = []
    unanswerable: list[LabelledQuestion] = []
    splits: set[str | None] = set()
    for n, line in _lines(path, _QuestionLine, wrong):
        splits.add(line.split)
        if split is not None and line.split != split:
            continue
        grades = line.grades
        if missing := [id_ for id_ in grades if id_ not in passages]:
            wrong.add(n, f"passages.jsonl has no passage {missing[0]!r}")
        else:
            question = LabelledQuestion(line.question, grades, tuple(filter(None, line.answers)))
            (questions if grades else unanswerable).append(question)
    wrong.raise_if_any()
    if not questions:
        raise DocumentError(_no_questions(path, split, splits))
    return QuestionSet(tuple(passages.values()), tuple(questions), tuple(unanswerable))


def _passages(path: Path) -> dict[str, LabelledPassage]:
    wrong = _Wrong(path)
    passages: dict[str, LabelledPassage] = {}
    for n, line in _lines(path, _PassageLine, wrong):
        if line.id in passages:
            wrong.add(n, f"the id {line.id!r} is that of an earlier passage")
        passages[line.id] = LabelledPassage(line.id, line.title, line.text)
    wrong.raise_if_any()
    return passages


def _no_questions(path: Path, split: str | None, splits: set[str | None]) -> str:
    if split is None or not splits:
        return f"{path} has no question with a passage; add lines with 'question' and 'passage'."
    known = ", ".join(sorted(name for name in splits if name)) or "none"
    return f"{path} has no question with a passage in split {split!r}; its splits are: {known}."


class _Wrong:
    """Collects what is wrong with the lines of a file, to tell it all at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []

    def add(self, n: int, reason: str) -> None:
        self._found.append(f"line {n}: {reason}")

    def raise_if_any(self) -> None:
        if not self._found:
            return
        more = len(self._found) - MAX_WRONG
        tail = f"; and {more} more" if more > 0 else ""
        raise DocumentError(f"{self._path} cannot be used: {'; '.join(self._found[:MAX_WRONG])}{tail}.")


def _lines(path: Path, kind: type[Line], wrong: _Wrong) -> Iterator[tuple[int, Line]]:
    try:
        with path.open("rb") as file:
            for n, raw in enumerate(file, 1):
                if raw.strip():
                    yield from _parsed(n, raw, kind, wrong)
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read ({error.strerror or error}); FOLDER must hold passages.jsonl "
            "and questions.jsonl."
        ) from error


def _parsed(n: int, raw: bytes, kind: type[Line], wrong: _Wrong) -> Iterator[tuple[int, Line]]:
    try:
        yield n, kind.model_validate(json.loads(raw))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        wrong.add(n, f"{field}: {first['msg']}" if field else str(first["msg"]))
    except (ValueError, RecursionError) as error:  # bytes that are no text, text that is no JSON
        wrong.add(n, f"not JSON ({error})")
