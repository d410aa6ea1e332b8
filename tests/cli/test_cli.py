"""Every command as a person types it: what it prints, how it ends, never a traceback."""

from __future__ import annotations

import re
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Run

OPTIONS = {
    "pull": ["name", "--type", "--file", "--list", "--allow-pickle", "@revision"],
    "serve": ["--host", "--port", "--db", "--model", "AION_PORT"],
    "ingest": ["paths", "--db", "--tenant", "Exit code 1"],
    "ask": ["question", "--db", "--model", "--tenant", "--tau", "--seed"],
    "convert": ["source", "--out", "--type", "--name", "--imatrix", "--allow-pickle", "--overwrite"],
    "quantize": ["source", "OUT", "--type", "--imatrix", "--overwrite"],
    "merge": [
        "BASE.gguf",
        "ADAPTER.gguf",
        "--base",
        "--adapter",
        "--out",
        "--type",
        "--scale",
        "--allow-pickle",
    ],
    "convert-lora": ["--adapter", "--base", "--out", "--type", "--name", "--overwrite", "--allow-pickle"],
    "doctor": ["--db", "--model", "Exit code 1"],
}


@pytest.mark.parametrize("name", OPTIONS)
def test_help_names_the_options(aion: Run, name: str) -> None:
    done = aion(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert [word for word in OPTIONS[name] if word not in done.out] == []


def test_help_names_the_commands(aion: Run) -> None:
    done = aion("--help")
    assert done.code == 0
    assert [name for name in OPTIONS if name not in done.out] == []
    daily, answers, models = (done.out.index(f"─ {panel}") for panel in ("Every day", "How good", "Models"))
    assert daily < done.out.index(" ask ") < answers < done.out.index(" metrics ") < models
    assert models < done.out.index(" quantize ")


def test_paragraphs_of_help_break_where_the_terminal_does_and_not_the_source(aion: Run) -> None:
    assert (
        "then it listens on AION_HOST (0.0.0.0) and every request needs a key." in aion("serve", "--help").out
    )


def test_settings_that_nobody_reads_are_told_by_every_command(aion: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AION_DBB=/mnt/aion.db\nthis is no setting\n")
    done = aion("keys", "list")
    assert done.code == 0
    assert done.err.splitlines() == [
        "Note: AION_DBB (.env line 1) is no setting of AION; did you mean AION_DB?",
        "Note: .env line 2 cannot be read; write NAME=VALUE.",
    ]
    assert "did you mean AION_DB?" in aion("doctor").out


def test_version(aion: Run) -> None:
    assert re.fullmatch(r"aion \d+\.\d+\.\d+\S*\n", aion("--version").out)


def test_ingest_reads_what_is_new_and_skips_the_rest(aion: Run, documents: Path) -> None:
    first = aion("ingest", documents).out
    assert re.fullmatch(r"2 added, 0 changed, 0 unchanged, 0 failed in \d+\.\d s\.\n2 chunks\.\n", first)
    (documents / "half-day.txt").write_text("Tour half-day\n\nAgora dura cinco horas.\n")
    (documents / "corrupt.md").write_bytes(b"\x00\x01\x02" * 100)
    again = aion("ingest", documents, documents / "missing.md")
    assert again.code == 1
    assert again.out.startswith("0 added, 1 changed, 1 unchanged, 2 failed in ")
    assert "docs/corrupt.md is not text although it is named .md; save it as text.\n" in again.err
    assert again.err.count("corrupt.md") == 1
    above = aion("ingest", ".").err  # its name is longer then than the path that was given
    assert "corrupt.md" in above
    assert above.count("corrupt.md") == 1
    assert "missing.md does not exist; check the path." in again.err
    (documents / "corrupt.md").unlink()
    assert aion("ingest", documents).out.startswith("0 added, 0 changed, 2 unchanged, 0 failed in ")


def test_ask_writes_the_answer_and_its_sources(aion: Run, documents: Path) -> None:
    aion("ingest", documents)
    done = aion("ask", "Quanto dura o tour full-day?", "--seed", "1", "--tau", "0")
    assert done.code == 0
    assert done.err == "" or done.err.startswith("Not in the passages: ")
    text, _, below = done.out.partition("\n\nused: ")
    assert text.strip()
    assert below.startswith("local, ")
    assert re.search(r"\[1\] +docs/full-day\.md +line \d +\d\.\d\d +O tour full-day dura", below)


def test_ask_without_documents_says_what_to_do(aion: Run) -> None:
    done = aion("ask", "Quanto custa?")
    assert done.code == 0
    assert "aion ingest" in done.out


@pytest.mark.parametrize("question", ["", "   "])
def test_an_empty_question_is_a_sentence(aion: Run, question: str) -> None:
    done = aion("ask", question)
    assert (done.code, done.out) == (1, "")
    assert done.err == "aion: The message is empty; write a question.\n"


def test_a_question_over_the_context_is_a_sentence(aion: Run, documents: Path) -> None:
    aion("ingest", documents)
    done = aion("ask", "palavra " * 4000, "--tau", "0")
    assert (done.code, done.out) == (1, "")
    assert re.search(r"has \d+ tokens and the context holds \d+", done.err)


@pytest.mark.parametrize("words", [["ask", "oi"], ["serve", "--port", "0"]])
def test_a_missing_model_is_a_sentence(aion: Run, words: list[str]) -> None:
    done = aion(*words, "--model", "missing.gguf")
    assert (done.code, done.out) == (1, "")
    assert "The model file missing.gguf does not exist; " in done.err


@pytest.mark.parametrize("content", [b"", b"GGUF", b"no model at all " * 9, b"GGUF\x03\0\0\0" + b"\0" * 999])
def test_a_corrupt_model_is_a_sentence(aion: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    done = aion("ask", "oi", "--model", "bad.gguf")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("aion: bad.gguf ")
    assert len(done.err.splitlines()) == 1


def test_a_port_in_use_is_a_sentence(aion: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = aion("serve", "--port", str(port))
    assert (done.code, done.out) == (1, "")
    assert f"Port {port} on 127.0.0.1 is already in use; " in done.err
    assert f"AION_PORT={port + 1}" in done.err


@pytest.mark.parametrize(
    ("name", "value"), [("AION_PORT", "abc"), ("AION_PORT", "70000"), ("AION_TAU_CONFIDENCE", "2")]
)
def test_a_bad_setting_is_named(aion: Run, name: str, value: str) -> None:
    done = aion("doctor", **{name: value})
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"aion: {name}='{value}' cannot be used: ")
    assert len(done.err.splitlines()) == 1


def test_a_file_that_is_no_store_is_a_sentence(aion: Run, documents: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are my notes, not a database\n" * 20)
    done = aion("ingest", documents, "--db", "notes.db")
    assert (done.code, done.out) == (1, "")
    assert "notes.db is not an SQLite file; set AION_DB" in done.err


def test_another_programs_database_is_left_alone(aion: Run, documents: Path, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE notes (text)")
    other.close()
    before = (tmp_path / "other.db").read_bytes()
    done = aion("ingest", documents, "--db", "other.db")
    assert done.code == 1
    assert "other.db is an SQLite file of another program" in done.err
    assert (tmp_path / "other.db").read_bytes() == before


def test_doctor_of_a_sound_machine(aion: Run, documents: Path) -> None:
    aion("ingest", documents)
    done = aion("doctor", AION_PORT="0")
    assert (done.code, done.err) == (0, "")
    assert "2 documents of tenant 'default'" in done.out
    for subject in ("aion", "packages", "llama.cpp", "threads", "GPU", "chat model", "embedder", "store"):
        assert re.search(rf"^(ok|note) +{re.escape(subject)} ", done.out, re.MULTILINE), subject


def test_doctor_names_each_problem_with_its_remedy(aion: Run, tmp_path: Path) -> None:
    (tmp_path / "aion.db").write_text("this is not a database, whatever its name says\n" * 20)
    done = aion("doctor", "--model", "missing.gguf", AION_EMBED_MODEL="gone.gguf", AION_THREADS="999")
    assert (done.code, done.err) == (1, "")
    problems = re.findall(r"^problem +(chat model|embedder|store|threads) ", done.out, re.MULTILINE)
    assert sorted(problems) == ["chat model", "embedder", "store", "threads"]
    assert "AION_BASE_MODEL" in done.out
    assert "AION_DB" in done.out
    assert "Set it to" in done.out


@pytest.mark.parametrize("source", ["empty", "missing"])
def test_convert_of_a_broken_folder_is_a_sentence(aion: Run, tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    done = aion("convert", source, "--out", "out.gguf")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("aion: ")
    assert source in done.err
    assert not (tmp_path / "out.gguf").exists()


@pytest.mark.parametrize(
    "words", [["nonsense"], ["ask"], ["serve", "--port", "abc"], ["ask", "a", "--tau", "2"]]
)
def test_a_wrong_command_line_is_explained(aion: Run, words: list[str]) -> None:
    done = aion(*words)
    assert (done.code, done.out) == (2, "")
    assert "Usage: " in done.err
