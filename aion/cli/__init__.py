"""Every command: parse, call one function, print. The only room that prints."""

from aion.cli.app import app, main
from aion.cli.convert import convert, quantize
from aion.cli.doctor import doctor
from aion.cli.documents import ask, ingest
from aion.cli.lora import convert_lora
from aion.cli.merge import merge
from aion.cli.pull import pull
from aion.cli.serve import serve

__all__ = ["app", "main"]

for command in (serve, ingest, ask, doctor, pull, convert, quantize, merge, convert_lora):
    app.command()(command)
