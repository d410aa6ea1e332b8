"""`aion documents` and `aion search` as a person types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run

OPTIONS = {
    ("search",): ["question", "--k", "--source", "--prefix", "--from", "--to", "--tag", "--json", "--db"],
    ("documents", "list"): ["--prefix", "--tag", "--limit", "--json", "--db", "--tenant"],
    ("documents", "show"): ["DOCUMENT", "--json", "--db", "--tenant"],
    ("documents", "delete"): ["DOCUMENT", "--db", "--tenant", "files stay"],
}


@pytest.mark.parametrize("words", OPTIONS)
def test_help_names_the_options(aion: Run, words: tuple[str, ...]) -> None:
    done = aion(*words, "--help")
    assert (done.code, done.err) == (0, "")
    assert [word for word in OPTIONS[words] if word not in done.out] == []


def test_documents_are_listed_shown_and_deleted(aion: Run, documents: Path) -> None:
    assert aion("ingest", documents).code == 0
    assert re.search(r"docs/full-day\.md +Tour full-day", aion("documents", "list").out)
    assert "O tour full-day dura oito horas" in aion("documents", "show", "docs/full-day.md").out
    shown = json.loads(aion("documents", "show", "docs/half-day.txt", "--json").out)
    assert "quatro horas" in shown["passages"][0]["text"]
    done = aion("documents", "delete", str(shown["document"]), "nada.md")
    assert (done.code, done.out) == (1, "deleted docs/half-day.txt\n")
    assert "There is no document 'nada.md'" in done.err
    listed = json.loads(aion("documents", "list", "--json").out)["documents"]
    assert [each["source"] for each in listed] == ["docs/full-day.md"]
    assert (documents / "half-day.txt").exists()


def test_an_empty_store_says_how_to_fill_it(aion: Run) -> None:
    done = aion("documents", "list")
    assert (done.code, done.out) == (0, "")
    assert "aion ingest" in done.err
    assert aion("documents", "show", "1").err == (
        "aion: There is no document '1'; `aion documents list` shows what there is.\n"
    )


def test_search_shows_passages_and_why(aion: Run, documents: Path) -> None:
    aion("ingest", documents)
    done = aion("search", "Quanto custa o tour full-day?", "--k", "2")
    assert (done.code, done.err) == (0, "")
    first, second = done.out.split("[2] ")
    assert first.startswith("[1] docs/full-day.md  line ")
    assert second.startswith("docs/half-day.txt  line ")
    assert re.search(r"score 1\.0+ · bm25 \d+\.\d+.* · cosine 0\.\d+.* · wording \d", first)
    assert "custa" in first
    assert "O tour full-day dura oito horas e custa 95 €." in first
    found = json.loads(aion("search", "tour", "--json", "--source", "docs/half-day.txt").out)
    assert found["query"] == "tour"
    assert [passage["source"] for passage in found["passages"]] == ["docs/half-day.txt"]


def test_a_search_that_finds_nothing_says_so(aion: Run) -> None:
    done = aion("search", "tour")
    assert (done.code, done.out) == (0, "")
    assert "Nothing was found" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "ontem"], "write it as 2026-01-31"),
        (["--from", "2026-02-01", "--to", "2026-01-01"], "is before"),
    ],
)
def test_wrong_options_are_explained(aion: Run, words: list[str], said: str) -> None:
    done = aion("search", "tour", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_an_empty_search_is_a_sentence(aion: Run) -> None:
    assert aion("search", " ").err == "aion: The question is empty; write what to look for.\n"
