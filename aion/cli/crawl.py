"""`aion ingest https://...`: pages of the web into the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from aion.cli.console import counting, err, out
from aion.settings import Settings

if TYPE_CHECKING:
    from aion.rag.web.summary import CrawlSummary
    from aion.server.library import Library

MAX_SKIPPED_SHOWN = 20

DepthOption = Annotated[
    int | None,
    typer.Option(
        "--depth", min=0, max=20, help="Links followed from a page that is named (AION_CRAWL_DEPTH)."
    ),
]
PagesOption = Annotated[
    int | None, typer.Option("--pages", min=1, help="Pages asked for at most (AION_CRAWL_PAGES).")
]


def check_urls(settings: Settings, urls: Sequence[str]) -> None:
    """Raise SettingsError, before anything is loaded, where the whitelist is empty or cannot be read."""
    from aion.rag.web.crawl import refuse_empty  # noqa: PLC0415 - loads what the other commands do without
    from aion.rag.web.rules import rules_of  # noqa: PLC0415

    refuse_empty(rules_of(settings), urls)


def ingest_urls(
    settings: Settings,
    library: Library,
    urls: Sequence[str],
    tags: Sequence[str],
    summary: CrawlSummary,
    *,
    prune: bool,
) -> None:
    """Crawl with a bar that tells the rate and what is waited for; `summary` is counted up meanwhile."""
    from aion.server.documents.web_pages import open_crawler  # noqa: PLC0415 - loads llama.cpp

    with open_crawler(settings, library, tags) as crawler, counting("pages") as advance:
        crawler.crawl(
            urls, lambda done, total, what: advance(what, done, total), prune=prune, summary=summary
        )


def show_pages(summary: CrawlSummary, seconds: float, *, is_pruning: bool) -> None:
    """What became of the pages: numbers to stdout, each page that did not go in to stderr."""
    counts = [
        f"{summary.added} added",
        f"{summary.changed} changed",
        f"{summary.unchanged} unchanged",
        f"{summary.removed} removed" if summary.removed else "",
        f"{len(summary.gone)} gone" if summary.gone and not is_pruning else "",
        f"{len(summary.skipped)} skipped" if summary.skipped else "",
        f"{len(summary.failed)} failed",
    ]
    out.print(f"{summary.n_pages} pages asked: " + ", ".join(filter(None, counts)) + f" in {seconds:.1f} s.")
    _list("dim", "skipped", summary.skipped[:MAX_SKIPPED_SHOWN])
    if len(summary.skipped) > MAX_SKIPPED_SHOWN:
        err.print(f"... and {len(summary.skipped) - MAX_SKIPPED_SHOWN} more skipped; --json lists them.")
    _list("yellow", "removed" if is_pruning else "gone", summary.gone)
    if summary.gone and not is_pruning:
        err.print("Documents of pages that are gone stay until you add --prune.")
    _list("yellow", "partly read", summary.notes)
    _list("red", "failed", summary.failed)
    if summary.n_left:
        err.print(f"Links not asked for: {summary.n_left:,} (the limit of --pages, or a host that stopped).")


def _list(style: str, word: str, pages: Sequence[tuple[str, str]]) -> None:
    for url, reason in pages:
        err.print(f"[{style}]{word}[/] {escape(url)}: {escape(reason)}")
