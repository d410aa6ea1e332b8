"""How a family of models writes tool calls. Found from the text of its chat template.

Sources: the published templates of Mistral (v3 to tekken v13), Llama 3.1 to 3.3, Qwen2.5, Qwen3 and Hermes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from aion.types import GrammarStart

Form = Literal["list", "named", "tagged", "bare"]


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """`form` is "list": `opening [{...}, ...]`; "named": `opening NAME[ARGS]{...}`, once a call; "tagged":
    `opening {...} closing`, once a call; "bare": a `{...}` that is the whole answer, or follows `opening`.

    `arguments` is the key of the arguments; `shown` are the control tokens that parts of a call may be.
    """

    form: Form
    opening: str = ""
    closing: str = ""
    arguments: str = "arguments"
    shown: tuple[str, ...] = ()
    start: GrammarStart = field(default_factory=GrammarStart)

    @property
    def forced(self) -> str:
        """What the answer is made to begin with where a call is required: nothing where it begins bare."""
        if self.form == "bare":
            return ""
        return f"{self.opening}\n" if self.form == "tagged" else self.opening


_CALLS, _ARGS, _ID = "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"
_TAG, _END_TAG = "<tool_call>", "</tool_call>"
_PYTHON = "<|python_tag|>"


def bare(arguments: str = "arguments", opening: str = "") -> ToolFormat:
    """A plain object with a name and arguments."""
    beginning = rf'\{{\s*"name"\s*:\s*"[^"\\]{{1,64}}"\s*,\s*"{arguments}"\s*:'
    shown = (opening,) if opening else ()
    return ToolFormat("bare", opening, "", arguments, shown, GrammarStart((), beginning))


LIST = ToolFormat("list", _CALLS, shown=(_CALLS,), start=GrammarStart((_CALLS,)))
NAMED = ToolFormat("named", _CALLS, shown=(_CALLS, _ID, _ARGS), start=GrammarStart((_CALLS,)))
TAGGED = ToolFormat("tagged", _TAG, _END_TAG, shown=(_TAG, _END_TAG), start=GrammarStart((_TAG,)))
LLAMA = bare("parameters", _PYTHON)


def format_of(template: str) -> ToolFormat:
    """The format of a chat template that has a place for tools."""
    if _CALLS in template:
        return NAMED if _ARGS in template else LIST
    if _TAG in template and "<function=" not in template:
        return TAGGED
    if _PYTHON in template or re.search(r'"parameters": ?(dictionary|\{)', template):
        return LLAMA
    return bare()
