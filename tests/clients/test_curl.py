"""Every curl command of the README and the docs, run as it stands there."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import docx
import pytest

from tests.rag.readers.pdf_file import lines, pdf
from tests.server.live import DEADLINE_S, Live

ROOT = Path(__file__).parents[2]
ADDRESS = "http://127.0.0.1:8008"
EXAMPLES_ONLY = ("models/tone.gguf",)  # files that are not there


def commands() -> list[str]:
    """Those that ask AION at its own address; one may go over several lines, in a quoted body too."""
    found = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            found += re.findall(r"^curl (?:\\\n|'[^']*'|\"[^\"]*\"|[^\n'\"])*", block, re.MULTILINE)
    return [command for command in found if ADDRESS in command]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the files the commands send."""
    folder = tmp_path_factory.mktemp("curl")
    letter, saved = docx.Document(), io.BytesIO()
    letter.add_paragraph("O comboio parte às 9h.")
    letter.save(saved)
    (folder / "horarios.docx").write_bytes(saved.getvalue())
    for name in ("tabela.pdf", "precos.pdf"):
        (folder / name).write_bytes(pdf([lines(f"A {name} diz 95 euros.")]))
    return folder


def test_there_are_some() -> None:
    assert len(commands()) >= 5


@pytest.mark.parametrize("command", commands())
def test_it_does_what_the_page_says(sintra: Live, folder: Path, command: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian: apt install curl)")
    told = command.replace(ADDRESS, sintra.url).replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
    if "event_id" in told:
        event = sintra.post("/api/ai/chat", {"message": "Quanto custa o tour half-day?"}).json()["event_id"]
        told = re.sub(r'"event_id": \d+', f'"event_id": {event}', told)
    done = subprocess.run(
        ["bash", "-c", told], capture_output=True, text=True, check=False, cwd=folder, timeout=DEADLINE_S
    )
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    is_refused = any(name in command for name in EXAMPLES_ONLY)
    assert status in (("400",) if is_refused else ("200", "201")), body
    assert isinstance(json.loads(body), dict)
