"""Clients that send bytes as they are, and what they got: a status in AION's form, an end, or nothing.

Knows which answers are allowed and nothing of what was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.mutator import Attack

_REASONED = (501, 503, 504)  # a server's fault that is nobody's mistake
_MOST_BYTES = 4_000_000


@dataclass
class Verdict:
    """How often what came back, and each answer that may not be."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __iadd__(self, other: Verdict) -> Verdict:
        self.counts.update(other.counts)
        self.wrong += other.wrong
        return self

    def judge(self, attack: Attack, answer: bytes, ended: str) -> None:
        statuses = [int(found) for found in re.findall(rb"(?:^|\r\n)HTTP/1\.1 (\d{3}) ", answer)]
        final = [status for status in statuses if status >= 200]
        self.counts[str(final[0]) if final else ended] += 1
        if final and (trouble := _trouble(final[0], answer)):
            self.wrong.append(f"{attack.name} -> {trouble}\n    sent {attack.data[:400]!r}")


async def throw(
    address: tuple[str, int], attacks: Iterable[Attack], n_at_once: int, wait_s: float
) -> Verdict:
    """Send them all, so many at once; a connection on which nothing comes for `wait_s` is left."""
    verdict, coming = Verdict(), iter(attacks)

    async def client() -> None:
        for attack in coming:
            verdict.judge(attack, *await _sent(address, attack.data, wait_s))

    await asyncio.gather(*(client() for _ in range(n_at_once)))
    return verdict


async def _sent(address: tuple[str, int], data: bytes, wait_s: float) -> tuple[bytes, str]:
    answer, ended = b"", "closed"
    try:
        reader, writer = await asyncio.open_connection(*address)
    except OSError:
        return b"", "not connected"
    try:
        writer.write(data)
        while len(answer) < _MOST_BYTES and not _is_whole(answer):
            async with asyncio.timeout(wait_s):
                piece = await reader.read(65536)
            if not piece:
                break
            answer += piece
    except TimeoutError:
        ended = "no answer, left"
    except OSError:
        pass
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return answer, ended


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found or head.startswith(b"HTTP/1.1 100"):
        return False
    length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
    if length:
        return len(body) >= int(length[1])
    return b"\r\ntransfer-encoding: chunked" not in head.lower() or body.endswith(b"0\r\n\r\n")


def _trouble(status: int, answer: bytes) -> str:
    """What is wrong with an answer, or ""."""
    if status >= 500 and status not in _REASONED:
        return f"{status} {answer[-300:]!r}"
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    if length := re.search(rb"\r\ncontent-length: (\d+)", head.lower()):
        body = body[: int(length[1])]
    if b'"type": "server_error"' in body or b'"type":"server_error"' in body:
        return f"{status} {body[-300:]!r}"
    if status < 400 or not body or not _is_whole(answer):
        return ""
    try:
        error = json.loads(body)["error"]
        is_good = set(error) == {"message", "type", "param", "code"} and error["message"] and error["type"]
    except (ValueError, KeyError, TypeError):
        is_good = False
    return "" if is_good else f"{status} not in the one form: {body[:200]!r}"
