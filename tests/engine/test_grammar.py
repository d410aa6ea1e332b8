"""GBNF: what is refused and where, what it lets through, and texts of a random model that follow it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aion.engine.gbnf import check_grammar
from aion.engine.grammar import Grammar, GrammarTooSlow
from aion.engine.model import Model
from aion.errors import InvalidRequest
from aion.types import Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import ask, prompt_of
from tests.engine.test_speculation import EagerSpeculator

ANY = Sampling(temperature=1.2, top_p=1.0, seed=3, max_new_tokens=60)
DATES = """root ::= day "/" month ("/" year)?
day ::= [0-3] [0-9] # two digits
month ::= [01] [0-9]
year ::= [0-9]{4}"""
FORKS = "\n".join(f'r{i} ::= r{i + 1} "a" | r{i + 1} "b"' for i in range(60))


@pytest.fixture(scope="module")
def model(tiny_path: Path) -> Iterator[Model]:
    """The tiny model as it is, which may draw its end."""
    with closing(Model(tiny_path)) as made:
        yield made


def follows(grammar: str, text: str, model: Model) -> bool:
    """Whether the text is a whole one of the grammar."""
    with closing(Grammar(grammar, model)) as made:
        for token in model.tokenize(text):
            if not made.allows(token):
                return False
            made.accept(token)
        return made.allows(model.eos)


@pytest.mark.parametrize(
    ("grammar", "complaint"),
    [
        ("", "no rule named 'root'"),
        ('x ::= "a"', "no rule named 'root'"),
        ('root = "a"', r"line 1, column 6, at '= \"a\"': '::=' is expected"),
        ('root ::= "a" (\n  "b" | "c"\n', r"line 3, column 1, at '': '\)' is expected"),
        ('root ::= "a"\nword ::= [a-z', "line 2, column 10, at '.a-z': this is not closed"),
        (r'root ::= "\q"', "unknown escape"),
        ('root ::= "open', "not closed"),
        ("root ::= []", "not closed, empty"),
        ('root ::= "a" )', r"column 14, at '\)': the end of the line"),
        ("root ::= word", "the rule 'word' is used but not there"),
        ('root ::= "a"\nroot ::= "b"', "the rule 'root' is there twice"),
        ('root ::= "a"{3,2}', "must count upwards"),
        ('root ::= "a"{2,9999}', "to 2000 at most"),
        ('root ::= "a"{x}', "is expected"),
        ('root ::= "a" | ""+', r"column 18, at '\+': there is nothing before it"),
        ('root ::= "a"{0}*', "there is nothing before it"),
        ('root ::= root "a" | "b"', "begins with itself"),
        ('root ::= "x"? a\na ::= b\nb ::= root', "begins with itself|never come to an end"),
        ('root ::= a "x"\na ::= b a | "x"\nb ::= c\nc ::= "y"?', "begins with itself"),
        ('root ::= ("a"?)*', "repeats without end what may be empty"),
        ('root ::= "a" root', "can never come to an end"),
        ('root ::= "a" | b\nb ::= "b" b', "the rule 'b' can never come to an end"),
        (f"root ::= {'(' * 80}'a'{')' * 80}", "nested more than 64 deep"),
        ('root ::= "' + "a" * 2000 + '"{1999}', "elements of it"),
        (f'{FORKS}\nr60 ::= "c"\nroot ::= r0', "ways"),
        ('root ::= "\ud800"', "surrogate"),
        ('root ::= "a"\0', "NUL"),
        ('root ::= "' + "a" * 200_000 + '"', "at most 131072"),
        ("root ::= <[5]>", "tokens in a grammar are not supported"),
        ("root ::= !<eos>", "tokens in a grammar are not supported"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_words(model: Model, grammar: str, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint) as refused:
        Grammar(grammar, model).close()
    assert refused.value.param == "grammar"


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        (DATES, ["01/12", "31/01/1999"], ["1/12", "01/12/", "01/12/99", "41/01"]),
        (r'root ::= ("\x41" | "\u00e9\n" | [^a-z\]\\-])+', ["A", "é\n", "AB"], ["", "a", "]", "-"]),
        ('root ::= list\nlist ::= "(" list* ")"', ["()", "(()())"], ["", "(", "())"]),
        ('root ::= ("a" |\n  "b"){2,3}\r\n', ["ab", "aaa"], ["a", "abab"]),
        ('root ::= "a"{2}{2} . ', ["aaaab", "aaaa🙂"], ["aaaa", "aab"]),
        ('root ::= "a"{0,0} "b"', ["b"], ["ab"]),
        ('root ::= ""', [""], ["a"]),
        ("root ::= ", [""], ["a"]),
        ('root ::= "a" |\n', ["a", ""], ["aa"]),
    ],
)
def test_a_grammar_takes_its_texts_and_no_others(
    model: Model, grammar: str, good: list[str], bad: list[str]
) -> None:
    assert [text for text in good if not follows(grammar, text, model)] == []
    assert [text for text in bad if follows(grammar, text, model)] == []


def test_left_recursion_is_seen_where_llama_cpp_is_fooled() -> None:
    check_grammar('root ::= a\na ::= "x" a | b\nb ::= "y"?')
    with pytest.raises(InvalidRequest, match="begins with itself"):
        check_grammar('root ::= a\na ::= b a | "x"\nb ::= c\nc ::= "y"?')


@pytest.mark.parametrize("temperature", [0.0, 1.2])
def test_a_random_model_follows_and_ends(make_engine: MakeEngine, model: Model, temperature: float) -> None:
    engine = make_engine(model)
    for seed in range(8):
        sampling = replace(ANY, temperature=temperature, seed=seed, grammar=DATES)
        listener = ask(engine, prompt_of(10, seed), sampling)
        assert re.fullmatch(r"[0-3]\d/[01]\d(/\d{4})?", listener.text)
        assert listener.wait().reason == "stop"
    assert engine.is_idle_and_whole


@pytest.mark.parametrize(
    "against", [{"ignore_eos": True}, {"min_tokens": 50}, {"logit_bias": ((2, -100.0),)}, {"top_k": 1}]
)
def test_nothing_keeps_a_complete_text_from_its_end(
    make_engine: MakeEngine, model: Model, against: dict[str, object]
) -> None:
    sampling = replace(ANY, grammar='root ::= "sim" | "não"', **against)  # type: ignore[arg-type]
    listener = ask(make_engine(model), prompt_of(10), sampling)
    assert listener.text in {"sim", "não"}
    assert listener.wait().reason == "stop"


def test_guesses_and_neighbours_change_nothing(
    make_engine: MakeEngine, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = replace(ANY, temperature=0.4, grammar='root ::= ("ab" | "ba" | "c\\n")*')
    prompts = [prompt_of(10 + i, i) for i in range(4)]
    plain = make_engine(model, speculates=False)
    expected = [ask(plain, prompt, sampling).text for prompt in prompts]
    monkeypatch.setattr("aion.engine.batcher.Speculator", EagerSpeculator)
    engine = make_engine(model)
    listeners = [ask(engine, prompt, sampling) for prompt in prompts]
    assert [listener.text for listener in listeners] == expected
    assert engine.status().n_accepted > 0
    assert all(re.fullmatch(r"(ab|ba|c\n)*[abc]?", text) for text in expected)


def test_a_refused_grammar_costs_nobody_anything(make_engine: MakeEngine, model: Model) -> None:
    engine = make_engine(model)
    running = ask(engine, prompt_of(10), replace(ANY, ignore_eos=True))
    with pytest.raises(InvalidRequest, match="line 1"):
        ask(engine, prompt_of(10), replace(ANY, grammar="root ::= ]"))
    assert running.wait().reason == "length"
    assert engine.is_idle_and_whole


def test_a_grammar_that_holds_everybody_up_is_given_up(
    make_engine: MakeEngine, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aion.engine.grammar._MAX_CPU_S", 0.0)
    engine = make_engine(model)
    running = ask(engine, prompt_of(10), replace(ANY, ignore_eos=True))
    finished = ask(engine, prompt_of(10), replace(ANY, grammar=DATES)).wait()
    assert finished.reason == "error"
    assert "so ambiguous that one token took" in (finished.error or "")
    assert running.wait().reason == "length"


def test_one_moment_in_which_the_machine_stood_still_is_forgiven(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Grammar('root ::= "x"+', model)) as grammar:
        for clock, is_given_up in (((0, 9, 9, 9), False), ((0, 9, 9, 18), True)):
            times = iter(clock)
            with monkeypatch.context() as patched:
                patched.setattr("aion.engine.grammar.time.thread_time", lambda times=times: next(times))
                if is_given_up:
                    with pytest.raises(GrammarTooSlow):
                        grammar.allows(model.ascii_tokens[ord("x")])
                else:
                    assert grammar.allows(model.ascii_tokens[ord("x")])


NESTED = 's ::= "(" s ")" | "(" s "]" | "x"'


@pytest.mark.parametrize("grammar", [f"root ::= s\n{NESTED}", f'root ::= [0-9] "-" s\n{NESTED}'])
def test_readings_that_double_are_refused_in_advance(model: Model, grammar: str) -> None:
    with pytest.raises(InvalidRequest, match="so ambiguous") as refused:
        Grammar(grammar, model)
    assert refused.value.param == "grammar"


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= ("a" | "a" "a" | "a" "a" "a")*',
        'root ::= [0-9] (a? a? a? a? a? [0-9])*\na ::= "a"',
        'root ::= term ([-+*] term)*\nterm ::= [0-9]+ | "(" root ")"',
        "root ::= " + " | ".join(f'"value {i}"' for i in range(500)),
    ],
)
def test_many_readings_that_do_not_grow_are_no_matter(model: Model, grammar: str) -> None:
    Grammar(grammar, model).close()


def test_what_the_trial_did_not_find_ends_its_own_sequence(make_engine: MakeEngine, model: Model) -> None:
    engine = make_engine(model)
    towards = tuple(
        (token, 30.0) for token in model.tokenize("((((((((") if model.piece(token).strip() == b"("
    )
    hidden = replace(ANY, temperature=0.0, grammar=f'root ::= "a"{{60}} s\n{NESTED}', logit_bias=towards)
    running = ask(engine, prompt_of(10), replace(ANY, ignore_eos=True))
    finished = ask(engine, prompt_of(10), replace(hidden, max_new_tokens=100)).wait()
    assert "so ambiguous that one token took" in (finished.error or "")
    assert running.wait().reason == "length"


def test_characters_have_tokens_of_their_own(model: Model, chat_model: Model) -> None:
    for each in (model, chat_model):
        assert set(each.ascii_tokens) == set(range(128))
        assert all(each.piece(token) == bytes([code]) for code, token in each.ascii_tokens.items())


def test_where_no_token_fits_the_sequence_is_told(make_engine: MakeEngine, model: Model) -> None:
    listener = ask(make_engine(model), prompt_of(10), replace(ANY, grammar=r'root ::= "a" "\x00"'))
    assert "No token of this model can go on" in (listener.wait().error or "")


def test_control_tokens_are_not_read_as_text(make_engine: MakeEngine, model: Model) -> None:
    towards = tuple((token, 50.0) for token in model.silent_tokens)
    listener = ask(
        make_engine(model), prompt_of(6), replace(ANY, logit_bias=towards, grammar='root ::= "<s>" [a-z]')
    )
    assert re.fullmatch("<s>[a-z]", listener.text)
