"""Chat messages to token ids: the model's own Jinja template in a sandbox, or the plain instruct form.

Control tokens come from the template only. Text of users and documents that spells one
(`[INST]`, `</s>`) stays text: it is tokenised with special parsing off.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Callable, Sequence

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from aion.engine import marks
from aion.engine.marks import Guard
from aion.engine.model import Model
from aion.engine.tools.format import ToolFormat, format_of
from aion.engine.tools.render import message_value, texts_of, tool_value, with_short_ids
from aion.errors import InvalidRequest, ModelError
from aion.types import Message, Tool, ToolUse

_PROBE = "aion_probe_tool"

PlainForm = Callable[[str, str], str]


class ChatTemplate:
    """Renders and tokenises conversations for one model. Immutable, thread-safe."""

    def __init__(self, model: Model, plain_form: PlainForm) -> None:
        """`plain_form(system, prompt)` words the prompt of a model that carries no template.

        Raises ModelError when the model's template is no Jinja.
        """
        self._model = model
        self._plain_form = plain_form
        try:
            self._template = _compile(model.chat_template) if model.chat_template else None
            for_tools = model.named_template("tool_use")
            self._tool_template = _compile(for_tools) if for_tools else self._template
        except jinja2.TemplateSyntaxError as error:
            raise ModelError(
                f"The chat template in {model.path} is broken ({error}); convert or download the model again."
            ) from error

    @functools.cached_property
    def tool_format(self) -> ToolFormat | None:
        """How the model writes tool calls, None when its template has no place for tools."""
        source = self._model.named_template("tool_use") or self._model.chat_template
        if source is None:
            return None
        try:
            written = self._render([Message("user", "?")], [Tool(_PROBE)], marks.plain, marks.plain)
        except Exception:  # whatever a template may do
            return None
        return format_of(source) if _PROBE in written else None

    def tokens(self, messages: Sequence[Message], use: ToolUse | None = None) -> list[int]:
        """Token ids of the conversation, ready for the assistant's turn, and those of the opening in `use`.

        Raises InvalidRequest when the template refuses the order of the roles.
        """
        tools = use.tools if use else ()
        text, is_marked = self._safe(messages, tools)
        tokens = (self._tokenize_marked if is_marked else self._tokenize)(self._spaced(text))
        return tokens + (self._model.tokenize(use.opening, special=True) if use and use.opening else [])

    def render(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
        """The conversation as text, control tokens spelled out."""
        return self._rendered(messages, tools, marks.plain, marks.plain)

    def _safe(self, messages: Sequence[Message], tools: Sequence[Tool]) -> tuple[str, bool]:
        """The conversation as text, and whether what others wrote is marked in it, as it is where it spells a
        control token.

        A template that cuts a text may cut off a mark; then only the control tokens themselves are marked.
        """
        controls = self._model.control_texts
        if not any(control in text for text in texts_of(messages, tools) for control in controls):
            return self.render(messages, tools), False
        leaf = marks.each_of(controls)
        for content in (marks.whole, leaf):
            text = self._rendered(messages, tools, content, leaf)
            if marks.are_whole(text):
                return text, True
        raise InvalidRequest(
            "The model's chat template takes apart a text that spells a control token; leave it out.",
            param="messages",
        )

    def _rendered(
        self, messages: Sequence[Message], tools: Sequence[Tool], content: Guard, leaf: Guard
    ) -> str:
        """As the template has it; where it refuses, with ids as Mistral wants them, and then with the system
        text put before the first user turn, since some know no system role."""
        if self._template is None:
            return self._plain([Message(m.role, content(m.content)) for m in messages])
        refusal: Exception | None = None
        short = with_short_ids(messages)
        for tried in _different([messages, short, fold_system(messages), fold_system(short)]):
            try:
                return self._render(tried, tools, content, leaf)
            except Exception as error:  # whatever a template may do, not only jinja2's own errors
                refusal = error
        raise InvalidRequest(
            f"The model's chat template refuses these messages ({refusal}); "
            "let user and assistant turns alternate, beginning with user.",
            param="messages",
        ) from refusal

    def _render(self, messages: Sequence[Message], tools: Sequence[Tool], content: Guard, leaf: Guard) -> str:
        template = self._tool_template if tools else self._template
        assert template is not None
        return template.render(
            messages=[message_value(m, content, leaf) for m in messages],
            bos_token=self._model.token_text(self._model.bos),
            eos_token=self._model.token_text(self._model.eos),
            add_generation_prompt=True,
            tools=[tool_value(tool, leaf) for tool in tools] or None,
            documents=None,
        )

    def _plain(self, messages: Sequence[Message]) -> str:
        system = "\n".join(m.content for m in messages if m.role == "system")
        turns = [m.content for m in messages if m.role != "system"]
        return self._plain_form(system, "\n\n".join(turns))

    def _spaced(self, text: str) -> str:
        """The space a sentencepiece vocabulary puts before a text that no control token opens."""
        if not self._model.wants_leading_space or text.startswith(self._model.control_texts):
            return text
        return f"{marks.OPEN} {text[1:]}" if text.startswith(marks.OPEN) else f" {text}"

    def _lacks_bos(self, text: str) -> bool:
        bos = self._model.token_text(self._model.bos)
        return self._model.adds_bos and not (bos and text.startswith(bos))

    def _tokenize(self, text: str) -> list[int]:
        return self._model.tokenize(text, special=True, bos=self._lacks_bos(text))

    def _tokenize_marked(self, text: str) -> list[int]:
        tokens = [self._model.bos] if self._lacks_bos(text) else []
        for part, is_marked in marks.parts(text):
            tokens += self._model.tokenize(part, special=not is_marked)
        return tokens


def fold_system(messages: Sequence[Message]) -> Sequence[Message]:
    """The same conversation with the system text in front of the first user turn; unchanged without one."""
    system = [m.content for m in messages if m.role == "system"]
    rest = [m for m in messages if m.role != "system"]
    if not system or not rest or rest[0].role != "user":
        return messages
    return [Message("user", "\n\n".join([*system, rest[0].content])), *rest[1:]]


def _different(tries: Sequence[Sequence[Message]]) -> list[Sequence[Message]]:
    """Each once, in order."""
    found: list[Sequence[Message]] = []
    for messages in tries:
        if not any(list(messages) == list(other) for other in found):
            found.append(messages)
    return found


@functools.lru_cache(maxsize=8)
def _compile(source: str) -> jinja2.Template:
    """As Hugging Face compiles chat templates: the same extensions, filters and functions."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().astimezone().strftime(form)
    return environment.from_string(source)


class Generation(Extension):
    """`{% generation %}` marks what a trainer learns from; here its text is simply written."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


def _to_json(value: object, indent: int | None = None) -> str:
    """Plain JSON: jinja2's own escapes what HTML would read, which no model was trained on."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)
