"""How well are sentences that no passage bears out told from those that one does?

    python benchmarks/support.py --data FOLDER [--split train] [--passages 400] [--coverage 0.3 ...] [--json]

FOLDER holds `passages.jsonl` ({id, title, text, split}) and `questions.jsonl` ({question, passage, answers,
split}) in Portuguese. For each question drawn, four passages of its article are "sent", the right one among
them, and sentences are made whose truth is known. Supported: one of the passage as it is, its clauses in
another order, a fifth of its words left out, two of two passages in one, and the question with its answer as
a statement, which is a person's paraphrase. Unsupported: a sentence of another passage of the article, one
with a number or a name changed, one denied, a question with the answer to another one. Precision and recall
are of the kinds' mean shares, each kind counting the same. `--coverage` tries other values of
support.MIN_COVERAGE, which was chosen on squad-pt's `train` and is reported on squad2-pt.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from aion.answer.support import unsupported as support
from aion.rag.sentences import split_sentences
from aion.types import Passage

Row = dict[str, Any]
N_SENT = 4
_NEGATING = ("não", "sem", "nem", "nunca", "exceto", "nenhum", "nenhuma")
_ASKING = re.compile(
    r"^(?:em |de |a |por |com |para )?"
    r"(?:quem|qual|quais|que|o que|onde|quando|quantos?|quantas?|como|por que)\b",
    re.IGNORECASE,
)
_VERB = re.compile(r"\b(?:é|foi|são|foram|era|eram|tem|pode|podem|está|estão) ")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<=[a-zà-ú,] )[A-ZÀ-Ú][a-zà-ú]{3,}")


class Case(NamedTuple):
    kind: str
    is_supported: bool
    sentence: str
    sent: list[str]
    question: str = ""


class Source(NamedTuple):
    """A question with its passage, the passages sent and one of the same article that was not."""

    row: Row
    passage: Row
    sent: list[Row]
    other: Row
    others: list[Row]


def cases(data: Path, split: str | None, n: int) -> Iterator[Case]:
    """What can be made of `n` questions with an answer, of the split or of all; the same each time."""
    rng = random.Random(0)
    passages = _rows(data / "passages.jsonl")
    by_id = {row["id"]: row for row in passages}
    articles: dict[str, list[Row]] = defaultdict(list)
    for row in passages:
        articles[row["title"]].append(row)
    asked = [q for q in _rows(data / "questions.jsonl") if q["passage"] and q["answers"]]
    asked = [q for q in asked if split in (None, q.get("split"))]
    of_passage: dict[str, list[Row]] = defaultdict(list)
    for question in asked:
        of_passage[question["passage"]].append(question)
    rng.shuffle(asked)
    for question in asked[:n]:
        passage = by_id[question["passage"]]
        near = [row for row in articles[passage["title"]] if row["id"] != passage["id"]]
        rng.shuffle(near)
        if len(near) < N_SENT:
            continue
        others = near[N_SENT - 1 :]
        source = Source(question, passage, [passage, *near[: N_SENT - 1]], rng.choice(others), others)
        yield from _made(source, of_passage[source.other["id"]], rng)


def _made(source: Source, elsewhere: list[Row], rng: random.Random) -> Iterator[Case]:
    texts = [f"{row['title']}\n{row['text']}" for row in source.sent]
    rng.shuffle(texts)
    sentences = _whole(source.passage)
    if not sentences:
        return
    sentence = rng.choice(sentences)
    for kind, made in _supported(sentence, source, rng):
        yield Case(kind, True, made, texts)
    for kind, made in _unsupported(sentence, source, "\n".join(texts), rng):
        yield Case(kind, False, made, texts)
    question = source.row["question"]
    yield Case("question and answer", True, _stated(question, source.row["answers"][0]), texts, question)
    if elsewhere:
        other = rng.choice(elsewhere)
        answer = other["answers"][0]
        yield Case("another question", False, _stated(other["question"], answer), texts, other["question"])
        if answer.lower() not in "\n".join(texts).lower():
            yield Case("another answer", False, _stated(question, answer), texts, question)


def _supported(sentence: str, source: Source, rng: random.Random) -> Iterator[tuple[str, str]]:
    yield "as it is", sentence
    clauses = sentence.rstrip(".").split(", ")
    if len(clauses) > 1:
        yield "reordered", ", ".join([*clauses[1:], clauses[0]]).capitalize() + "."
    words = sentence.split()
    yield "shortened", " ".join(word for word in words if rng.random() > 0.2 or word.lower() in _NEGATING)
    if beside := _whole(source.sent[1]):
        yield "two in one", f"{sentence.rstrip('.')} e {rng.choice(beside)}"


def _unsupported(sentence: str, source: Source, sent: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    if elsewhere := _whole(source.other):
        yield "from elsewhere", rng.choice(elsewhere)
    beyond = " ".join(row["text"] for row in source.others)
    for kind, pattern in (("number", _NUMBER), ("name", _NAME)):
        there = pattern.findall(sentence)
        unknown = [one for one in pattern.findall(beyond) if one not in sent]
        if there and unknown:
            yield f"another {kind}", sentence.replace(rng.choice(there), rng.choice(unknown), 1)
    numbers = _NUMBER.findall(sentence)
    near = [one for one in _NUMBER.findall(sent) if one not in sentence]
    if numbers and near:
        yield "a number of the passages", sentence.replace(rng.choice(numbers), rng.choice(near), 1)
    if " não " in sentence:
        yield "denied", sentence.replace("não ", "", 1)
    elif verb := _VERB.search(sentence):
        yield "denied", f"{sentence[: verb.start()]}não {sentence[verb.start() :]}"


def _stated(question: str, answer: str) -> str:
    return f"{_ASKING.sub('', question).strip(' ?')} {answer}."


def _whole(row: Row) -> list[str]:
    return [s for s in split_sentences(row["text"]) if 6 <= len(s.split()) <= 50 and s.endswith(".")]


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def measure(made: list[Case], coverage: float) -> dict[str, Any]:
    """The share marked of each kind; precision, recall and F1 of marking; ms a sentence."""
    support.MIN_COVERAGE = coverage
    marked: dict[tuple[str, bool], list[bool]] = defaultdict(list)
    started = time.perf_counter()
    for case in made:
        sent = [Passage(n, n, n, "", "", text, 1, 0, 0, 0) for n, text in enumerate(case.sent, 1)]
        spans = support.unsupported(case.sentence, sent, (), case.question)
        marked[case.kind, case.is_supported].append(bool(spans))
    ms = (time.perf_counter() - started) * 1000 / len(made)
    shares = {key: sum(of) / len(of) for key, of in marked.items()}
    right = [share for (_, is_supported), share in shares.items() if not is_supported]
    wrong = [share for (_, is_supported), share in shares.items() if is_supported]
    recall, false = sum(right) / len(right), sum(wrong) / len(wrong)
    precision = recall / (recall + false) if recall else 0.0
    return {
        "coverage": coverage, "n": len(made), "precision": precision, "recall": recall,
        "f1": 2 * precision * recall / (precision + recall) if recall else 0.0, "ms": ms,
        "marked": {kind: share for (kind, _), share in shares.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--split")
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--coverage", type=float, nargs="+", default=[support.MIN_COVERAGE])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    made = list(cases(args.data, args.split, args.passages))
    found = [measure(made, coverage) for coverage in args.coverage]
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for row in found:
        print(
            "  ".join(f"{name} {row[name]:.3f}" for name in ("coverage", "precision", "recall", "f1", "ms"))
        )
        for kind, share in row["marked"].items():
            print(f"  {kind:26} {share:.3f}")


if __name__ == "__main__":
    main()
