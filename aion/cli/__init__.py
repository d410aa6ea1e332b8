"""Every command: parse, call one function, print. The only room that prints."""

from collections.abc import Callable

from aion.cli.app import app, main
from aion.cli.ask import ask
from aion.cli.budget import budget
from aion.cli.calibrate import calibrate
from aion.cli.convert import convert, quantize
from aion.cli.doctor import doctor
from aion.cli.documents import ingest
from aion.cli.evaluate import evaluation
from aion.cli.events import events
from aion.cli.export import export
from aion.cli.forget import forget, prune
from aion.cli.index import index
from aion.cli.library import library
from aion.cli.lora import convert_lora
from aion.cli.merge import merge
from aion.cli.metrics import metrics
from aion.cli.pull import pull
from aion.cli.search import search
from aion.cli.serve import serve

__all__ = ["app", "main"]

_DAILY, _ANSWERS, _MODELS = "Every day", "How good the answers are, and what they cost", "Models"
_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    _DAILY: (serve, ingest, ask, search, doctor),
    _ANSWERS: (calibrate, budget, metrics),
    _MODELS: (pull, convert, quantize, merge, convert_lora),
}

for panel, commands in _COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
for command in (forget, prune, export):
    events.command()(command)
app.add_typer(library, name="documents", rich_help_panel=_DAILY)
app.add_typer(index, name="index", rich_help_panel=_DAILY)
app.add_typer(evaluation, name="eval", rich_help_panel=_ANSWERS)
app.add_typer(events, name="events", rich_help_panel=_ANSWERS)
