"""JSON schemas as grammars: texts they take and refuse, texts of a random model that always validate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.json_schema import json_object_grammar, schema_grammar
from aion.engine.model import Model
from aion.errors import InvalidRequest
from aion.types import Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import ask, prompt_of
from tests.engine.schemas import CASES, CHAIN, TOUR
from tests.engine.test_grammar import follows

ANY = Sampling(temperature=1.0, top_p=1.0, seed=1, max_new_tokens=240)


@pytest.fixture(scope="module")
def model(tiny_path: Path) -> Iterator[Model]:
    with closing(Model(tiny_path)) as made:
        yield made


@pytest.mark.parametrize(("schema", "good", "bad"), CASES)
def test_a_schema_takes_its_texts_and_no_others(
    model: Model, schema: Any, good: list[str], bad: list[str]
) -> None:
    grammar = schema_grammar(schema)
    assert [text for text in good if not follows(grammar, text, model)] == []
    assert [text for text in bad if follows(grammar, text, model)] == []
    for text in good if "nullable" not in str(schema) else ():  # which is OpenAPI's
        jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("schema", [TOUR, CHAIN, *(schema for schema, _, _ in CASES[2:9])])
def test_what_a_random_model_writes_validates(make_engine: MakeEngine, model: Model, schema: Any) -> None:
    engine = make_engine(model, n_ctx=256)
    sampling = replace(ANY, grammar=schema_grammar(schema))
    listeners = [ask(engine, prompt_of(9, seed), replace(sampling, seed=seed)) for seed in range(6)]
    texts = [listener.text for listener in listeners if listener.wait().reason == "stop"]
    assert len(texts) > 3
    for text in texts:
        jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())


def test_any_json_object_parses(make_engine: MakeEngine, model: Model) -> None:
    engine = make_engine(model, n_ctx=256)
    towards_ends = tuple((model.tokenize(f"a{end}")[-1], 4.0) for end in '}]"')
    sampling = replace(ANY, grammar=json_object_grammar(), logit_bias=towards_ends)
    listeners = [ask(engine, prompt_of(9, seed), replace(sampling, seed=seed)) for seed in range(12)]
    texts = [listener.text for listener in listeners if listener.wait().reason == "stop"]
    assert len(texts) > 3
    assert all(isinstance(json.loads(text), dict) for text in texts)
    assert any(json.loads(text) for text in texts)


BOUNDS = st.integers(-(10**6), 10**6)


@given(BOUNDS, BOUNDS, st.integers(-(10**7), 10**7))
def test_whole_numbers_are_within_their_bounds(whole_model: Model, a: int, b: int, value: int) -> None:
    low, high = min(a, b), max(a, b)
    grammar = schema_grammar({"type": "integer", "minimum": low, "maximum": high})
    for n in (value, low, high, low - 1, high + 1):
        assert follows(grammar, str(n), whole_model) == (low <= n <= high)


@given(
    st.integers(-200, 200),
    st.integers(0, 200),
    st.booleans(),
    st.booleans(),
    st.decimals(-300, 300, places=2),
)
def test_numbers_are_within_their_bounds(
    whole_model: Model, low: int, width: int, open_low: bool, open_high: bool, value: Any
) -> None:
    high = low + width + 1
    schema = {
        "type": "number",
        "exclusiveMinimum" if open_low else "minimum": low,
        "exclusiveMaximum" if open_high else "maximum": high,
    }
    grammar = schema_grammar(schema)
    inside = (low < value if open_low else low <= value) and (value < high if open_high else value <= high)
    text = f"{value:f}"
    written = text.rstrip("0").rstrip(".") if value == int(value) else text
    assert follows(grammar, "0" if written == "-0" else written, whole_model) == inside


@pytest.fixture(scope="module")
def whole_model(model: Model) -> Model:
    """For properties, which take no fixture made anew for each test."""
    return model


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"properties": {"a": {"type": "string", "not": {}}}}, "'not' at #/a is not supported"),
        ({"type": "integer", "multipleOf": 5}, "'multipleOf' at # is not supported"),
        ({"type": "object", "patternProperties": {}}, "'patternProperties'"),
        ({"type": "array", "uniqueItems": True}, "'uniqueItems'"),
        ({"anyOf": [{}], "type": "object"}, "'type' beside 'anyOf'"),
        ({"allOf": [{}, {}]}, "#/allOf of more than one"),
        ({"type": "string", "pattern": "(?=a)b"}, r"the pattern '\(\?=a\)b' at # has the group"),
        ({"type": "string", "pattern": "a\\b"}, r"the escape \\b"),
        ({"type": "string", "pattern": "(a"}, "not closed"),
        ({"type": "string", "pattern": "a)"}, r"a '\)' too many"),
        ({"type": "string", "pattern": "a{5,2}"}, r"the count \{5,2\}"),
        ({"type": "string", "pattern": "[]"}, "empty class"),
        ({"type": "string", "pattern": "[a"}, "an end in the middle"),
        ({"type": "string", "pattern": "a", "maxLength": 3}, "'maxLength' beside 'pattern'"),
        ({"type": "string", "format": "uri"}, "the format 'uri' at # is not one of date"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 over maxLength 2"),
        ({"type": "string", "minLength": -1}, "minLength at # is -1"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "minItems 3 over maxItems 2"),
        ({"type": "number", "minimum": 0.5}, "the bound 0.5 at # is not whole"),
        ({"type": "number", "minimum": True}, "minimum at # is True"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no integer is within the bounds"),
        ({"type": "foo"}, "the type 'foo' at # is not one of object"),
        ({"type": "integer", "enum": ["a"]}, "no value of its type"),
        ({"enum": []}, "#/enum must be a list that is not empty"),
        ({"$ref": "#/x"}, "leads to nothing"),
        ({"$ref": "https://example.org/x"}, "leads out of the schema"),
        ({"type": "object", "properties": {"a": False}}, "allows nothing"),
        ({"properties": {"next": {"$ref": "#"}}, "required": ["next"]}, "can never come to an end"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "can never come to an end"),
        ({"const": "\ud800"}, "surrogate"),
        ({"const": float("nan")}, "not JSON compliant"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_by_name(schema: Any, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint) as refused:
        schema_grammar(schema)
    assert refused.value.param == "response_format"


def test_a_schema_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    with pytest.raises(InvalidRequest, match="levels deep"):
        schema_grammar(schema)
