"""Asks a server for streamed chat completions, many at once, and notes when each piece came.

Plain sockets, a connection a request (llama-server closes its connections), and pieces are read apart only
after the last one: on a machine of few cores the one who asks must not slow down the one who answers.
Knows neither which server answers nor what is measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

_WORDS = Path(__file__).parents[1] / "examples" / "sintra"
_WAIT_S = 600.0


@dataclass
class Answer:
    """One request: when it was sent (monotonic seconds), the raw pieces with their times, what went wrong
    ("" when nothing did), and whether the asker left before the end."""

    sent: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    trouble: str = ""
    was_cut: bool = False

    @cached_property
    def events(self) -> list[tuple[float, dict[str, Any]]]:
        """The server-sent events in OpenAI's form, less [DONE]."""
        lines = ((at, line) for at, piece in self.pieces for line in piece.splitlines())
        data = ((at, line[5:].strip()) for at, line in lines if line.startswith(b"data:"))
        return [(at, json.loads(text)) for at, text in data if text != b"[DONE]"]

    @cached_property
    def times(self) -> list[float]:
        """When each piece of text came."""
        return [at for at, event in self.events if _text(event)]

    @property
    def text(self) -> str:
        return "".join(_text(event) for _, event in self.events)

    @property
    def n_tokens(self) -> int:
        """As the server counted them; for an answer that was cut, its pieces."""
        counts = [event["usage"]["completion_tokens"] for _, event in self.events if event.get("usage")]
        return int(counts[-1]) if counts else len(self.times)

    @property
    def n_prompt(self) -> int:
        counts = [event["usage"]["prompt_tokens"] for _, event in self.events if event.get("usage")]
        return int(counts[-1]) if counts else 0

    @property
    def end(self) -> float:
        return self.pieces[-1][0] if self.pieces else self.sent

    @property
    def first_token_s(self) -> float:
        return self.times[0] - self.sent

    @property
    def tokens_per_s(self) -> float:
        """From the first piece of text to the last."""
        return (self.n_tokens - 1) / (self.times[-1] - self.times[0])

    def longest_gap_s(self, since: float = 0.0, until: float = float("inf")) -> float:
        """The longest wait between two pieces of text of which the later came in that time."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return max((b - a for a, b in pairs if since <= b and a <= until), default=0.0)

    def check(self) -> Answer:
        """Itself, when it is whole; else RuntimeError."""
        errors = [event["error"] for _, event in self.events if "error" in event]
        if self.trouble or errors or not self.times:
            raise RuntimeError(f"a request failed: {self.trouble or errors or 'no text came'}")
        return self


def _text(event: dict[str, Any]) -> str:
    choices = event.get("choices") or [{}]
    return str(choices[0].get("delta", {}).get("content") or "")


async def ask(
    port: int,
    messages: Sequence[dict[str, str]],
    n_tokens: int,
    until: float | None = None,
    **more: object,
) -> Answer:
    """Send one request, greedy, and read its stream to the end or to the time `until`."""
    body = {
        "messages": list(messages), "max_tokens": n_tokens, "temperature": 0.0, "stream": True,
        "stream_options": {"include_usage": True}, **more,
    }  # fmt: skip
    answer = Answer(time.monotonic())
    wait = _WAIT_S if until is None else until - answer.sent
    try:
        async with asyncio.timeout(wait):
            await _exchange(port, json.dumps(body).encode(), answer)
    except TimeoutError:
        answer.was_cut = True
        answer.trouble = "" if until is not None else f"no end within {wait:.0f} s"
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        answer.trouble = repr(error)
    return answer


async def _exchange(port: int, body: bytes, answer: Answer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        status = await reader.readuntil(b"\r\n")
        headers = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in status:
            raise ValueError(f"{status.decode().strip()}: {(await reader.read(2000)).decode()}")
        if b"chunked" not in headers.lower():
            answer.pieces.append((time.monotonic(), await reader.read()))
            return
        while n_bytes := int(await reader.readuntil(b"\r\n"), 16):
            piece = await reader.readexactly(n_bytes + 2)
            answer.pieces.append((time.monotonic(), piece))
    finally:
        writer.close()


def question(n_words: int, seed: object) -> list[dict[str, str]]:
    """A user's message of `n_words` words of the examples in an order of its own."""
    words = [word for path in sorted(_WORDS.glob("*.md")) for word in path.read_text("utf-8").split()]
    chosen = random.Random(str(seed)).choices(words, k=n_words)
    return [{"role": "user", "content": " ".join(chosen)}]


async def wave(
    port: int, n_streams: int, n_tokens: int, n_words: int, seed: object, until: float | None = None
) -> list[Answer]:
    """As many requests at once, each with a prompt of its own."""
    asked = (ask(port, question(n_words, (seed, k)), n_tokens, until) for k in range(n_streams))
    answers = await asyncio.gather(*asked)
    return [answer.check() for answer in answers] if until is None else list(answers)


def throughput(answers: Sequence[Answer]) -> float:
    """Tokens a second of all, from the first request to the last piece."""
    seconds = max(a.end for a in answers) - min(a.sent for a in answers)
    return sum(a.n_tokens for a in answers) / seconds
