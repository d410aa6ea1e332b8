"""The names of the ways to store weights, as an option of several commands."""

from __future__ import annotations

from typing import Annotated

import typer


def known(value: str | None) -> str | None:
    """The type in lower case; a usage error with all of them when it is none."""
    if value is None:
        return None
    from aion.engine.quantize import FILE_TYPES  # noqa: PLC0415 - loads llama.cpp

    if value.lower() not in FILE_TYPES:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(FILE_TYPES)}.")
    return value.lower()


TypeOption = Annotated[
    str | None,
    typer.Option(
        "--type",
        callback=known,
        help="How weights are stored: f16, bf16, f32, q8_0, q6_k, q5_k_m, q4_k_m ...; a wrong one lists all.",
    ),
]
