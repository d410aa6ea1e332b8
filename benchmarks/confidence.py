"""How far confidence is to be trusted: AUROC and ECE of the built-in prior and of the contract's formula.

`python benchmarks/confidence.py --data FOLDER [--hard FOLDER] [--json F] [--svg F]`. Of FOLDER's split `test`
each article is once in the index and once left out of it: its questions are answerable and unanswerable.
--hard is a set whose unanswerable questions are about passages that are there. It takes the embedded
embedding model.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from confidence_corpus import (
    TENANT,
    Corpus,
    Passage,
    Question,
    RememberingEmbedder,
    collection,
    indexed,
    read,
)
from reliability_svg import diagram

from aion.answer.calibration.figures import measured, reliability
from aion.answer.confidence.features import features
from aion.answer.confidence.judges import MeanCosine, prior
from aion.rag.retrieve import Retriever
from aion.server.library import open_library
from aion.settings import load_settings
from aion.types import Embedder

SIZES = (10, 30, 100)
N_COLLECTIONS = 12
N_QUESTIONS = 60  # of either kind, a collection
TAU = 0.62
Report = dict[str, Any]


@dataclass(slots=True)
class Asked:
    """What came out, a number a question; `seconds` are those of features and model alone."""

    truth: list[bool] = field(default_factory=list)
    calibrated: list[float] = field(default_factory=list)
    mean_cosine: list[float] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def ask(self, retriever: Retriever, question: Question, *, is_answerable: bool) -> None:
        found = retriever.retrieve(TENANT, question.text)
        started = time.process_time()
        self.calibrated.append(prior("").probability(features(found)))
        self.seconds += time.process_time() - started
        self.mean_cosine.append(MeanCosine().confidence(TENANT, found))
        self.truth.append(is_answerable)
        self.titles.append(found.passages[0].title if found.passages else "")

    def only(self, titles: set[str]) -> Asked:
        """Those whose best passage is of one of these articles."""
        kept = [n for n, title in enumerate(self.titles) if title in titles]
        return Asked(
            [self.truth[n] for n in kept],
            [self.calibrated[n] for n in kept],
            [self.mean_cosine[n] for n in kept],
            [self.titles[n] for n in kept],
        )

    def report(self) -> Report:
        return {
            "calibrated": measured(self.truth, self.calibrated, TAU).to_json(),
            "mean_cosine": measured(self.truth, self.mean_cosine, TAU).to_json(),
        }


def main() -> None:
    options = parse_options()
    corpus = read(options.data)
    with open_library(load_settings(db=Path(options.work, "embedder.db"))) as library:
        embedder = RememberingEmbedder(library.embedder)
        left_out = articles_left_out(corpus, embedder)
        report: Report = {"embedder": embedder.name, "left_out": left_out.report()}
        report["left_out"]["ms_a_question"] = round(left_out.seconds / len(left_out.truth) * 1000, 3)
        report["left_out"]["reliability"] = [
            asdict(one) for one in reliability(left_out.truth, left_out.calibrated)
        ]
        show("articles left out of the index", report["left_out"], ">= 0.90", "<= 0.05")
        for size in SIZES:
            report[f"passages_{size}"] = small(corpus, embedder, size).report()
            show(f"  of {size} passages only", report[f"passages_{size}"])
        if options.hard:
            report |= hard(read(options.hard), corpus, embedder)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.svg:
        of_formula = reliability(left_out.truth, left_out.mean_cosine)
        options.svg.write_text(diagram(reliability(left_out.truth, left_out.calibrated), of_formula))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="passages.jsonl and questions.jsonl")
    parser.add_argument("--hard", type=Path, help="the same, with questions whose passage is null")
    parser.add_argument("--work", type=Path, default=Path("/tmp"), help="where files go meanwhile")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--svg", type=Path, help="draw the reliability diagram here")
    return parser.parse_args()


def articles_left_out(corpus: Corpus, embedder: Embedder) -> Asked:
    """Half of the test articles are left out, then the other half; every test question is asked twice."""
    names = sorted(corpus.articles("test"))
    random.Random(1).shuffle(names)
    asked = Asked()
    questions = corpus.of([p for p in corpus.passages.values() if p.split == "test"])
    for half in (0, 1):
        out = set(names[half::2])
        there = [p for p in corpus.passages.values() if p.title not in out]
        ids = {p.id for p in there}
        with indexed(there, embedder) as retriever:
            for question in questions:
                asked.ask(retriever, question, is_answerable=question.passage in ids)
    return asked


def small(corpus: Corpus, embedder: Embedder, size: int) -> Asked:
    """Small collections of test articles."""
    chosen, asked = random.Random(size), Asked()
    articles = corpus.articles("test")
    for _ in range(N_COLLECTIONS):
        inside, _, out = collection(articles, size, chosen)
        with indexed(inside, embedder) as retriever:
            right = pick(corpus, inside, chosen, N_QUESTIONS)
            for question in right:
                asked.ask(retriever, question, is_answerable=True)
            for question in pick(corpus, out, chosen, len(right)):
                asked.ask(retriever, question, is_answerable=False)
    return asked


def pick(corpus: Corpus, passages: list[Passage], chosen: random.Random, n: int) -> list[Question]:
    questions = corpus.of(passages)
    return chosen.sample(questions, min(n, len(questions)))


def hard(corpus: Corpus, trained: Corpus, embedder: Embedder) -> Report:
    """Unanswerable questions about passages that are there. The embedder was trained with questions about
    most of these articles, so the ones it has not seen are told apart, by the title of the best passage."""
    asked = Asked()
    with indexed(list(corpus.passages.values()), embedder) as retriever:
        for question in corpus.questions:
            asked.ask(retriever, question, is_answerable=question.passage is not None)
    unseen = asked.only(set(trained.articles("test")))
    report = {"hard": asked.report(), "hard_unseen": unseen.report()}
    show("unanswerable though the article is there", report["hard"])
    show("  of articles the embedder has not seen", report["hard_unseen"])
    return report


def show(name: str, report: Report, *goals: str) -> None:
    ours, theirs = report["calibrated"], report["mean_cosine"]
    counts = f"{ours['n_answerable']:.0f} + {ours['n_unanswerable']:.0f}"
    print(f"{name:<42}{counts:>14} questions", flush=True)
    rows = (("AUROC", "auroc"), ("ECE", "ece"), (f"answerable, C >= {TAU}", "passed"),
            (f"unanswerable, C >= {TAU}", "passed_wrongly"))  # fmt: skip
    for n, (label, key) in enumerate(rows):
        goal = goals[n] if n < len(goals) else ""
        print(f"    {label:<30}{ours[key]:>8.4f}   mean-cosine {theirs[key]:.4f}   {goal}", flush=True)


if __name__ == "__main__":
    main()
