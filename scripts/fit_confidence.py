"""Fit what judges confidence before any calibration, `aion/answer/confidence/prior.json`.

    python scripts/fit_confidence.py --data FOLDER

FOLDER holds `passages.jsonl` and `questions.jsonl`. Of the articles of its split `train` collections of 8 to
2,000 passages are made, from one article up to all but a quarter. They are asked questions that their passages
answer, as many that only left-out articles answer, and, for a third as many and half the weight, questions
that another passage of the same article answers. One in sixty answerable questions is asked once more with a
"não" put into it, as one that is not answered; only the weight of negations is learnt from these. Only words
are searched, so that the model holds whatever embeds; it takes a minute.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from confidence_corpus import TENANT, Corpus, Question, collection, indexed, read  # noqa: E402

from aion.answer.calibration.fit import Belief, fit  # noqa: E402
from aion.answer.confidence.features import LEXICAL, SIGNS, features  # noqa: E402

SIZES = (8, 20, 60, 200, 600, 2000)
N_QUESTIONS = 700  # of each size, answerable
NEAR_SHARE, NEAR_WEIGHT = 1 / 3, 0.5  # of questions whose article is there and whose passage is not
NEGATED_SHARE = 1 / 60
STRENGTH = 5.0  # one over the variance of a weight about 0


@dataclass(frozen=True, slots=True)
class Example:
    features: dict[str, float]
    is_answerable: bool
    weight: float = 1.0
    is_turned: bool = False


def main() -> None:
    options = parse_options()
    examples = list(asked(read(options.data), random.Random(options.seed)))
    rows = np.array([[one.features[name] for name in LEXICAL] for one in examples])
    truth = np.array([float(one.is_answerable) for one in examples])
    weights = np.array([one.weight for one in examples])
    asked_so = np.array([not one.is_turned for one in examples])
    model = fit(LEXICAL, rows[asked_so], truth[asked_so], Belief(None, STRENGTH, SIGNS), weights[asked_so])
    belief = Belief(model, STRENGTH, SIGNS, frozenset({"negated"}))
    model = fit(LEXICAL, rows, truth, belief, weights)
    found = {
        "names": list(model.names),
        "means": rounded(model.means),
        "scales": rounded(model.scales),
        "weights": rounded(model.weights),
        "bias": round(model.bias, 6),
    }
    options.out.write_text(json.dumps({"models": {"": found}}, indent=1) + "\n", encoding="utf-8")
    print(f"{len(examples)} examples; {options.out}")
    for name, weight in sorted(zip(model.names, model.weights, strict=True), key=lambda pair: -abs(pair[1])):
        print(f"{name:<16}{weight:>8.2f}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="passages.jsonl and questions.jsonl")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "aion/answer/confidence/prior.json", help="where it goes"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def asked(corpus: Corpus, chosen: random.Random) -> Iterator[Example]:
    articles = corpus.articles("train")
    for size in SIZES:
        n_collections = max(1, min(25, 600 // size)) if size < 600 else 2
        n = max(20, N_QUESTIONS // n_collections)
        for _ in range(n_collections):
            inside, near, out = collection(articles, size, chosen)
            right = some(corpus.of(inside), n, chosen)
            wrong = some(corpus.of(out), len(right), chosen)
            close = some(corpus.of(near), int(n * NEAR_SHARE), chosen)
            with indexed(inside, None) as retriever:

                def found(question: Question, retriever=retriever) -> dict[str, float]:
                    return features(retriever.retrieve(TENANT, question.text))

                yield from (Example(found(question), True) for question in right)
                yield from (Example(found(question), False) for question in wrong)
                yield from (Example(found(question), False, NEAR_WEIGHT) for question in close)
                turned = [
                    negated(question, chosen) for question in some(right, int(n * NEGATED_SHARE), chosen)
                ]
                yield from (Example(found(question), False, is_turned=True) for question in turned)
        print(f"{size} passages: asked", flush=True)


def some(questions: list[Question], n: int, chosen: random.Random) -> list[Question]:
    return chosen.sample(questions, min(n, len(questions)))


def negated(question: Question, chosen: random.Random) -> Question:
    """With a "não" between two of its words."""
    words = question.text.split()
    words.insert(chosen.randint(1, max(1, len(words) - 1)), "não")
    return Question(" ".join(words), None)


def rounded(values: tuple[float, ...]) -> list[float]:
    return [round(value, 6) for value in values]


if __name__ == "__main__":
    main()
