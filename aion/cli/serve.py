"""`aion serve`."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer
from rich.markup import escape

from aion import __version__
from aion.cli.console import ConversionBar, err, out
from aion.cli.options import DbOption, ModelOption
from aion.settings import load_settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (AION_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (AION_PORT, 8008).")] = None,
    db: DbOption = None,
    model: ModelOption = None,
) -> None:
    """Serve the page, [bold]/api/ai/chat[/], [bold]/generate[/] and [bold]/v1[/] until Ctrl-C.

    Settings come from these options, the environment, [bold].env[/], then the defaults.
    Listens on 127.0.0.1 unless AION_ALLOW_ANONYMOUS=true says that strangers may ask.
    A checkpoint folder is converted into the models folder at the first start.
    The folder AION_WATCH_DIR, if set, is kept ingested meanwhile.
    """
    from aion.server.listen import listen  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(host=host, port=port, db=db, base_model=model)
    err.print("[dim]Loading the models ...[/]")
    bar = ConversionBar(settings.base_model)
    with contextlib.closing(bar), listen(settings, bar) as listening:
        bar.close()
        services = listening.services
        if services.notice:
            err.print(f"[yellow]Note:[/] {escape(services.notice)}")
        if "host" in settings.model_fields_set and settings.host != settings.bind_host:
            err.print(
                f"[yellow]Note:[/] {settings.host} would let anyone ask; AION_ALLOW_ANONYMOUS=true opens it."
            )
        if settings.watch_dir is not None:
            err.print(
                f"Keeping {settings.watch_dir} ingested; {listening.url}/health says how it goes.",
                markup=False,
            )
        name = services.generator.model_name
        out.print(f"AION {__version__} answers at [bold]{listening.url}[/] with {escape(name)}. Try:\n")
        out.print(_curl(listening.url), markup=False)
        out.print("\nCtrl-C ends it.")
        listening.run()


def _curl(url: str) -> str:
    question = "Explique a diferença entre o tour full-day e o half-day em Sintra"
    body = f'{{"message": "{question}"}}'
    return f"curl -s {url}/api/ai/chat -H 'Content-Type: application/json' \\\n  -d '{body}'"
