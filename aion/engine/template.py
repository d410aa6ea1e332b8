"""Chat messages to token ids: the model's own Jinja template in a sandbox, or the plain instruct form.

Control tokens come from the template only. Text of users and documents that spells one
(`[INST]`, `</s>`) stays text: it is tokenised with special parsing off.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Callable, Sequence

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from aion.engine.model import Model
from aion.errors import InvalidRequest, ModelError
from aion.types import Message

_OPEN, _CLOSE = "\ue0a0", "\ue0a1"
_MARKED = re.compile(f"{_OPEN}(.*?){_CLOSE}", re.DOTALL)

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
        except jinja2.TemplateSyntaxError as error:
            raise ModelError(
                f"The chat template in {model.path} is broken ({error}); convert or download the model again."
            ) from error

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the conversation, ready for the assistant's turn.

        Raises InvalidRequest when the template refuses the order of the roles.
        """
        unsafe = any(text in m.content for m in messages for text in self._model.control_texts)
        if not unsafe:
            return self._tokenize(self._spaced(self.render(messages)))
        marked = [Message(m.role, f"{_OPEN}{_strip_marks(m.content)}{_CLOSE}") for m in messages]
        return self._tokenize_marked(self._spaced(self.render(marked)))

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as text, control tokens spelled out."""
        if self._template is None:
            return self._plain(messages)
        try:
            return self._render(messages)
        except Exception as error:  # whatever a template may do, not only jinja2's own errors
            return self._render_folded(messages, error)

    def _render(self, messages: Sequence[Message]) -> str:
        assert self._template is not None
        return self._template.render(
            messages=[{"role": m.role, "content": m.content} for m in messages],
            bos_token=self._model.token_text(self._model.bos),
            eos_token=self._model.token_text(self._model.eos),
            add_generation_prompt=True,
            tools=None,
            documents=None,
        )

    def _render_folded(self, messages: Sequence[Message], error: Exception) -> str:
        """Some templates know no system role: put its text before the first user turn, once."""
        folded = fold_system(messages)
        if list(folded) == list(messages):
            raise InvalidRequest(
                f"The model's chat template refuses these messages ({error}); "
                "let user and assistant turns alternate, beginning with user.",
                param="messages",
            ) from error
        return self.render(folded)

    def _plain(self, messages: Sequence[Message]) -> str:
        system = "\n".join(m.content for m in messages if m.role == "system")
        turns = [m.content for m in messages if m.role != "system"]
        return self._plain_form(system, "\n\n".join(turns))

    def _spaced(self, text: str) -> str:
        """The space a sentencepiece vocabulary puts before a text that no control token opens."""
        if not self._model.wants_leading_space or text.startswith(self._model.control_texts):
            return text
        return f"{_OPEN} {text[len(_OPEN) :]}" if text.startswith(_OPEN) else f" {text}"

    def _lacks_bos(self, text: str) -> bool:
        bos = self._model.token_text(self._model.bos)
        return self._model.adds_bos and not (bos and text.startswith(bos))

    def _tokenize(self, text: str) -> list[int]:
        return self._model.tokenize(text, special=True, bos=self._lacks_bos(text))

    def _tokenize_marked(self, text: str) -> list[int]:
        tokens = [self._model.bos] if self._lacks_bos(text) else []
        for index, part in enumerate(_MARKED.split(text)):
            if part:
                tokens += self._model.tokenize(part, special=index % 2 == 0)
        return tokens


def fold_system(messages: Sequence[Message]) -> Sequence[Message]:
    """The same conversation with the system text in front of the first user turn; unchanged without one."""
    system = [m.content for m in messages if m.role == "system"]
    rest = [m for m in messages if m.role != "system"]
    if not system or not rest or rest[0].role != "user":
        return messages
    return [Message("user", "\n\n".join([*system, rest[0].content])), *rest[1:]]


def _strip_marks(text: str) -> str:
    return text.replace(_OPEN, "").replace(_CLOSE, "")


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
