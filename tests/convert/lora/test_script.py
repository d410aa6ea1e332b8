"""scripts/convert_lora.py as a process, with a real HTTP server in the place of AION."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aion.convert.gguf_file import GgufFile
from aion.errors import CheckpointError
from tests.convert.hub_server import hub_environment, serving_hub
from tests.convert.lora.tuned import Tiny, tune

SCRIPT = Path(__file__).parents[3] / "scripts" / "convert_lora.py"


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, llama: Tiny) -> Path:
    folder = tmp_path_factory.mktemp("script") / "tours"
    tune(llama, folder, target_modules=["q_proj"])
    return folder


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


keys: list[str | None] = []  # what the servers below were sent, in order


@contextmanager
def answering(
    body: Any, status: int = 200, location: str = ""
) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """The address of a server that answers every POST so, and the (path, body) it was asked."""
    asked: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            keys.append(self.headers["Authorization"])
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_it_converts_into_the_adapters_folder_and_has_it_loaded(adapter: Path, llama: Tiny) -> None:
    with answering({"ok": True}) as (url, asked):
        done = run("--adapter", adapter, "--base", llama.gguf, "--type", "q8_0", "--reload", f"{url}/")
    out = adapter / "tours.gguf"
    assert (done.returncode, asked) == (0, [("/adapter/reload", {"path": str(out)})])
    assert f"{out}: 2 modules, rank 8, 0.0 MiB." in done.stdout
    assert f"{url} has loaded it." in done.stdout
    assert "4/4 blk.1.attn_q.weight.lora_b" in done.stderr
    assert GgufFile(out).metadata["general.file_type"] == 7
    again = run("--adapter", adapter, "--base", llama.gguf)
    assert (again.returncode, GgufFile(out).metadata["general.file_type"]) == (0, 1)
    named = run("--adapter", adapter, "--base", llama.gguf, "--out", out)
    assert (named.returncode, named.stdout) == (1, "")
    assert "tours.gguf exists already" in named.stderr


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"ok": False, "error": "trained on another base"}, 200, "did not load it: trained on another base"),
        ({"detail": "no"}, 404, 'answers 404: {"detail": "no"}'),
        (b"<html>", 200, "no AION answers at"),
    ],
)
def test_what_a_server_may_answer(
    tmp_path: Path, adapter: Path, llama: Tiny, body: Any, status: int, says: str
) -> None:
    out = tmp_path / "o.gguf"
    with answering(body, status) as (url, _):
        done = run("--adapter", adapter, "--base", llama.folder, "--out", out, "--reload", url)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"{out} is written, but")
    assert says in done.stderr
    assert out.exists()


def test_a_key_comes_from_a_file(tmp_path: Path, adapter: Path, llama: Tiny) -> None:
    file, out = tmp_path / "key", tmp_path / "o.gguf"
    wanted = ("--adapter", adapter, "--base", llama.gguf, "--out", out, "--overwrite", "--key-file", file)
    with answering({"ok": True}) as (url, _):
        done = run(*wanted, "--reload", url)
        assert (done.returncode, f"{file} cannot be read" in done.stderr) == (1, True)
        file.write_text("aion_id_secret\n")
        assert run(*wanted, "--reload", url).returncode == 0
    assert keys[-1] == "Bearer aion_id_secret"


@pytest.mark.parametrize(
    "held", ["", "secret", "aion_a_secret\naion_b_secret", "aion_a_secret x", "aion_é_secret", b"\xff_secret"]
)
def test_what_holds_no_key_is_told_without_quoting_it(tmp_path: Path, held: str | bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(held if isinstance(held, bytes) else held.encode())
    with answering({"ok": True}) as (url, asked), pytest.raises(CheckpointError) as caught:
        script().reload(url, tmp_path / "o.gguf", file)
    assert (asked, "secret" in caught.value.message) == ([], False)
    assert str(file) in caught.value.message


def test_a_key_is_not_sent_on_to_another_address(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("aion_id_secret")
    with answering({"ok": True}) as (other, asked), answering({}, 302, f"{other}/x") as (url, _):
        with pytest.raises(CheckpointError, match="answers 302"):
            script().reload(url, tmp_path / "o.gguf", file)
        assert asked == []


def script() -> Any:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("convert_lora_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nobody_listens(tmp_path: Path, adapter: Path, llama: Tiny) -> None:
    with answering({}) as (url, _):
        pass
    done = run("--adapter", adapter, "--base", llama.gguf, "--out", tmp_path / "o", "--reload", url)
    assert done.returncode == 1
    assert f"no AION answers at {url} (" in done.stderr


def test_a_base_of_the_hub_is_fetched_without_its_weights(tmp_path: Path, adapter: Path, llama: Tiny) -> None:
    with serving_hub() as hub:
        hub.add_folder("org/tiny", llama.folder)
        where = hub_environment(hub, tmp_path)
        done = run("--adapter", adapter, "--base", "org/tiny", "--out", tmp_path / "o.gguf", **where)
        assert hub.fetched("config.json")
        assert not hub.fetched(".safetensors")
    assert done.returncode == 0, done.stderr
    assert "no fingerprint of its base" in done.stderr
    assert GgufFile(tmp_path / "o.gguf").architecture == "llama"


def test_errors_are_one_sentence(tmp_path: Path, llama: Tiny) -> None:
    done = run("--adapter", tmp_path / "absent", "--base", llama.gguf)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "absent is not a folder" in done.stderr
    done = run("--adapter", tmp_path, "--base", tmp_path / "absent")
    assert done.returncode == 1
    assert "absent is no file, no folder and no hub id (owner/name)" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--adapter", "a", "--base", "b", "--type", "q4_k_m"],
        ["--adapter", "a", "--base", "b", "--reload", "x"],
    ],
)
def test_a_wrong_command_line(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
