"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on (AION_HOST).")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port to listen on (AION_PORT, 8008).")]
DbOption = Annotated[Path | None, typer.Option("--db", help="The SQLite file (AION_DB, ./aion.db).")]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="A GGUF file, a checkpoint folder or a hub id (AION_BASE_MODEL)."),
]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Whose documents (PRIMARY_TENANT_ID).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]
PickleOption = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Read .bin weights where there are no safetensors; code in them is not run.",
    ),
]
ImatrixOption = Annotated[
    Path | None, typer.Option("--imatrix", help="An importance matrix of llama.cpp, for types under 8 bits.")
]
