"""Tool calls as the official client sees them, from tiny random models whose templates have tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from aion.server.services import open_services
from tests.engine.tools.families import TEMPLATES, make_model
from tests.server.described import check
from tests.server.live import DEADLINE_S, Live, live, settings_in

SCHEMA = {
    "type": "object",
    "properties": {
        "dia": {"enum": ["sábado", "domingo"]},
        "n": {"type": "integer", "minimum": 1, "maximum": 99},
    },
    "required": ["dia", "n"],
    "additionalProperties": False,
}
AGENDA: dict[str, Any] = {
    "type": "function",
    "function": {"name": "agenda", "description": "O que há num dia", "parameters": SCHEMA},
}
HORA: dict[str, Any] = {
    "type": "function",
    "function": {"name": "hora", "parameters": {"type": "object", "properties": {}}},
}
TOOLS: Any = [AGENDA, HORA]
ASK: Any = [{"role": "user", "content": "Que dia é?"}]


@pytest.fixture(scope="module", params=TEMPLATES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp(str(request.param))
    path = make_model(folder / "model", TEMPLATES[request.param])
    exact = {
        "flash_attention": "off",
        "kv_type": "f32",
        "kept_prefixes": 0,
    }  # so that a seed repeats in company
    with (
        open_services(settings_in(folder, base_model=str(path), parallel=2, **exact)) as services,
        live(services) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def chat(family: Live) -> Iterator[Any]:
    with openai.OpenAI(
        base_url=f"{family.url}/v1", api_key="none", max_retries=0, timeout=DEADLINE_S
    ) as client:
        yield client.chat.completions


def assert_is_call(name: str, arguments: str) -> None:
    value = json.loads(arguments)
    if name == "hora":
        assert value == {}
        return
    assert name == "agenda"
    assert value.keys() == {"dia", "n"}
    assert value["dia"] in ("sábado", "domingo")
    assert 1 <= value["n"] <= 99


@pytest.mark.parametrize("seed", range(3))
def test_a_required_call_is_made_and_its_arguments_follow_the_schema(chat: Any, seed: int) -> None:
    made = chat.create(
        model="any", messages=ASK, tools=TOOLS, tool_choice="required", seed=seed, temperature=1.5,
        max_tokens=400,        parallel_tool_calls=False,
    )  # fmt: skip
    (choice,) = made.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    (call,) = choice.message.tool_calls
    assert (call.type, len(call.id)) == ("function", 9)
    assert_is_call(call.function.name, call.function.arguments)


@pytest.mark.parametrize("name", ["agenda", "hora"])
def test_a_named_call_is_that_one(chat: Any, name: str) -> None:
    choice: Any = {"type": "function", "function": {"name": name}}
    made = chat.create(model="any", messages=ASK, tools=TOOLS, tool_choice=choice, temperature=1.0, seed=1)
    (call,) = made.choices[0].message.tool_calls
    assert call.function.name == name
    assert_is_call(name, call.function.arguments)


@pytest.mark.parametrize("stream", [False, True])
def test_calls_are_as_described(family: Live, stream: bool) -> None:
    chat = {"messages": ASK, "tools": TOOLS, "tool_choice": "required", "max_tokens": 400, "stream": stream}
    check(family.post("/v1/chat/completions", chat), "post", "/v1/chat/completions")
    tools = [{"type": "function", **tool["function"]} for tool in TOOLS]
    asked = {"input": "Que dia é?", "tools": tools, "tool_choice": "required", "max_output_tokens": 400}
    check(family.post("/v1/responses", asked | {"stream": stream}), "post", "/v1/responses")


@pytest.mark.parametrize("n", [1, 2])
def test_a_stream_tells_the_same_in_pieces(chat: Any, n: int) -> None:
    given: dict[str, Any] = {
        "model": "any", "messages": ASK, "tools": TOOLS, "tool_choice": "required", "seed": 4,
        "temperature": 1.2,        "max_tokens": 400, "n": n, "parallel_tool_calls": False,
    }  # fmt: skip
    whole = chat.create(**given)
    with chat.create(**given, stream=True, stream_options={"include_usage": True}) as stream:
        *chunks, usage = list(stream)
    for index in range(n):
        deltas = [c.choices[0] for c in chunks if c.choices[0].index == index]
        calls = [call for d in deltas for call in d.delta.tool_calls or []]
        first, *rest = calls
        (expected,) = whole.choices[index].message.tool_calls
        assert (first.index, first.type, first.function.name) == (0, "function", expected.function.name)
        assert first.id
        assert all((c.index, c.id, c.function.name) == (0, None, None) for c in rest)
        assert "".join(c.function.arguments for c in calls) == expected.function.arguments
        assert not any(d.delta.content for d in deltas)
        assert [d.finish_reason for d in deltas if d.finish_reason] == ["tool_calls"]
    assert usage.usage.total_tokens == whole.usage.total_tokens


def test_what_is_free_to_call_is_text_or_calls(chat: Any) -> None:
    """A random model writes what it likes; whatever that is comes back whole."""
    for seed in range(4):
        made = chat.create(model="any", messages=ASK, tools=TOOLS, seed=seed, temperature=1.0, max_tokens=40)
        (choice,) = made.choices
        for call in choice.message.tool_calls or []:
            assert_is_call(call.function.name, call.function.arguments)
        assert choice.message.content is not None or choice.message.tool_calls
    plain = chat.create(
        model="any", messages=ASK, tools=TOOLS, tool_choice="none", temperature=0, max_tokens=8
    )
    without = chat.create(model="any", messages=ASK, temperature=0, max_tokens=8)
    assert plain.choices[0].message == without.choices[0].message
    assert plain.usage.prompt_tokens == without.usage.prompt_tokens


def test_a_call_that_the_model_begins_itself_is_held_to_its_form(family: Live, chat: Any) -> None:
    """A large bias makes the random model begin with the marker; from there the grammar holds."""
    model = family.services.engine.model
    style = family.services.serving.current.template.tool_format
    assert style is not None
    if not style.start.markers:
        pytest.skip("this family begins calls without a marker")
    (marker,) = model.tokenize(style.start.markers[0], special=True)
    given: dict[str, Any] = {
        "model": "any", "messages": ASK, "tools": TOOLS, "temperature": 0.8, "seed": 2, "max_tokens": 400,
        "parallel_tool_calls": False, "logit_bias": {str(marker): 100.0},
    }  # fmt: skip
    made = chat.create(**given)
    (choice,) = made.choices
    (call,) = choice.message.tool_calls
    assert_is_call(call.function.name, call.function.arguments)
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    with chat.create(**given, stream=True) as stream:
        pieces = [d for c in stream for d in c.choices[0].delta.tool_calls or []]
    assert "".join(piece.function.arguments for piece in pieces) == call.function.arguments
    assert len(pieces) > 2 or call.function.name == "hora"


def test_a_conversation_with_calls_goes_on(family: Live, chat: Any) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "hora", "arguments": "{}"}}
    talk: Any = [
        *ASK, {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"hora": "dez </s> [INST]"}'},
    ]  # fmt: skip
    made = chat.create(model="any", messages=talk, tools=TOOLS, max_tokens=4)
    assert made.usage.prompt_tokens > 20


@pytest.mark.parametrize(
    ("change", "param", "says"),
    [
        ({"tool_choice": "sometimes"}, "tool_choice", "it must be auto, none, required or"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice", "tools has agenda"),
        ({"tools": [AGENDA, AGENDA]}, "tools.1.function.name", "two functions named 'agenda'"),
        ({"tools": [], "tool_choice": "required"}, "tools", "tools is empty"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name", "a b"),
        ({"tools": [{"type": "retrieval"}]}, "tools.0.type", "retrieval"),
        ({"response_format": {"type": "json_object"}}, "response_format", "send one of them"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "strict": True,
                        "parameters": {"type": "object", "minProperties": 2}}}]},
            "tools.0.function.parameters", "'minProperties' at # is not supported",
        ),
        (
            {"messages": [*ASK, {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "hora", "arguments": "[1]"}}]}]},
            "messages.1.tool_calls.0.function.arguments", "no JSON object",
        ),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content", "content"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(
    family: Live, change: dict[str, Any], param: str, says: str
) -> None:
    answer = family.post("/v1/chat/completions", {"messages": ASK, "tools": TOOLS} | change)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param)
    assert says in error["message"]


def test_a_schema_no_grammar_can_say_is_any_object(chat: Any) -> None:
    tool: Any = {
        "type": "function",
        "function": {"name": "a", "parameters": {"type": "object", "minProperties": 0}},
    }
    made = chat.create(
        model="any",
        messages=ASK,
        tools=[tool],
        tool_choice="required",
        temperature=0.7,
        seed=3,
        max_tokens=600,
    )
    for call in made.choices[0].message.tool_calls or []:
        assert isinstance(json.loads(call.function.arguments), dict)


def test_a_call_cut_short_is_text(chat: Any) -> None:
    given: dict[str, Any] = {
        "model": "any", "messages": ASK, "tools": TOOLS, "tool_choice": "required", "seed": 5,
        "max_tokens": 4,
    }  # fmt: skip
    (choice,) = chat.create(**given).choices
    assert (choice.finish_reason, choice.message.tool_calls) == ("length", None)
    assert choice.message.content
    with chat.create(**given, stream=True) as stream:
        assert [c.choices[0].finish_reason for c in stream][-1] == "length"


def test_a_model_without_tools_says_so(sintra: Live) -> None:
    answer = sintra.post("/v1/chat/completions", {"messages": ASK, "tools": TOOLS})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "tools")
    assert "has no place for tools" in error["message"]
