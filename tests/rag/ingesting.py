"""An ingestion in a process of its own, to be killed: python -m tests.rag.ingesting DB FOLDER.

Writes a line before each document, and the summary as JSON at the end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aion.rag.ingest import Ingester
from aion.store.connection import Store
from aion.store.documents import Documents
from tests.rag.hashing import HashingEmbedder


def step(n_done: int, n_files: int, source: str) -> None:
    sys.stdout.write(f"{n_done} {n_files} {source}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with Store(Path(sys.argv[1])) as store:
        summary = Ingester(Documents(store), HashingEmbedder()).ingest([Path(sys.argv[2])], "t", step)
    sys.stdout.write(json.dumps(summary.as_json()) + "\n")
