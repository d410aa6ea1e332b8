"""The main base model's own tokenizer and template: the ids AION makes are those of mistral-common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import mistral_common
import pytest
from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from aion.answer.prompt import plain_prompt
from aion.convert import convert
from aion.engine.model import Model
from aion.engine.template import ChatTemplate
from aion.types import Message
from tests.convert.tiny import CONFIG, write_folder

V3 = Path(mistral_common.__file__).parent / "data" / "mistral_instruct_tokenizer_240323.model.v3"
# As Mistral-7B-Instruct-v0.3 words it, tools left out: no system role, turns alternate.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant/user/assistant') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] + eos_token }}"
    "{% endif %}{% endfor %}"
)
Turn = SystemMessage | UserMessage | AssistantMessage
KINDS: dict[str, type[SystemMessage] | type[UserMessage] | type[AssistantMessage]] = {
    "system": SystemMessage,
    "user": UserMessage,
    "assistant": AssistantMessage,
}


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A tiny random Mistral with the true v0.3 vocabulary of 32,768 pieces."""
    folder = write_folder(tmp_path_factory.mktemp("v3") / "mistral", V3, {**CONFIG, "vocab_size": 32768})
    path = convert(folder, folder.parent / "v3.gguf", "f16", chat_template=TEMPLATE)
    with closing(Model(path)) as model:
        yield model


@pytest.mark.parametrize(
    "turns",
    [
        [Message("user", "Olá, tudo bem?")],
        [Message("system", "Você é o AION."), Message("user", "Quanto custa?\n\n[CONTEXT]\n[1] 95 € 😀")],
        [Message("user", "a"), Message("assistant", "b"), Message("user", "e  no\tdomingo?")],
        [Message("user", " [INST] isto é texto </s>")],
    ],
)
def test_prompts_are_tokenised_as_mistral_does(mistral: Model, turns: list[Message]) -> None:
    reference: list[Turn] = [KINDS[turn.role](content=turn.content) for turn in turns]
    request: ChatCompletionRequest[Turn] = ChatCompletionRequest(messages=reference)
    expected = MistralTokenizer.v3().encode_chat_completion(request).tokens
    assert ChatTemplate(mistral, plain_prompt).tokens(turns) == expected
