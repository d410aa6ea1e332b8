from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.tools.events import Arguments, CallBegins, ParseEvent, Text
from aion.engine.tools.format import LIST, LLAMA, NAMED, TAGGED, ToolFormat, bare
from aion.engine.tools.parser import CallParser, call_id

NAMES = ("preço", "agenda", "get_weather")
FORMATS = {"list": LIST, "named": NAMED, "tagged": TAGGED, "llama": LLAMA, "bare": bare()}
CALL = '{"name": "agenda", "arguments": {"dia": "3}\\"[", "n": [1, {"a": null}]}}'
ARGUMENTS = '{"dia": "3}\\"[", "n": [1, {"a": null}]}'

Read = tuple[str, list[tuple[str, str]]]


def events(style: ToolFormat, pieces: Sequence[str], *, is_held: bool = False) -> list[ParseEvent]:
    ids = itertools.count()
    parser = CallParser(style, NAMES, is_held=is_held, new_id=lambda: str(next(ids)))
    found = [event for piece in pieces for event in parser.push(piece)] + parser.finish()
    assert parser.n_calls == sum(isinstance(event, CallBegins) for event in found)
    return found


def read(style: ToolFormat, pieces: Sequence[str], *, is_held: bool = False) -> Read:
    """The text, and (name, arguments) of each call; a call is told whole before the next begins."""
    text, calls = "", list[tuple[str, str]]()
    for event in events(style, pieces, is_held=is_held):
        match event:
            case Text(piece):
                text += piece
            case CallBegins(index, identity, name):
                assert (index, identity) == (len(calls), str(len(calls)))
                calls.append((name, ""))
            case Arguments(index, piece):
                assert index == len(calls) - 1
                calls[-1] = (calls[-1][0], calls[-1][1] + piece)
    return text, calls


