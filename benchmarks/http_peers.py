"""The servers whose HTTP side is measured, each started with keys on, and what each is to be asked.

Knows how each is told to answer at once; nothing of loads and numbers.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from http_target import N_TOKENS
from servers import ROOT, Setup, free_port, llama_server, process

_MODEL = ROOT / "models" / "aion-nano.gguf"
_KEY = "sk-load"
_LITELLM = f"""\
model_list:
  - model_name: any
    litellm_params:
      model: openai/any
      api_key: none
      mock_response: "{"tour " * (3 * N_TOKENS // 5)}"
general_settings:
  master_key: {_KEY}
"""  # it streams three characters at a time


@dataclass(frozen=True, slots=True)
class Side:
    """A server that runs. `rate` and `stream_rate` are requests a second."""

    port: int
    key: str
    rate: float
    stream_rate: float
    fields: Mapping[str, object] = field(default_factory=dict)


@contextlib.contextmanager
def target(kind: str, rate: float) -> Iterator[Side]:
    """AION without its engine, or the bare application (http_target.py)."""
    port, script = free_port(), str(Path(__file__).with_name("http_target.py"))
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AION_")}
        command = [sys.executable, script, kind, str(port), folder]
        with process(command, port, folder, environment | {"PYTHONPATH": str(ROOT)}):
            yield Side(port, Path(folder, "key").read_text(), rate, rate)


@contextlib.contextmanager
def llama(program: Path, rate: float) -> Iterator[Side]:
    """llama-server has to compute: one token of a model of 6 MB. It tells how long that took, and that is
    taken off."""
    setup = Setup(_MODEL, n_streams=8, n_ctx=1024, n_threads=1).with_flags("--api-key", _KEY)
    with llama_server(setup, program) as server:
        yield Side(server.port, _KEY, rate, rate, {"max_tokens": 1})


@contextlib.contextmanager
def litellm(program: Path, rate: float, stream_rate: float) -> Iterator[Side]:
    """LiteLLM's proxy with an answer of its own, one worker."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(_LITELLM)
        command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        more = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        options = ["--num_workers", "1", "--telemetry", "False"]
        with process([*command, *options], port, folder, dict(os.environ) | more):
            yield Side(port, _KEY, rate, stream_rate)
