from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aion.errors import DocumentError
from aion.rag.readers.content import Content
from aion.rag.readers.registry import FORMATS, Format
from aion.rag.readers.sandbox import Sandbox
from aion.types import Section
from tests.server.live import wait_until

KINDS = {".bad": Format("tests.rag.readers.misbehaving"), **FORMATS}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=20, memory_mb=256, n_children=1, kinds=KINDS) as sandbox:
        yield sandbox


def text(sandbox: Sandbox, data: bytes) -> str:
    return sandbox.read(".bad", data, "a.bad").sections[0].text


def test_everything_that_was_found_comes_back(sandbox: Sandbox) -> None:
    assert sandbox.read(".bad", "olá".encode(), "a.bad") == Content(
        "título", (Section(("a", "b"), "olá", 3, 4),), "2024-01-31", ("t",)
    )


def test_a_child_is_kept_for_the_next_document(sandbox: Sandbox) -> None:
    assert text(sandbox, b"pid") == text(sandbox, b"pid") != str(os.getpid())


@pytest.mark.parametrize("what", [b"hang", b"hold"])
def test_a_parser_that_hangs_is_ended_and_the_next_document_is_read(what: bytes) -> None:
    with Sandbox(timeout_s=0.5, n_children=1, kinds=KINDS) as sandbox:
        with pytest.raises(DocumentError, match=r"a\.bad was not read within 0\.5 s; split it"):
            text(sandbox, what)
        assert text(sandbox, b"x") == "x"


def test_a_parser_that_eats_memory_is_ended(sandbox: Sandbox) -> None:
    with pytest.raises(DocumentError, match=r"a\.bad takes more than 256 MB of memory to read"):
        text(sandbox, b"eat")
    assert text(sandbox, b"x") == "x"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (b"crash", r"a\.bad makes its reader fail \(signal SIGSEGV\)"),
        (b"exit", r"a\.bad makes its reader fail \(exit status 3\)"),
        (b"quit", r"a\.bad makes its reader fail \(it left\)"),
        (b"fail", r"a\.bad is damaged or still being written \(KeyError: 'a part is missing\.'\)"),
        (b"refuse", r"^a\.bad is not for reading\.$"),
        (b"", r"a\.bad is empty"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_the_next_is_read(
    sandbox: Sandbox, what: bytes, message: str
) -> None:
    with pytest.raises(DocumentError, match=message):
        text(sandbox, what)
    assert text(sandbox, b"x") == "x"


def test_what_a_parser_prints_is_no_answer(sandbox: Sandbox) -> None:
    assert text(sandbox, b"print") == "print"


def test_a_child_sees_neither_the_environment_nor_the_requests(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cr3t")
    assert "SECRET_KEY" not in text(sandbox, b"look")
    assert text(sandbox, b"look").endswith("''")


def test_large_documents_pass_both_ways(sandbox: Sandbox) -> None:
    data = b"palavra " * 10**6
    assert len(text(sandbox, data)) == len(data)


def test_threads_share_the_children() -> None:
    with Sandbox(n_children=2, kinds=KINDS) as sandbox, ThreadPoolExecutor(8) as pool:
        words = [f"palavra {n}" for n in range(40)]
        assert list(pool.map(lambda word: text(sandbox, word.encode()), words)) == words
        assert len(set(pool.map(lambda _: text(sandbox, b"pid"), range(20)))) <= 2


@pytest.mark.parametrize("what", [b"leave", b"grow"])
def test_a_child_that_left_is_replaced_without_a_word(what: bytes) -> None:
    with Sandbox(memory_mb=256, n_children=1, kinds=KINDS) as sandbox:
        first = text(sandbox, b"pid")
        text(sandbox, what)
        until = time.monotonic() + 20
        while _is_alive(Path(f"/proc/{first}")) and time.monotonic() < until:
            time.sleep(0.01)
        assert text(sandbox, b"pid") != first
        assert text(sandbox, b"pid") == text(sandbox, b"pid")


def test_a_closed_sandbox_has_no_children_and_reads_no_more() -> None:
    sandbox = Sandbox(n_children=1, kinds=KINDS)
    first = int(text(sandbox, b"pid"))
    sandbox.close()
    assert not Path(f"/proc/{first}").exists()
    with pytest.raises(DocumentError, match=r"a\.bad was not read, for AION was ended"):
        text(sandbox, b"x")
    sandbox.close()


@pytest.mark.parametrize("what", [b"hang", b"hold"])
def test_closing_ends_what_is_being_read_and_what_waits(what: bytes) -> None:
    sandbox = Sandbox(timeout_s=600, n_children=1, kinds=KINDS)
    child = Path("/proc", text(sandbox, b"pid"))
    with ThreadPoolExecutor(3) as pool:
        readings = [pool.submit(text, sandbox, what) for _ in range(3)]
        wait_until(lambda: not sandbox._free.qsize(), "the reading to begin")
        sandbox.close()
        assert not child.exists()
        for reading in readings:
            with pytest.raises(DocumentError, match="was not read, for AION was ended"):
                reading.result()


PARENT = """
import sys, threading
from aion.rag.readers.registry import Format
from aion.rag.readers.sandbox import Sandbox
sandbox = Sandbox(n_children=1, kinds={".bad": Format("tests.rag.readers.misbehaving")})
text = lambda data: sandbox.read(".bad", data, "a").sections[0].text
thread = threading.Thread(target=lambda: print(text(b"pid"), flush=True))
thread.start()
thread.join()
text(WORD)
"""


@pytest.mark.parametrize("what", ["x", "hang", "hold"])
def test_a_child_lives_as_long_as_its_parent_and_not_its_thread(what: str) -> None:
    code = PARENT.replace("WORD", repr(what.encode())) + "sys.stdin.read()"
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = Path(f"/proc/{int(parent.stdout.readline())}")
        time.sleep(0.2)
        assert "worker" in (child / "cmdline").read_text()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 20
    while _is_alive(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _is_alive(child)


def _is_alive(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
