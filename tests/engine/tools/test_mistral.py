"""Mistral 7B v0.3's own tokenizer: conversations with tools are those of mistral-common, id by id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from mistral_common.protocol.instruct.messages import (
    AssistantMessage,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.tool_calls import Function, FunctionCall
from mistral_common.protocol.instruct.tool_calls import Tool as MistralTool
from mistral_common.protocol.instruct.tool_calls import ToolCall as MistralCall
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from aion.answer.prompt import plain_prompt
from aion.convert import convert
from aion.engine.model import Model
from aion.engine.template import ChatTemplate
from aion.types import Message, Tool, ToolCall, ToolUse
from tests.convert.tiny import CONFIG, write_folder
from tests.engine.test_mistral import V3
from tests.engine.tools.families import MISTRAL

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"dia": {"type": "string", "description": "Qual dia"}},
    "required": ["dia"],
}
CALL = ToolCall("abcdefghi", "agenda", '{"dia": "sábado"}')
TURNS = {
    "ask": [Message("user", "Que dia é?")],
    "result": [
        Message("user", "Que dia é?"), Message("assistant", "", (CALL,)),
        Message("tool", "10", tool_call_id="abcdefghi"),
    ],
    "after": [
        Message("user", "Que dia é?"), Message("assistant", "", (CALL,)),
        Message("tool", "10", tool_call_id="abcdefghi"), Message("assistant", "Dez."),
        Message("user", "E hoje?"),
    ],
}  # fmt: skip
Turn = SystemMessage | UserMessage | AssistantMessage | ToolMessage


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    folder = write_folder(tmp_path_factory.mktemp("v3") / "mistral", V3, {**CONFIG, "vocab_size": 32768})
    path = convert(folder, folder.parent / "v3.gguf", "f16", chat_template=MISTRAL)
    with closing(Model(path)) as model:
        yield model


def as_mistral(message: Message) -> Turn:
    if message.role == "tool":
        return ToolMessage(content=message.content, tool_call_id=message.tool_call_id)
    if message.tool_calls:
        calls = [
            MistralCall(id=c.id, function=FunctionCall(name=c.name, arguments=c.arguments))
            for c in message.tool_calls
        ]
        return AssistantMessage(content=None, tool_calls=calls)
    kind = UserMessage if message.role == "user" else AssistantMessage
    return kind(content=message.content)


@pytest.mark.parametrize("turns", TURNS)
def test_conversations_with_tools_are_tokenised_as_mistral_does(mistral: Model, turns: str) -> None:
    tool = MistralTool(function=Function(name="agenda", description="O que há", parameters=SCHEMA))
    request: ChatCompletionRequest[Turn] = ChatCompletionRequest(
        messages=[as_mistral(m) for m in TURNS[turns]], tools=[tool]
    )
    expected = MistralTokenizer.v3().encode_chat_completion(request)
    found = ChatTemplate(mistral, plain_prompt).tokens(
        TURNS[turns], ToolUse((Tool("agenda", "O que há", SCHEMA),))
    )
    assert mistral.detokenize(found) == mistral.detokenize(expected.tokens)
    assert found == expected.tokens
