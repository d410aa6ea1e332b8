"""`aion ingest`: documents into the store."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from aion.cli.console import counting, err, out
from aion.cli.crawl import DepthOption, PagesOption, check_urls, ingest_urls, show_pages
from aion.cli.options import DbOption, TenantOption
from aion.rag.readers.registry import REMEDIES
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.rag.summary import Summary
    from aion.rag.web.summary import CrawlSummary

_SUFFIXES_SHOWN = 5
_ENOUGH_FOR_A_RATE = 100  # chunks; the rate of few is that of the start
_INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended


def ingest(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Files and folders: md, txt, html, pdf, docx, odt, pptx, xlsx, csv, json, epub, eml; and "
            "pages of the web, https://..., of the domains in AION_CRAWL_DOMAINS."
        ),
    ],
    db: DbOption = None,
    tenant: TenantOption = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Given to all these documents, to search by; may be repeated."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove documents of these paths whose files or pages are gone."),
    ] = False,
    depth: DepthOption = None,
    pages: PagesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Put documents into the store; those that did not change are skipped.

    A document that cannot be read is named with its reason and the others go in. Exit code 1 when any failed.
    Interrupted? Run it again: it goes on where it was.
    """
    from aion.rag.summary import Summary  # noqa: PLC0415 - loads what the other commands do without
    from aion.rag.web.summary import CrawlSummary  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant, crawl_depth=depth, crawl_pages=pages)
    started, summary, crawled = time.monotonic(), Summary(), CrawlSummary()
    files, urls = _split(paths)
    _refuse_unused(urls, depth, pages)
    stopped_by = 0
    try:
        _ingest(settings, files, urls, tag or (), summary, crawled, prune=prune)
    except KeyboardInterrupt:
        stopped_by = _INTERRUPTED
    except SystemExit as terminated:
        stopped_by = int(terminated.code or 0)
    seconds = time.monotonic() - started
    if as_json:
        whole = summary.as_json() | ({"web": crawled.as_json()} if urls else {})
        out.print_json(json.dumps(whole | {"seconds": round(seconds, 3)}))
    else:
        if files:
            _show(summary, seconds)
        if urls:
            show_pages(crawled, seconds, is_pruning=prune)
    if stopped_by:
        err.print("Stopped. What is in stays in; run the same command again to go on.")
        raise typer.Exit(stopped_by)
    if summary.failed or crawled.failed:
        raise typer.Exit(1)


def _split(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Files and folders, and addresses of the web. An empty path, an unset variable say, is not taken for
    the folder one is in."""
    if not all(path.strip() for path in paths):
        raise typer.BadParameter("A path is empty; name a file or a folder ('.' is the one you are in).")
    urls = [path for path in paths if path.startswith(("http://", "https://"))]
    return [Path(path) for path in paths if path not in urls], urls


def _refuse_unused(urls: Sequence[str], depth: int | None, pages: int | None) -> None:
    if not urls and (depth is not None or pages is not None):
        raise typer.BadParameter("--depth and --pages are for pages of the web, https://...; name one.")


def _ingest(
    settings: Settings,
    files: Sequence[Path],
    urls: Sequence[str],
    tags: Sequence[str],
    summary: Summary,
    crawled: CrawlSummary,
    *,
    prune: bool,
) -> None:
    """Files first, then pages; the summaries are counted up meanwhile."""
    from aion.server.library import open_library  # noqa: PLC0415 - loads llama.cpp

    if urls:
        check_urls(settings, urls)
    with open_library(settings) as library:
        if files:
            with counting("documents") as advance:
                library.ingester.ingest(
                    files,
                    settings.tenant,
                    lambda done, total, name: advance(name, done, total),
                    prune,
                    tags=tags,
                    summary=summary,
                )
        if urls:
            ingest_urls(settings, library, urls, tags, crawled, prune=prune)


def _show(summary: Summary, seconds: float) -> None:
    counts = [
        f"{summary.added} added",
        f"{summary.changed} changed",
        f"{summary.unchanged} unchanged",
        f"{summary.removed} removed" if summary.removed else "",
        f"{len(summary.failed)} failed",
        f"{summary.ignored} of unknown kinds ({_kinds(summary)})" if summary.ignored else "",
    ]
    out.print(", ".join(filter(None, counts)) + f" in {seconds:.1f} s.")
    if summary.n_chunks:
        rate = (
            f"; {summary.n_chunks / seconds:,.0f} chunks/s" if summary.n_chunks >= _ENOUGH_FOR_A_RATE else ""
        )
        duplicates = f", {summary.n_twins:,} of them duplicates stored once" if summary.n_twins else ""
        out.print(f"{summary.n_chunks:,} chunks{duplicates}{rate}.")
    for suffix in sorted(summary.ignored_kinds.keys() & REMEDIES.keys()):
        err.print(f"[yellow]ignored[/] {suffix} is {REMEDIES[suffix]}.")
    for source, note in summary.notes:
        err.print(f"[yellow]partly read[/] {escape(source)}: {escape(note)}")
    for source, reason in summary.failed:
        said = reason if PurePath(source).name in reason else f"{source}: {reason}"
        err.print(f"[red]failed[/] {escape(said)}")


def _kinds(summary: Summary) -> str:
    """The most frequent suffixes, so that nobody wonders what was left out."""
    most = summary.ignored_kinds.most_common(_SUFFIXES_SHOWN)
    shown = [f"{n} {escape(suffix) or 'without a suffix'}" for suffix, n in most]
    return ", ".join([*shown, *(["..."] if len(summary.ignored_kinds) > len(most) else [])])
