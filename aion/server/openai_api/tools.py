"""What a request says of tools, as the model's template and the engine take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aion.engine.template import ChatTemplate
from aion.engine.tools.format import ToolFormat
from aion.engine.tools.grammar import calls_grammar
from aion.engine.tools.parser import CallParser
from aion.errors import InvalidRequest
from aion.server.openai_api.schemas import CompletionRequest
from aion.server.openai_api.tool_schemas import ToolChoice
from aion.types import Sampling, Tool, ToolUse

_AUTO = ToolChoice(mode="auto")


@dataclass(frozen=True, slots=True)
class Calling:
    """Tools that this answer may call. `grammar` holds calls to their form, "" where none could be made;
    `is_required` says that the answer is nothing but calls."""

    use: ToolUse
    style: ToolFormat
    grammar: str
    is_required: bool

    def sampling(self, sampling: Sampling) -> Sampling:
        """`sampling`, held to this."""
        held = replace(sampling, shown=self.style.shown)
        if not self.grammar:
            return held
        return replace(
            held, grammar=self.grammar, grammar_start=None if self.is_required else self.style.start
        )

    def parser(self, *, is_streamed: bool) -> CallParser:
        """For one answer. A streamed call's arguments are told as they come, where a grammar holds them."""
        names = [tool.name for tool in self.use.tools]
        parser = CallParser(self.style, names, is_held=is_streamed and bool(self.grammar))
        parser.push(self.use.opening)
        return parser


def calling(body: CompletionRequest, template: ChatTemplate, model_name: str) -> Calling | None:
    """None where nothing may be called. Raises InvalidRequest, naming the field, for what cannot be."""
    choice = body.tool_choice or _AUTO
    if not body.tools:
        if choice.mode == "required":
            raise InvalidRequest(
                "tool_choice asks for a call and tools is empty; send the tools.", param="tools"
            )
        return None
    if choice.mode == "none":
        return None
    style = template.tool_format
    if style is None:
        raise InvalidRequest(
            f"The chat template of {model_name} has no place for tools; leave tools out, or use a model that "
            "was trained to call them (Mistral 7B v0.3, Llama 3.1, Qwen2.5, Qwen3, Hermes ...).",
            param="tools",
        )
    if body.grammar or (body.response_format and body.response_format.type != "text"):
        other = "grammar" if body.grammar else "response_format"
        raise InvalidRequest(
            f"{other} and tools both say what the answer must look like; send one of them, or tool_choice "
            "'none'.",
            param=other,
        )
    tools = _tools(body)
    chosen = _chosen(tools, choice)
    several = body.parallel_tool_calls is not False and choice.name is None
    is_required = choice.mode == "required"
    opening = style.forced if is_required else ""
    grammar = _grammar(style, chosen, is_open=bool(opening), several=several, is_required=is_required)
    return Calling(ToolUse(tuple(tools), opening), style, grammar, is_required)


def _tools(body: CompletionRequest) -> list[Tool]:
    tools: list[Tool] = []
    for index, sent in enumerate(body.tools or ()):
        function = sent.function
        if any(tool.name == function.name for tool in tools):
            raise InvalidRequest(
                f"tools has two functions named {function.name!r}; give each its own name.",
                param=f"tools.{index}.function.name",
            )
        tool = Tool(function.name, function.description or "", is_strict=bool(function.strict))
        tools.append(replace(tool, parameters=function.parameters) if function.parameters else tool)
    return tools


def _chosen(tools: list[Tool], choice: ToolChoice) -> list[Tool]:
    """Those that may be called."""
    if choice.name is None:
        return tools
    chosen = [tool for tool in tools if tool.name == choice.name]
    if not chosen:
        raise InvalidRequest(
            f"tool_choice names {choice.name!r}, and tools has {', '.join(t.name for t in tools)}.",
            param="tool_choice",
        )
    return chosen


def _grammar(
    style: ToolFormat, tools: Sequence[Tool], *, is_open: bool, several: bool, is_required: bool
) -> str:
    try:
        return calls_grammar(style, tools, is_open=is_open, several=several)
    except InvalidRequest:
        if is_required or any(tool.is_strict for tool in tools):
            raise
        return ""  # too large: what is called freely is still read
