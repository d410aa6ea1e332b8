"""`aion ingest https://...`, as far as a machine without public servers can go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aion.cli.crawl import MAX_SKIPPED_SHOWN, show_pages
from aion.rag.web.summary import CrawlSummary
from tests.cli.conftest import Run
from tests.rag.web.site import serving


def test_an_empty_whitelist_fetches_nothing_and_says_what_to_set(aion: Run) -> None:
    done = aion("ingest", "https://sintra.pt/tours")
    assert (done.code, done.out) == (1, "")
    assert "AION_CRAWL_DOMAINS is empty, so nothing is fetched" in done.err
    assert "set AION_CRAWL_DOMAINS=sintra.pt to allow sintra.pt" in done.err


def test_files_wait_until_the_whitelist_is_right_and_go_in_with_pages(aion: Run, documents: Path) -> None:
    assert aion("ingest", documents, "https://sintra.pt/").out == ""
    done = aion("ingest", documents, "https://other.pt/", AION_CRAWL_DOMAINS="sintra.pt")
    assert done.out.startswith("2 added, ")
    assert "0 pages asked: 0 added, 0 changed, 0 unchanged, 1 failed in " in done.out


def test_a_server_of_this_machine_is_not_asked_whatever_the_whitelist_says(aion: Run) -> None:
    with serving() as site:
        site.page("/", "Segredo")
        place = f"127.0.0.1:{site.port}"
        done = aion("ingest", f"http://{place}/", "--depth", "0", AION_CRAWL_DOMAINS=place)
    assert done.code == 1
    assert "127.0.0.1, which is not public" in done.err
    assert site.asked == []


def test_the_summary_is_json_where_that_is_asked_for(aion: Run) -> None:
    done = aion("ingest", "https://other.pt/", "--json", AION_CRAWL_DOMAINS="sintra.pt")
    web = json.loads(done.out)["web"]
    assert (done.code, web["added"]) == (1, 0)
    assert web["failed"][0]["url"] == "https://other.pt/"


def test_a_wrong_whitelist_is_quoted(aion: Run) -> None:
    done = aion("ingest", "https://sintra.pt/", AION_CRAWL_DOMAINS="https://sintra.pt")
    assert done.code == 1
    assert "AION_CRAWL_DOMAINS has 'https://sintra.pt', which is not a domain" in done.err


def test_the_help_names_the_options(aion: Run) -> None:
    helped = aion("ingest", "--help").out
    for word in ("https://", "--depth", "--pages", "--prune", "AION_CRAWL_DOMAINS"):
        assert word in helped


def test_pages_that_did_not_go_in_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    summary = CrawlSummary(added=2, unchanged=1, n_pages=30, n_left=4)
    summary.skipped = [(f"https://a.pt/{n}", "it is a copy.") for n in range(MAX_SKIPPED_SHOWN + 5)]
    summary.gone = [("https://a.pt/old", "it is not there any more (HTTP 404).")]
    summary.failed = [("https://a.pt/[x]", "it answers HTTP 500.")]
    show_pages(summary, 12.0, is_pruning=False)
    shown = capsys.readouterr()
    assert shown.out == (
        "30 pages asked: 2 added, 0 changed, 1 unchanged, 1 gone, 25 skipped, 1 failed in 12.0 s.\n"
    )
    assert "... and 5 more skipped" in shown.err
    assert "gone https://a.pt/old: it is not there any more (HTTP 404)." in shown.err
    assert "failed https://a.pt/[x]: it answers HTTP 500." in shown.err
    assert "Links not asked for: 4" in shown.err
