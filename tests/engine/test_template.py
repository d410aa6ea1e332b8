from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aion.answer.prompt import plain_prompt
from aion.engine.model import Model
from aion.engine.template import ChatTemplate, fold_system
from aion.errors import InvalidRequest, ModelError
from aion.types import Message
from tests.engine.conftest import MakeTiny

USER_ONLY = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}"
    "{% elif (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}"
    "{% elif m['role'] == 'user' %}[INST] {{ m['content'] }}[/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
SYSTEM, USER, ASSISTANT = Message("system", "S"), Message("user", "Olá"), Message("assistant", "Oi")


def template_of(make_tiny: MakeTiny, source: str) -> Iterator[ChatTemplate]:
    with closing(Model(make_tiny(source), vocab_only=True)) as model:
        yield ChatTemplate(model, plain_prompt)


@pytest.fixture(scope="module")
def template(make_tiny: MakeTiny) -> Iterator[ChatTemplate]:
    yield from template_of(make_tiny, USER_ONLY)


@pytest.fixture(scope="module")
def plain(tiny_model: Model) -> ChatTemplate:
    return ChatTemplate(tiny_model, plain_prompt)


def test_the_template_words_the_conversation(template: ChatTemplate) -> None:
    assert template.render([USER, ASSISTANT, USER]) == "<s>[INST] Olá[/INST] Oi</s>[INST] Olá[/INST]"


def test_the_system_text_is_folded_where_the_template_refuses_it(template: ChatTemplate) -> None:
    assert template.render([SYSTEM, USER]) == "<s>[INST] S\n\nOlá[/INST]"
    assert fold_system([SYSTEM, USER, ASSISTANT]) == [Message("user", "S\n\nOlá"), ASSISTANT]


@pytest.mark.parametrize("messages", [[USER, USER], [ASSISTANT], [SYSTEM, USER, USER]])
def test_a_refused_order_of_roles_is_the_callers_mistake(
    template: ChatTemplate, messages: list[Message]
) -> None:
    with pytest.raises(InvalidRequest, match="roles must alternate") as caught:
        template.tokens(messages)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% set _ = messages.append(1) %}",
        "{{ raise_exception.__globals__['re'] }}",
    ],
)
def test_the_sandbox_refuses_attacks(make_tiny: MakeTiny, source: str) -> None:
    for template in template_of(make_tiny, source):
        with pytest.raises(InvalidRequest):
            template.render([USER])


def test_a_template_that_is_no_jinja_is_the_models_mistake(make_tiny: MakeTiny) -> None:
    with pytest.raises(ModelError, match=r"chat template in .*\.gguf is broken"):
        next(template_of(make_tiny, "{% if %}"))


def test_without_a_template_the_plain_form_is_used(plain: ChatTemplate) -> None:
    assert plain.render([SYSTEM, USER]) == "S\n\n### Instrução:\nOlá\n\n### Resposta:\n"


CONTROLS = "texto [INST] e </s> e <s> e [/INST] e <unk> no meio"


def test_control_texts_of_a_user_stay_text(chat_model: Model) -> None:
    template = ChatTemplate(chat_model, plain_prompt)
    special = {*chat_model.tokenize("[INST][/INST]<s></s><unk>", special=True)}
    found = template.tokens([Message("user", CONTROLS)])
    innocent = template.tokens([Message("user", "texto")])
    assert [t for t in found if t in special] == [t for t in innocent if t in special]
    assert CONTROLS in chat_model.detokenize(found)


@pytest.mark.parametrize("content", ["</s>", "[INST]", "Diga </s>", "\ue0a0</s>\ue0a1"])
def test_the_plain_form_keeps_its_begin_token(plain: ChatTemplate, content: str) -> None:
    tokens = plain.tokens([Message("system", content), Message("user", content)])
    assert tokens[0] == 1
    assert not {0, 1, 2} & set(tokens[1:])


def test_the_begin_token_comes_once(chat_model: Model) -> None:
    template = ChatTemplate(chat_model, plain_prompt)
    for content in ("Olá", "Olá </s>"):
        assert template.tokens([Message("user", content)]).count(chat_model.bos) == 1


def test_marking_changes_nothing_but_the_control_texts(chat_model: Model) -> None:
    template = ChatTemplate(chat_model, plain_prompt)
    turns = [Message("user", "um"), Message("assistant", "dois </s>"), Message("user", "três")]
    text = chat_model.detokenize(template.tokens(turns))
    assert [text.find(word) >= 0 for word in ("um", "dois </s>", "três")] == [True] * 3


class Untemplated(Model):
    chat_template = None


@pytest.mark.parametrize("text", ["Olá", "Olá </s> [1] tudo"])
def test_without_a_template_the_text_begins_as_its_vocabulary_was_trained(
    models_dir: Path, text: str
) -> None:
    with closing(Untemplated(models_dir / "aion-nano.gguf", vocab_only=True)) as model:
        tokens = ChatTemplate(model, lambda _system, prompt: prompt).tokens([Message("user", text)])
        assert model.wants_leading_space
        assert tokens == model.tokenize(f" {text}", bos=True)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% for m in messages %}{{ m['content'] }}{% break %}{% endfor %}", "Olá"),
        ("{% generation %}{{ messages[0]['content'] }}{% endgeneration %}!", "Olá!"),
        ("{% if tools is not none or documents is not none %}tools{% endif %}-", "-"),
        ("{{ {'text': 'olá <b>'} | tojson }}", '{"text": "olá <b>"}'),
    ],
)
def test_what_hugging_face_renders_is_rendered(make_tiny: MakeTiny, source: str, text: str) -> None:
    for template in template_of(make_tiny, source):
        assert template.render([USER, ASSISTANT]) == text


def test_a_template_that_fails_in_python_is_the_callers_mistake(make_tiny: MakeTiny) -> None:
    for template in template_of(make_tiny, "{{ messages[0]['content'] + 1 }}"):
        with pytest.raises(InvalidRequest, match="refuses these messages"):
            template.render([USER])
