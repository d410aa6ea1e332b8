"""Every command: parse, call one function, print. The only room that prints."""

from aion.cli.app import app, main
from aion.cli.ask import ask
from aion.cli.convert import convert, quantize
from aion.cli.doctor import doctor
from aion.cli.documents import ingest
from aion.cli.evaluate import evaluation
from aion.cli.index import index
from aion.cli.library import library
from aion.cli.lora import convert_lora
from aion.cli.merge import merge
from aion.cli.pull import pull
from aion.cli.search import search
from aion.cli.serve import serve

__all__ = ["app", "main"]

for command in (serve, ingest, ask, search, doctor, pull, convert, quantize, merge, convert_lora):
    app.command()(command)
app.add_typer(library, name="documents")
app.add_typer(evaluation, name="eval")
app.add_typer(index, name="index")
