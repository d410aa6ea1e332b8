"""`aion serve` killed with SIGKILL under load: is the file whole, and all there that was acknowledged?

    python benchmarks/kill.py [--kills 20] [--seed 1]

Clients ask (plain and streamed), have paid answers from a stand-in, send and delete documents, judge answers,
swap adapters and make keys, all at once; each writes down what was acknowledged. The service is killed at a
random moment, the file is checked as `aion check` does it, and what was written down is looked for in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.server.killing import Kill, kills

OUT = Path(__file__).with_suffix(".json")
MOST = 6  # acknowledgments of one kind in a life


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found: list[Kill] = []
    with tempfile.TemporaryDirectory() as folder:
        for kill in kills(Path(folder), asked.kills, asked.seed, MOST):
            found.append(kill)
            print(_line(kill), file=sys.stderr, flush=True)
    Console().print(_table(found))
    OUT.write_text(json.dumps(_summary(found, asked.seed), ensure_ascii=False, indent=2) + "\n")


def _line(kill: Kill) -> str:
    trouble = f"; {[*kill.problems, *kill.lost]}" if kill.problems or kill.lost else ""
    return (
        f"kill {kill.n}: {sum(kill.acknowledged.values())} acknowledged, under way {kill.under_way}{trouble}"
    )


def _table(found: list[Kill]) -> Table:
    table = Table("kill", "lived s", "acknowledged", "under way when killed", "check", "lost", "next start")
    for kill, following in zip(found, [*found[1:], None], strict=True):
        table.add_row(
            str(kill.n),
            f"{kill.lived_s:.1f}",
            str(sum(kill.acknowledged.values())),
            _counts(kill.under_way),
            "ok" if not kill.problems else "; ".join(kill.problems),
            str(len(kill.lost)),
            "" if following is None else f"{'answers' if following.answers else 'fails'}",
        )
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))


def _summary(found: list[Kill], seed: int) -> dict[str, object]:
    acknowledged, under_way = Counter[str](), Counter[str]()
    for kill in found:
        acknowledged.update(kill.acknowledged)
        under_way.update(kill.under_way)
    return {
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
        "seed": seed,
        "kills": len(found),
        "acknowledged": dict(acknowledged),
        "under_way_when_killed": dict(under_way),
        "checks_that_found_something": sum(bool(kill.problems) for kill in found),
        "acknowledged_and_lost": sum(len(kill.lost) for kill in found),
        "starts_that_answered": sum(kill.answers for kill in found),
        "ready_after_s": round(statistics.median(kill.start_s for kill in found), 2),
        "each": [asdict(kill) for kill in found],
    }


if __name__ == "__main__":
    main()
