"""The contract's TypeScript client, compiled as strictly as its compiler can and run by Node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import NODE_DIR, Node
from tests.server.live import Live, Narrow, wait_until

LONG = {"prompt": "Fale do tour", "max_new_tokens": 1500}


@pytest.fixture(scope="session")
def compiled(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as JavaScript."""
    out = tmp_path_factory.mktemp("compiled")
    (out / "package.json").write_text('{"type": "module"}')
    options = ["--strict", "--target", "es2022", "--module", "esnext", "--lib", "es2022,dom"]
    node("node_modules/typescript/bin/tsc", *options, "--outDir", out, "aion_client.ts")
    return out / "aion_client.js"


def asked(node: Node, compiled: Path, url: str, args: dict[str, Any], *timeout_ms: int) -> Any:
    script = NODE_DIR / "ask_contract.mjs"
    return node(script, compiled, json.dumps(args), *timeout_ms, AION_LOCAL_LLM_URL=url)


def test_it_reads_the_text(node: Node, compiled: Path, sintra: Live) -> None:
    args = {
        "system": "Responda em português.", "prompt": "Fale do tour", "context": "O tour dura 4 horas.",
        "temperature": 0.0, "top_p": 0.9, "max_new_tokens": 8,
    }  # fmt: skip
    told = asked(node, compiled, sintra.url, args)
    assert told == {"text": sintra.post("/generate", args).json()["text"]}
    assert told["text"]


def test_what_is_absent_takes_its_default(node: Node, compiled: Path, sintra: Live) -> None:
    told = asked(node, compiled, sintra.url, {"prompt": "Olá"})
    assert set(told) == {"text"}


def test_stop_stops(node: Node, compiled: Path, endless: Narrow) -> None:
    args = {"prompt": "Fale do tour", "temperature": 0.0, "max_new_tokens": 40}
    whole = asked(node, compiled, endless.url, args)["text"]
    stop = whole[len(whole) // 2 :][:4]
    cut = asked(node, compiled, endless.url, args | {"stop": [stop]})["text"]
    assert cut == whole[: whole.index(stop)].strip()


@pytest.mark.parametrize(("args", "status"), [({"prompt": ""}, 400), ({"prompt": "Oi", "top_p": 7}, 400)])
def test_a_status_that_is_not_2xx_is_an_error(
    node: Node, compiled: Path, sintra: Live, args: dict[str, Any], status: int
) -> None:
    told = asked(node, compiled, sintra.url, args)
    assert told["error"] == "Error"
    assert told["message"].startswith(f"AION answered {status}: ")


def test_its_abort_stops_the_generation(node: Node, compiled: Path, endless: Narrow) -> None:
    endless.tap.shut()
    n_before = len(endless.engine.aborted)
    told = asked(node, compiled, endless.url, LONG, 1500)
    assert told["error"] == "AbortError"
    wait_until(lambda: len(endless.engine.aborted) > n_before, "the server to stop generating")
    endless.tap.open()
    endless.wait_idle()
    endless.assert_answers()


def test_no_server_is_an_error(node: Node, compiled: Path) -> None:
    assert "error" in asked(node, compiled, "http://127.0.0.1:9", {"prompt": "Oi"})
