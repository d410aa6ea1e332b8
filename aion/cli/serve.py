"""`aion serve`."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from aion import __version__
from aion.cli.console import ConversionBar, err, out
from aion.cli.options import DbOption, HostOption, ModelOption, PortOption
from aion.errors import AionError
from aion.settings import load_settings
from aion.settings.origin import unknown, unreadable
from aion.store.first_look import holds_key

if TYPE_CHECKING:
    from aion.server.services import Services

_NO_KEY = (
    "There is no key: who asks from this machine may do everything. To let others in, and before a proxy or "
    "a tunnel leads here: aion keys add NAME, then start again."
)
_logger = logging.getLogger(__name__)


def serve(
    host: HostOption = None, port: PortOption = None, db: DbOption = None, model: ModelOption = None
) -> None:
    """Serve the page, [bold]/api/ai/chat[/], [bold]/generate[/] and [bold]/v1[/] until Ctrl-C.

    Settings come from these options, the environment, [bold].env[/], then the defaults;
    [bold]aion config[/] shows them. The port answers at once, GET /ready says when the models are loaded.

    Without a key it listens on 127.0.0.1. [bold]aion keys add NAME[/] makes one; then it listens on AION_HOST
    (0.0.0.0) and every request needs a key.

    The log goes to stderr: lines for people in a terminal, else one JSON object a line (AION_LOG).

    SIGHUP reads .env again and takes over what can change while serving. Ctrl-C or SIGTERM ends it:
    running answers have AION_GRACE_S seconds, the second time none.
    """
    from aion.server.lifecycle.run import Told, run_server  # noqa: PLC0415 - the web server
    from aion.server.observe.log import configure_logging, writes_json  # noqa: PLC0415

    log_level = "debug" if logging.getLogger().isEnabledFor(logging.DEBUG) else None  # aion -v serve
    given = {"host": host, "port": port, "db": db, "base_model": model, "log_level": log_level}
    settings = load_settings(**given)
    logging.getLogger().handlers.clear()  # the lines of commands that end
    configure_logging(settings, sys.stderr)
    for sentence in (*(name.sentence for name in unknown()), *unreadable()):
        _logger.warning("%s", sentence)
    bar = ConversionBar(settings.base_model, _say)

    def ready(url: str, services: Services) -> None:
        bar.close()
        _welcome(url, services)

    with contextlib.closing(bar):
        told = Told(_bound, bar, ready)
        try:
            is_closed = run_server({name: value for name, value in given.items() if value is not None}, told)
        except Exception as error:
            if not writes_json(settings, sys.stderr):
                raise
            _logger.critical("%s", error, exc_info=not isinstance(error, AionError))
            raise typer.Exit(1) from None
    if not is_closed:  # a thread is still in the midst of loading, and would be torn down under its feet
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _bound(url: str) -> None:
    _say(f"{url} answers; loading the models ...")


def _say(sentence: str) -> None:
    """To who looks on, else into the log."""
    if err.is_terminal:
        err.print(f"[dim]{escape(sentence)}[/]")
    else:
        _logger.info("%s", sentence)


def _welcome(url: str, services: Services) -> None:
    if services.notice:
        _logger.warning("%s", services.notice)
    if services.settings.watch_dir is not None:
        _logger.info("Keeping %s ingested; /health says how it goes.", services.settings.watch_dir)

    has_key, name = holds_key(services.settings.db), services.generator.model_name
    if not out.is_terminal:  # a container's log has both streams, and is read line by line
        _logger.info("AION %s answers at %s with %s.", __version__, url, name)
        if not has_key:
            _logger.info(_NO_KEY)
        return
    out.print(f"AION {__version__} answers at [bold]{url}[/] with {escape(name)}. Try:\n")
    out.print(_curl(url, has_key=has_key), markup=False)
    if not has_key:
        out.print(f"\n{_NO_KEY}", markup=False)
    out.print("\nCtrl-C ends it.")


def _curl(url: str, *, has_key: bool) -> str:
    question = "Explique a diferença entre o tour full-day e o half-day em Sintra"
    body = f'{{"message": "{question}"}}'
    key = "-H 'Authorization: Bearer KEY' " if has_key else ""
    return f"curl -s {url}/api/ai/chat {key}-H 'Content-Type: application/json' \\\n  -d '{body}'"
