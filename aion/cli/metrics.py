"""`aion metrics`: the log in figures, on one page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aion.cli.console import err, out
from aion.cli.events import opened
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.events.heat import Heat
    from aion.events.metrics import ConfidenceFigures, EventMetrics, Latency, QuestionDay, Summary
    from aion.events.period import Period

_BARS = "▁▂▃▄▅▆▇█"
_SHADES = " ░▒▓█"
_WIDTH = 60  # of a line of days
_NAME_CHARS = 36
_KINDS = {"local": "answered here", "fallback": "answered by the paid API", "declined": "declined"}


def metrics(
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day, as 2026-01-31.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day; today if not given.")
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Where days begin: UTC, +01:00, Europe/Lisbon. Default: here."),
    ] = None,
    lines: Annotated[int, typer.Option(min=1, max=200, help="Documents in the heat map.")] = 12,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Show what the log comes to: how often AION trusts itself, how sure, how fast, how good, at what price.

    Of the last 30 days, or of those from [bold]--from[/] to [bold]--to[/]. The shades say which documents
    were found on which days, and which scores at which rank.
    """
    from aion.events.metrics import EventMetrics  # noqa: PLC0415
    from aion.events.period import period  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    days = period(first, last, tz or _local_offset())
    with opened(settings) as store:
        figures = EventMetrics(store)
        if as_json:
            shown = json.dumps(_json(figures, settings, days, lines), ensure_ascii=False, indent=2)
            out.print(shown, markup=False)
            return
        _page(figures, settings, days, lines)


def _json(figures: EventMetrics, settings: Settings, days: Period, lines: int) -> dict[str, object]:
    from aion.server.events import metrics_json as shown  # noqa: PLC0415

    return {
        **shown.period_json(days),
        "summary": shown.summary_json(figures.summary(settings.tenant, days), settings),
        "confidence": shown.confidence_json(figures.confidence(settings.tenant, days), settings),
        "latency": shown.latency_json(figures.latency(settings.tenant, days)),
        "questions": shown.questions_json(figures.questions(settings.tenant, days)),
        "heatmap": shown.heat_json(figures.heat(settings.tenant, days, lines)),
    }


def _page(figures: EventMetrics, settings: Settings, days: Period, lines: int) -> None:
    found = figures.summary(settings.tenant, days)
    out.print(f"[bold]{days.first} to {days.last}[/] ({escape(days.tz)})\n")
    if not found.n_questions and not found.feedback.n:
        err.print("Nothing was asked in these days.")
        return
    out.print(_overview(found, figures.questions(settings.tenant, days), settings))
    if stages := figures.latency(settings.tenant, days):
        out.print(_latency(stages))
    _confidence(figures.confidence(settings.tenant, days), settings.tau_confidence)
    _heat(figures.heat(settings.tenant, days, lines))


def _overview(found: Summary, days: Sequence[QuestionDay], settings: Settings) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    n = found.n_questions
    table.add_row("questions", f"{n:,}  {sparkline(_joined([day.n for day in days], _WIDTH))}")
    table.add_row(
        "answers",
        f"{found.n_local:,} here, {found.n_paid:,} by the paid API, {found.n_declined:,} declined"
        + (f" ({', '.join(f'{reason} {n:,}' for reason, n in found.reasons.items())})" if n else ""),
    )
    table.add_row("fallback share", _held(found.fallback_share, settings.tau_fallback, "AION_TAU_FALLBACK"))
    judged = f"{found.ndcg.n_judged:,} answers judged"
    ndcg = "—" if found.ndcg.value is None else f"{found.ndcg.value:.3f}"
    low = found.ndcg.value is not None and found.ndcg.value < settings.tau_ndcg
    table.add_row(
        f"nDCG@{found.ndcg.k}",
        Text(f"{ndcg}  {judged}; AION_TAU_NDCG {settings.tau_ndcg:g}", style="yellow" if low else ""),
    )
    said = found.feedback
    table.add_row("feedback", f"{said.n_up:,} up, {said.n_down:,} down, {said.n_corrections:,} corrections")
    table.add_row("unsupported", f"{_percent(found.unsupported_share)} of the answers have such a sentence")
    speed = "" if found.tokens_per_s is None else f", {found.tokens_per_s:,.1f} written a second"
    table.add_row("tokens", f"{found.tokens_in:,} read, {found.tokens_out:,} written{speed}")
    paid = found.paid
    table.add_row("paid", f"{paid.cost:,.4f} for {paid.n:,} calls, {paid.n_failed:,} of them failed")
    return table


