"""How often does an answer name the right passage? And how fast does the model write?

    python benchmarks/answers.py --data FOLDER [--questions 100] [--json]

FOLDER holds `passages.jsonl` and `questions.jsonl`. Every passage becomes a document of a fresh
store; questions of the `test` split, evenly spaced, go through AION's own router. Beside the model
stand two bounds from the same retrieval: always citing the first passage, and a perfect reader
(the right passage is among those sent). Nothing is written outside a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from aion.answer.router import Answer, Question, Router
from aion.rag.sentences import split_sentences
from aion.server.services import Services, open_services
from aion.settings import load_settings
from aion.types import Finished, Message, Sampling


def write_documents(data: Path, folder: Path) -> None:
    """One markdown file a passage, named by its id."""
    for line in (data / "passages.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        (folder / f"{row['id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n", encoding="utf-8")


def held_back(data: Path, n: int) -> list[dict[str, Any]]:
    """`n` questions of the test split, evenly spaced."""
    rows = [json.loads(line) for line in (data / "questions.jsonl").open(encoding="utf-8")]
    rows = [r for r in rows if r.get("split") == "test" and r["passage"]]
    return rows[:: max(1, len(rows) // n)][:n]


async def ask_all(router: Router, tenant: str, questions: list[dict[str, Any]]) -> list[Answer]:
    """Each question once, one after another, trusted whatever its confidence (tau 0)."""
    answers = []
    for number, row in enumerate(questions, 1):
        answers.append(await router.answer(Question(row["question"], tenant, tau=0.0, seed=1)))
        print(f"\r  {number}/{len(questions)} questions", end="", flush=True)
    print()
    return answers


def judge(answers: list[Answer], questions: list[dict[str, Any]], texts: dict[str, str]) -> dict[str, float]:
    """Shares over all questions: right passage cited, copied from it, and the two bounds."""
    right = first = among = copied = cited = 0
    for answer, row in zip(answers, questions, strict=True):
        ids = [Path(p.source).stem for p in answer.passages]
        named = {ids[n - 1] for n in answer.cited}
        gold = row["passage"]
        cited += bool(named)
        right += gold in named
        first += bool(ids) and ids[0] == gold
        among += gold in ids
        body = answer.text.split("\n\nFontes:")[0].split(" [")[0].strip()
        copied += any(body == sentence for i in ids for sentence in split_sentences(texts[i]))
    n = len(questions)
    return {
        "right_passage_cited": right / n,
        "first_passage_is_right": first / n,
        "right_passage_among_sent": among / n,
        "cites_something": cited / n,
        "is_a_whole_sentence_of_a_passage": copied / n,
        "mean_confidence": statistics.mean(a.confidence for a in answers),
        "median_ms": statistics.median(a.ms["total"] for a in answers),
    }


async def tokens_per_second(services: Services, streams: int, rounds: int = 5) -> float:
    """Median tokens/s over all streams, 200 tokens each, short prompts, greedy."""

    async def one(k: int) -> int:
        sampling = Sampling(temperature=0.0, max_new_tokens=200)
        async for event in services.generator.stream(
            [Message("user", f"Conte até {k} e siga " * 8)], sampling
        ):
            if isinstance(event, Finished):
                return event.usage.n_completion
        return 0

    speeds = []
    for _ in range(rounds):
        started = time.monotonic()
        counts = await asyncio.gather(*(one(k) for k in range(streams)))
        speeds.append(sum(counts) / (time.monotonic() - started))
    return statistics.median(speeds)


def measure(args: argparse.Namespace) -> dict[str, float]:
    data = Path(args.data)
    questions = held_back(data, args.questions)
    rows = (json.loads(line) for line in (data / "passages.jsonl").open(encoding="utf-8"))
    texts = {r["id"]: r["text"] for r in rows}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "documents"
        folder.mkdir()
        write_documents(data, folder)
        settings = load_settings(db=Path(temporary) / "aion.db", base_model=args.model, parallel=8)
        with open_services(settings) as services:
            started = time.monotonic()
            summary = services.library.ingester.ingest([folder], settings.tenant)
            seconds = time.monotonic() - started
            print(f"{summary.added} documents ingested in {seconds:.0f} s")
            answers = asyncio.run(ask_all(services.router, settings.tenant, questions))
            result = judge(answers, questions, texts)
            result["documents_per_second"] = summary.added / seconds
            for streams in (1, 8):
                speed = asyncio.run(tokens_per_second(services, streams))
                result[f"tokens_per_second_{streams}_streams"] = speed
    if args.show:
        for answer, row in list(zip(answers, questions, strict=True))[: args.show]:
            print(f"- {row['question']}\n  {answer.text!r}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--model", default=None, help="a GGUF instead of the one AION chooses")
    parser.add_argument("--show", type=int, default=0, help="print that many answers")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args)
    if args.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:34} {value:10.3f}")


if __name__ == "__main__":
    main()
