"""Every command: parse, call one function, print. The only room that prints."""

from collections.abc import Callable

from aion.cli.app import app, flow_help, main
from aion.cli.ask import ask
from aion.cli.backup import backup, restore
from aion.cli.budget import budget
from aion.cli.calibrate import calibrate
from aion.cli.check import check
from aion.cli.config import config
from aion.cli.convert import convert, quantize
from aion.cli.doctor import doctor
from aion.cli.documents import ingest
from aion.cli.evaluate import evaluation
from aion.cli.events import events
from aion.cli.export import export
from aion.cli.forget import forget, prune
from aion.cli.index import index
from aion.cli.keys import keys
from aion.cli.library import library
from aion.cli.lora import convert_lora
from aion.cli.merge import merge
from aion.cli.metrics import metrics
from aion.cli.openapi import openapi
from aion.cli.pull import pull
from aion.cli.search import search
from aion.cli.serve import serve

__all__ = ["app", "main"]

_DAILY, _SERVICE, _STORE = "Every day", "The service, and who may use it", "The one file"
_ANSWERS, _MODELS = "How good the answers are, and what they cost", "Models"
_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    _DAILY: (serve, ingest, ask, search, doctor),
    _SERVICE: (config, openapi),
    _STORE: (backup, restore, check),
    _ANSWERS: (calibrate, budget, metrics),
    _MODELS: (pull, convert, quantize, merge, convert_lora),
}

for panel, commands in _COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
for command in (forget, prune, export):
    events.command()(command)
app.add_typer(library, name="documents", rich_help_panel=_DAILY)
app.add_typer(keys, name="keys", rich_help_panel=_SERVICE)
app.add_typer(index, name="index", rich_help_panel=_STORE)
app.add_typer(evaluation, name="eval", rich_help_panel=_ANSWERS)
app.add_typer(events, name="events", rich_help_panel=_ANSWERS)
flow_help(app)