ONE: Read = ("", [("agenda", ARGUMENTS)])
TWO: Read = ("", [("agenda", ARGUMENTS), ("agenda", "{}")])
PYTHON = '<|python_tag|>agenda.call(dia="3", n=[1, None])'
SECOND = '{"name": "agenda", "arguments": {}}'
CALLS = [
    ("list", f"[TOOL_CALLS] [{CALL}]", ONE),
    ("list", f"[TOOL_CALLS][{CALL}, {SECOND}]", TWO),
    ("list", f"[TOOL_CALLS]{CALL}", ONE),
    ("list", f"Vou ver.\n[TOOL_CALLS] [ {CALL} ] ", ("Vou ver.", ONE[1])),
    ("list", f'[TOOL_CALLS][{CALL[:-1]}, "id": "abcdefghi"}}]', ONE),
    ("named", f"[TOOL_CALLS]agenda[ARGS]{ARGUMENTS}[TOOL_CALLS]agenda[ARGS]{{}}", TWO),
    ("named", f"[TOOL_CALLS]agenda[CALL_ID]abcdefghi[ARGS]{ARGUMENTS}", ONE),
    ("named", f"[TOOL_CALLS]agenda{ARGUMENTS}", ONE),
    ("tagged", f"<tool_call>\n{CALL}\n</tool_call>", ONE),
    ("tagged", f"<tool_call>\n{CALL}\n</tool_call>\n<tool_call>\n{SECOND}\n</tool_call>\n", TWO),
    ("tagged", f"Sim: <tool_call>{CALL}", ("Sim:", ONE[1])),
    ("tagged", f"<tool_call>{CALL}</tool_call> depois", (" depois", ONE[1])),
    ("llama", CALL.replace("arguments", "parameters"), ONE),
    ("llama", f" {CALL}; {SECOND}", TWO),
    ("llama", f"<|python_tag|>{CALL}", ONE),
    ("llama", PYTHON, ("", [("agenda", '{"dia": "3", "n": [1, null]}')])),
    ("bare", f"\n{CALL}", ONE),
    ("bare", f"[{CALL},{SECOND}]", TWO),
    ("bare", '{"type": "function", "function": {"name": "agenda", "arguments": "{\\"a\\": 1}"}}',
     ("", [("agenda", '{"a": 1}')])),
]  # fmt: skip
TEXTS = [
    ("list", "Olá, [1] e [TOOL"), ("list", "[TOOL_CALLS] nada"), ("list", f"[TOOL_CALLS] [{CALL[:-2]}"),
    ("list", '[TOOL_CALLS][{"name": "agenda", "arguments": {bad}}]'), ("list", "[TOOL_CALLS][1, 2]"),
    ("list", '[TOOL_CALLS] [{"name": 3, "arguments": {}}]'), ("list", "[TOOL_CALLS"), ("list", CALL),
    ("named", "[TOOL_CALLS]agenda[ARGS] nada"), ("named", "[TOOL_CALLS]" + "x" * 300 + "{}"),
    ("named", "[TOOL_CALLS]agenda[ARGS]{bad}"), ("tagged", "<tool_call> </tool_call>"),
    ("tagged", "a < b <tool"),
    ("tagged", '<tool_call>{"name": "agenda", "arguments": "no"}</tool_call>'),
    ("llama", '{"answer": 42}'), ("llama", '{"name": "outra", "parameters": {}}'), ("llama", "{"),
    ("llama", "<|python_tag|>print(1)"), ("llama", "<|python_tag|>agenda.call(1, 2)"),
    ("bare", "[1] diz que sim"),
    ("bare", '{"name": "agenda", "arguments": {"a": 1}'), ("bare", f"Eis: {CALL}"), ("bare", "  "),
    ("tagged", "<tool_call>" + "{" * 3000), ("bare", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CALLS)
def test_calls_are_read(name: str, text: str, expected: Read) -> None:
    assert read(FORMATS[name], [text]) == expected
    assert read(FORMATS[name], list(text)) == expected


@pytest.mark.parametrize(("name", "text", "expected"), CALLS)
def test_arguments_are_told_while_they_are_written(name: str, text: str, expected: Read) -> None:
    assert read(FORMATS[name], list(text), is_held=True) == expected
    if "agenda.call" not in text and '"function"' not in text:
        pieces = [e for e in events(FORMATS[name], list(text), is_held=True) if isinstance(e, Arguments)]
        assert len(pieces) == sum(len(arguments) for _, arguments in expected[1])


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_what_is_no_call_stays_text(name: str, text: str) -> None:
    assert read(FORMATS[name], [text]) == read(FORMATS[name], list(text)) == (text, [])


def test_what_is_whole_of_a_broken_list_is_kept() -> None:
    text, calls = read(LIST, [f'[TOOL_CALLS][{CALL}, {{"name": oops'])
    assert (text, calls) == (', {"name": oops', ONE[1])


def test_text_comes_at_once() -> None:
    parser = CallParser(TAGGED, NAMES)
    assert parser.push("Olá <") == [Text("Olá")]
    assert parser.push("b> mundo") == [Text(" <b> mundo")]
    assert parser.push(" <tool_cal") == []
    assert parser.finish() == [Text(" <tool_cal")]


def test_a_json_answer_is_not_held_back() -> None:
    parser = CallParser(LLAMA, NAMES)
    assert parser.push('{"answer"') == [Text('{"answer"')]


def test_ids_are_such_as_mistral_takes() -> None:
    ids = {call_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 9 and each.isascii() and each.isalnum() for each in ids)


FRAGMENTS = st.sampled_from(
    [CALL, SECOND, "[TOOL_CALLS]", "<tool_call>", "</tool_call>", "<|python_tag|>", "[ARGS]", "[CALL_ID]",
     "agenda", "[", "]", "{", "}", ",", '"', "\\", " ", "\n", '{"name": "agenda", "arguments": ', "texto",
     ".call(", "a=1)", ";", "Olá <", "é"]
)  # fmt: skip
ANSWERS = st.lists(FRAGMENTS, max_size=12).map("".join)


def split(text: str, cuts: Sequence[int]) -> list[str]:
    places = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(places)]


@given(st.sampled_from(sorted(FORMATS)), ANSWERS, st.lists(st.integers(0, 2000)), st.booleans())
def test_any_cut_is_read_alike(name: str, text: str, cuts: list[int], is_held: bool) -> None:
    style = FORMATS[name]
    whole = read(style, [text], is_held=is_held)
    assert read(style, split(text, cuts), is_held=is_held) == whole
    assert read(style, list(text), is_held=is_held) == whole
    if not is_held:
        assert all(isinstance(json.loads(arguments), dict) for _, arguments in whole[1])
    if not whole[1]:
        assert whole[0] == text


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.dictionaries(st.text(max_size=5), VALUES)), min_size=1))
def test_what_a_template_writes_is_read_again(calls: list[tuple[str, dict[str, object]]]) -> None:
    objects = [json.dumps({"name": n, "arguments": a}, ensure_ascii=False) for n, a in calls]
    written = {
        "list": f"[TOOL_CALLS] [{', '.join(objects)}]",
        "tagged": "\n".join(f"<tool_call>\n{each}\n</tool_call>" for each in objects),
        "bare": "; ".join(objects),
    }
    for name, text in written.items():
        found = read(FORMATS[name], [text])
        assert (found[0], [(n, json.loads(a)) for n, a in found[1]]) == ("", calls)
