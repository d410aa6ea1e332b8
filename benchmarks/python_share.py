"""`aion serve` with a stopwatch: how much of a step is llama.cpp's, and how much Python's?

    AION_BASE_MODEL=MODEL.gguf ... python benchmarks/python_share.py --out FILE.json

Serves like `aion serve` (engine.py starts it so and asks) and, when ended, writes for the steps that
decoded alike many tokens: milliseconds a step, those spent in llama.cpp (computing and sampling), and the
share of the rest. A step lasts from one llama_decode to the next. The time in which a thread of llama.cpp
waits for the interpreter's lock to come back counts as llama.cpp's; it shows in `compute_ms` against that
of `--alone N`, which lets the engine decode N sequences to their end with nobody listening.
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aion.engine.library import lib
from aion.server.lifecycle.run import Told, run_server
from aion.server.services import open_services
from aion.settings import load_settings
from aion.types import Delta, Finished, GenerationEvent, Sampling

_TOGETHER = ("llama_synchronize", "llama_sampler_sample")


class Stopwatch:
    """Times llama.cpp's functions as the engine thread calls them. `install` before an engine is made."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, int, float]] = []  # begin, tokens, seconds in llama.cpp
        self._inside = 0.0

    def install(self) -> None:
        decode = lib.llama_decode

        def timed_decode(context: Any, batch: Any) -> int:
            if threading.current_thread().name != "aion-engine":
                return int(decode(context, batch))
            started = time.perf_counter()
            status = int(decode(context, batch))
            self.steps.append((started, batch.n_tokens, 0.0))
            self._add(time.perf_counter() - started)
            return status

        lib.llama_decode = timed_decode
        for name in _TOGETHER:
            setattr(lib, name, self._timed(getattr(lib, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            started = time.perf_counter()
            found = function(*args)
            self._add(time.perf_counter() - started)
            return found

        return timed

    def _add(self, seconds: float) -> None:
        if self.steps and threading.current_thread().name == "aion-engine":
            begin, n_tokens, inside = self.steps[-1]
            self.steps[-1] = (begin, n_tokens, inside + seconds)

    def result(self) -> dict[str, float]:
        """Of the batch size seen most often, where the next step was of that size too: medians in ms, and
        the share of Python in the sum of all (a long wait between two steps is no step)."""
        sizes = collections.Counter(n for _, n, _ in self.steps)
        common = sizes.most_common(1)[0][0]
        pairs = zip(self.steps, self.steps[1:], strict=False)
        alike = [(b[0] - a[0], a[2]) for a, b in pairs if a[1] == b[1] == common]
        usual = statistics.median(whole for whole, _ in alike)
        alike = [(whole, inside) for whole, inside in alike if whole < 20 * usual]
        return {
            "n_tokens": common,
            "n_steps": len(alike),
            "step_ms": 1000 * usual,
            "compute_ms": 1000 * statistics.median(inside for _, inside in alike),
            "python_percent": 100 - 100 * sum(i for _, i in alike) / sum(w for w, _ in alike),
        }


def decode_alone(n_streams: int, n_tokens: int = 256) -> None:
    """The engine as the settings ask, decoding with listeners that only note the end."""
    ended = threading.Semaphore(0)

    def sink(event: GenerationEvent) -> None:
        if isinstance(event, Finished):
            ended.release()
        else:
            assert isinstance(event, Delta)

    with open_services(load_settings()) as services:
        for k in range(n_streams):
            prompt = list(range(1000 + 100 * k, 1064 + 100 * k))
            services.engine.submit(prompt, Sampling(temperature=0.0, max_new_tokens=n_tokens), sink)
        for _ in range(n_streams):
            ended.acquire()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--alone", type=int, metavar="N")
    args = parser.parse_args()
    stopwatch = Stopwatch()
    stopwatch.install()
    if args.alone:
        decode_alone(args.alone)
    else:
        run_server({}, Told(lambda _: None, lambda *_: None, lambda *_: None))
    args.out.write_text(json.dumps(stopwatch.result()))


if __name__ == "__main__":
    main()
