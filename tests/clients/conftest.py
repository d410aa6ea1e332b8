from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aion.server.services import open_services
from tests.engine.tools.families import TEMPLATES, make_model
from tests.server.live import DEADLINE_S, SINTRA, Live, Narrow, lent, live, narrow_with_document, settings_in

NODE_DIR = Path(__file__).parent / "node"
Node = Callable[..., Any]


@pytest.fixture(scope="session")
def sintra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """AION as `make run` starts it, the example documents in its store."""
    settings = settings_in(tmp_path_factory.mktemp("clients"))
    with open_services(settings) as services:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        with live(services) as running:
            yield running


@pytest.fixture(scope="session")
def _narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    with narrow_with_document(tmp_path_factory.mktemp("narrow")) as running:
        yield running


@pytest.fixture
def endless(_narrow: Narrow) -> Iterator[Narrow]:
    """One slot and a model that never ends by itself; idle before and after."""
    yield from lent(_narrow)


@pytest.fixture(scope="session")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A tiny random model whose template has tools."""
    folder = tmp_path_factory.mktemp("calling")
    path = make_model(folder / "model", TEMPLATES["hermes"])
    settings = settings_in(folder, base_model=str(path), parallel=2)
    with open_services(settings) as services, live(services) as running:
        yield running


@pytest.fixture(scope="session")
def node() -> Node:
    """Runs a script of `node/` and gives the JSON it prints; keyword arguments go into its environment."""
    program = shutil.which("node")
    if program is None or not (NODE_DIR / "node_modules").is_dir():
        pytest.skip("Node with the packages of tests/clients/node is not there (scripts/install.py dev)")

    def run(*arguments: object, **environment: str) -> Any:
        done = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, check=False,
            cwd=NODE_DIR, env=environment or None, timeout=2 * DEADLINE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run
