"""The grammar of calls takes what templates write, and nothing else; and it may wait for its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from aion.engine.grammar import Grammar
from aion.engine.grammar_start import WaitingGrammar
from aion.engine.model import Model
from aion.engine.tools.format import LIST, LLAMA, NAMED, TAGGED, ToolFormat, bare
from aion.engine.tools.grammar import calls_grammar
from aion.errors import InvalidRequest
from aion.types import GrammarStart, Tool
from tests.engine.tools.families import PLAIN, make_model

NESTED: dict[str, object] = {
    "type": "object",
    "properties": {"dia": {"$ref": "#/$defs/Dia"}},
    "required": ["dia"],
    "$defs": {"Dia": {"enum": ["seg", "ter"]}},
}
TOOLS = [Tool("agenda", "", NESTED), Tool("outra.1", "", NESTED), Tool("hora")]
CALL = '{"name": "agenda", "arguments": {"dia": "seg"}}'
OTHER = '{"name": "outra.1", "arguments": {"dia": "ter"}}'
HORA = '{"name": "hora", "arguments": {}}'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with closing(Model(make_model(tmp_path_factory.mktemp("grammar"), PLAIN), vocab_only=True)) as model:
        yield model


def takes(model: Model, grammar: str, text: str) -> bool:
    """Whether `text`, spelled in tokens, is all of what the grammar wants."""
    with closing(Grammar(grammar, model)) as held:
        return fits(held, model.tokenize(text, special=True)) and held.allows(model.eos)


def fits(grammar: Grammar, tokens: list[int]) -> bool:
    for token in tokens:
        if not grammar.allows(token):
            return False
        grammar.accept(token)
    return True


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (LIST, f"[TOOL_CALLS] [{CALL}]"), (LIST, f"[TOOL_CALLS][{CALL}, {OTHER}, {HORA}]"),
        (NAMED, '[TOOL_CALLS]agenda[ARGS]{"dia": "seg"}'),
        (NAMED, '[TOOL_CALLS]hora[CALL_ID]abcdefghi[ARGS]{}[TOOL_CALLS]outra.1[ARGS]{"dia": "ter"}'),
        (TAGGED, f"<tool_call>\n{CALL}\n</tool_call>"),
        (TAGGED, f"<tool_call>\n{CALL}\n</tool_call>\n<tool_call>\n{HORA}\n</tool_call>"),
        (LLAMA, CALL.replace("arguments", "parameters")), (bare(), HORA),
    ],
)  # fmt: skip
def test_what_templates_write_is_taken(model: Model, style: ToolFormat, text: str) -> None:
    assert takes(model, calls_grammar(style, TOOLS, is_open=False, several=True), text)
    single = calls_grammar(style, TOOLS, is_open=False, several=False)
    assert takes(model, single, text) == (text.count('"name"') + text.count("[ARGS]") == 1)
    if style.forced:
        opened = calls_grammar(style, TOOLS, is_open=True, several=True)
        assert takes(model, opened, text.removeprefix(style.forced))


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "nada", "arguments": {}}', '{"name": "hora", "arguments": {"a": 1}}', "{}",
        '{"name": "agenda", "arguments": {"dia": "dom"}}', '{"name": "agenda", "arguments": {}}',
        "texto", CALL + CALL,
    ],
)  # fmt: skip
def test_other_calls_are_not_taken(model: Model, text: str) -> None:
    assert not takes(model, calls_grammar(bare(), TOOLS, is_open=False, several=True), text)


@pytest.mark.parametrize(
    "parameters", [{"type": "object", "minProperties": 1}, {"type": "string"}, {"enum": [1]}]
)
def test_only_a_strict_tool_insists_on_its_schema(model: Model, parameters: dict[str, object]) -> None:
    free = calls_grammar(bare(), [Tool("a", "", parameters)], is_open=False, several=False)
    assert takes(model, free, '{"name": "a", "arguments": {"x": [1, "é"]}}')
    with pytest.raises(InvalidRequest) as refused:
        calls_grammar(bare(), [Tool("a", "", parameters, is_strict=True)], is_open=False, several=False)
    assert refused.value.param == "tools.0.function.parameters"


def pushed(model: Model, start: GrammarStart, grammar: str, text: str) -> tuple[int | None, bool]:
    """The number of the token that woke the grammar, and whether it then takes what is left of `text`."""
    held = Grammar(grammar, model)
    with closing(WaitingGrammar(held, start)) as waiting:
        tokens = model.tokenize(text, special=True)
        for number, token in enumerate(tokens):
            piece = model.piece(token, special=True)
            if waiting.push(token, piece) is not None:
                rest = tokens[number + 1 :]
                return number, fits(held, rest)
        return None, False


def test_a_marker_wakes_the_grammar_wherever_it_comes(model: Model) -> None:
    grammar = calls_grammar(LIST, TOOLS, is_open=False, several=True)
    text = f"{'Olá, vou ver. ' * 60}[TOOL_CALLS] [{CALL}]"
    marker = model.tokenize(text, special=True).index(model.tokenize("[TOOL_CALLS]", special=True)[0])
    assert pushed(model, LIST.start, grammar, text) == (marker, True)
    assert pushed(model, LIST.start, grammar, "Olá, nada a chamar. [TOOL") == (None, False)


def test_a_beginning_wakes_it_at_the_beginning_alone(model: Model) -> None:
    style = bare()
    grammar = calls_grammar(style, TOOLS, is_open=False, several=True)
    number, fits = pushed(model, style.start, grammar, CALL)
    assert (number is not None, fits) == (True, True)
    for text in (f"Eis: {CALL}", '{"answer": 42}', HORA.replace("hora", "nada"), "x" * 600 + CALL):
        assert pushed(model, style.start, grammar, text) == (None, False)


def test_a_marker_within_a_token_wakes_nothing(model: Model) -> None:
    """What began before the grammar cannot be offered to it, so the text goes on freely."""
    (token,) = model.tokenize("[TOOL_CALLS]", special=True)
    with closing(
        WaitingGrammar(Grammar(calls_grammar(LIST, TOOLS, is_open=False, several=True), model), LIST.start)
    ) as w:
        assert w.push(token, b" [TOOL_CALLS]") is None
        assert w.push(token, b"[TOOL_CALLS]") is None
