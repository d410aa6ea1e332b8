"""What is measured of speed, a function a case: each starts its servers in turn and yields its rows.

Knows what a run asks and which numbers it takes; what a swap and a service cost is in engine_cost.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
from bench import Bench, Row, Values, rows_of
from load import Answer, ask, question, throughput, wave
from questions import MODEL, N_ANSWER, N_CTX, Messages, Questions, make_questions
from servers import Server, llama_server


def one_stream(bench: Bench) -> Iterator[Row]:
    """Tokens a second of one answer, first token to last."""
    n_tokens = 64 if bench.is_quick else 256

    async def measure(server: Server, number: int) -> Values:
        await wave(server.port, 1, 16, 16, "warm")
        (answer,) = await wave(server.port, 1, n_tokens, 32, number)
        return {"tokens_per_s": answer.tokens_per_s}

    for name in bench.models:
        sides = bench.sides(bench.setup(bench.model(name).gguf, 1))
        found = bench.alternate(f"1 stream, {name}", sides, measure)
        yield from rows_of(found, "tokens_per_s", f"decode, 1 stream, {name}", "tok/s", ">= 1.00")


def many_streams(bench: Bench, counts: tuple[int, ...] = (8, 16)) -> Iterator[Row]:
    """Tokens a second of a wave of answers to different prompts, from the first request to the last token."""
    n_tokens = 32 if bench.is_quick else 128

    async def measure(n: int, server: Server, number: int) -> Values:
        await wave(server.port, n, 8, 16, "warm")
        return {"tokens_per_s": throughput(await wave(server.port, n, n_tokens, 64, number))}

    for name in bench.models:
        for n in counts:
            sides = bench.sides(bench.setup(bench.model(name).gguf, n))
            found = bench.alternate(f"{n} streams, {name}", sides, partial(measure, n))
            yield from rows_of(found, "tokens_per_s", f"throughput, {n} streams, {name}", "tok/s", ">= 1.03")


def first_token(bench: Bench) -> Iterator[Row]:
    """Eight clients, each asking again as soon as it is answered; all begin at once."""
    n_rounds = 2 if bench.is_quick else 5

    async def client(port: int, number: int, k: int) -> list[Answer]:
        return [
            (await ask(port, question(96, (number, k, i)), 16 + 8 * ((k + i) % 4))).check()
            for i in range(n_rounds)
        ]

    async def measure(server: Server, number: int) -> Values:
        await wave(server.port, 8, 8, 16, "warm")
        clients = await asyncio.gather(*(client(server.port, number, k) for k in range(8)))
        waits = [1000 * answer.first_token_s for answers in clients for answer in answers]
        return {"p50": float(np.percentile(waits, 50)), "p95": float(np.percentile(waits, 95))}

    for name in bench.models:
        sides = bench.sides(bench.setup(bench.model(name).gguf, 8))
        found = bench.alternate(f"first token, {name}", sides, measure)
        for key in ("p50", "p95"):
            yield from rows_of(found, key, f"first token, 8 streams, {key}, {name}", "ms", "<= 0.80")


def busy(bench: Bench) -> Iterator[Row]:
    """Tokens a second of eight streams in a fixed time, beside a process that never rests."""
    window_s = 6.0 if bench.is_quick else 20.0

    async def measure(server: Server, number: int) -> Values:
        await wave(server.port, 8, 8, 16, "warm")
        with _busy_process():
            until = time.monotonic() + window_s
            answers = await wave(server.port, 8, 900, 32, number, until)
        return {"tokens_per_s": sum(len(answer.times) for answer in answers) / window_s}

    for name in bench.models:
        sides = bench.sides(bench.setup(bench.model(name).gguf, 8))
        found = bench.alternate(f"busy, {name}", sides, measure)
        yield from rows_of(
            found, "tokens_per_s", f"8 streams, a busy process beside, {name}", "tok/s", ">= 3"
        )


@contextlib.contextmanager
def _busy_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def documents(bench: Bench) -> Iterator[Row]:
    """Sixteen questions, eight at a time, the instructions computed before by a seventeenth."""
    n = 4 if bench.is_quick else 16
    copying = bench.model("copying").gguf
    for model, name, n_words in ((MODEL, "nano", 120), (MODEL, "nano", 40), (copying, "copying 125m", 120)):
        asked = make_questions(model, n + 1, n_words, with_cue=model == copying)
        case = f"{n} questions, 8 x {asked.n_words} words, {name}"
        print(f"  {case}: {asked.n_instructions} tokens of instructions, prompts up to {asked.n_prompt_max}")
        sides = bench.sides(bench.setup(model, 8, N_CTX))
        if bench.llama_server is not None:
            guessing = bench.setup(model, 8, N_CTX, flags=("-kvu", "--spec-type", "ngram-simple"))
            sides["llama-server, n-gram"] = partial(llama_server, guessing, bench.llama_server)
        found = bench.alternate(case, sides, partial(_ask_all, asked))
        yield from rows_of(found, "per_minute", case, "/min", ">= 1.5")


async def _ask_all(asked: Questions, server: Server, _number: int) -> Values:
    gate = asyncio.Semaphore(8)

    async def one(messages: Messages) -> Answer:
        async with gate:
            return (await ask(server.port, messages, N_ANSWER)).check()

    *questions, first = asked.messages
    await one(first)
    started = time.monotonic()
    answers = await asyncio.gather(*map(one, questions))
    minutes = (time.monotonic() - started) / 60
    return {
        "per_minute": len(answers) / minutes,
        "tokens": statistics.mean(answer.n_tokens for answer in answers),
        "copied": asked.n_copied([answer.text for answer in answers]) / len(answers),
    }
