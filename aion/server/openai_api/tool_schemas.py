"""What clients of OpenAI's surface say of tools, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from aion.server.schemas import Body, Flag


class FunctionSent(Body):
    """A function that may be called; `parameters` is the JSON schema of its arguments."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = Field(
        description="Letters, digits, dots, dashes and underscores."
    )
    description: str | None = Field(None, description="What it does, for the model.")
    parameters: dict[str, object] | None = Field(None, description="The JSON schema of its arguments.")
    strict: Flag | None = Field(
        False,
        description="Refuse a schema that the arguments cannot be held to, in place of letting them be.",
    )


class ToolSent(Body):
    """A tool; functions are the only kind."""

    type: Literal["function"] = Field(description="The only kind there is.")
    function: FunctionSent = Field(description="The function.")


class NamedFunction(Body):
    """A function by its name."""

    name: str = Field(description="One of the functions in `tools`.")


class NamedTool(Body):
    """The one tool that is to be called."""

    type: Literal["function"] = Field(description="The only kind there is.")
    function: NamedFunction = Field(description="Which function.")


class ToolChoice(Body):
    """Whether a tool is called, and which where that is said."""

    mode: Literal["auto", "none", "required"]
    name: str | None = None


ToolWish = Literal["auto", "none", "required"] | NamedTool | None


def tool_wish(value: object) -> object:
    """A `tool_choice` in the fields of ToolChoice. Raises ValueError for what is none."""
    if value is None or value in ("auto", "none", "required"):
        return value and {"mode": value}
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ValueError("it must be auto, none, required or an object of type 'function' with a name")
    return {"mode": "required", "name": function["name"]}