def _held(value: float | None, limit: float, name: str) -> Text:
    bar = "" if value is None else "█" * round(value * 20) + "░" * (20 - round(value * 20)) + "  "
    over = value is not None and value > limit
    return Text(f"{_percent(value)}  {bar}{name} {limit:.1%}", style="yellow" if over else "")


def _latency(stages: Sequence[Latency]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("\nmilliseconds")
    for name in ("stage", "answers", "p50", "p95"):
        table.add_column(f"\n{name}", justify="left" if name == "stage" else "right")
    before = ""
    for each in sorted(stages, key=lambda each: list(_KINDS).index(each.kind)):
        kind = "" if each.kind == before else _KINDS.get(each.kind, each.kind)
        table.add_row(kind, escape(each.stage), f"{each.n:,}", f"{each.p50_ms:,.0f}", f"{each.p95_ms:,.0f}")
        before = each.kind
    return table


def _confidence(figures: ConfidenceFigures, tau: float) -> None:
    for each in figures.histograms:
        out.print(f"\n[dim]C, {escape(each.method)}[/]  mean {each.mean:.2f}, {sum(each.n):,} answers")
        out.print(f"0 {sparkline(each.n)} 1")
        place = min(int(tau * len(each.n)), len(each.n) - 1)
        out.print(f"  {' ' * place}^ tau {tau:g}")


def _heat(heat: Heat) -> None:
    if not heat.documents:
        return
    columns = [_joined(line.by_day, _WIDTH) for line in heat.documents]
    most = max(max(column) for column in columns)
    out.print(f"\n[dim]documents found, {heat.days[0]} to {heat.days[-1]}, darkest: {most:,} passages[/]")
    for line, column in zip(heat.documents, columns, strict=True):
        name = _shortened(line.source)
        out.print(
            f"{name:<{_NAME_CHARS}} |{shades(column, most)}| {line.n:,}, score {line.mean_score:.2f}",
            markup=False,
        )
    if heat.n_documents > len(heat.documents):
        out.print(f"[dim]and {heat.n_documents - len(heat.documents):,} more documents[/]")
    out.print("\n[dim]rank, scores from 0 to 1[/]")
    most = max(max(row) for row in heat.ranks)
    for rank, row in enumerate(heat.ranks, 1):
        out.print(f"{rank:>4} |{''.join(2 * shade for shade in shades(row, most))}| {sum(row):,}")


def sparkline(values: Sequence[float]) -> str:
    """Heights against the highest; the lowest step is nothing at all."""
    top = max(values, default=0) or 1
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in values)


def shades(values: Sequence[int], most: int) -> str:
    """Darkness against `most`; what is not nothing is not blank."""
    steps = len(_SHADES) - 1
    return "".join(_SHADES[-(-value * steps // most) if most else 0] for value in values)


def _joined(values: Sequence[int], width: int) -> list[int]:
    """At most `width` sums of as many neighbours each, the last of what is left."""
    each = -(-len(values) // width)
    return [sum(values[start : start + each]) for start in range(0, len(values), each)]


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_CHARS else f"…{name[1 - _NAME_CHARS :]}"


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"


def _local_offset() -> str:
    offset = datetime.now().astimezone().strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"
