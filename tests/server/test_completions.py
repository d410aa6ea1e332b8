"""`POST /v1/completions` as the official client sees it."""

from __future__ import annotations

import openai
import pytest

from aion.engine.continuation import Continuation
from tests.server.live import Live

PROMPT = "O tour full-day em Sintra"


def test_a_text_goes_on(client: openai.OpenAI, sintra: Live) -> None:
    made = client.completions.create(model="any", prompt=PROMPT, max_tokens=6, temperature=0)
    (choice,) = made.choices
    assert (made.object, made.model, choice.index) == (
        "text_completion", sintra.services.generator.model_name, 0,
    )  # fmt: skip
    assert choice.finish_reason in {"stop", "length"}
    assert made.usage is not None
    n_prompt = len(Continuation(sintra.services.serving).tokenize(PROMPT))
    assert (made.usage.prompt_tokens, made.usage.completion_tokens <= 6) == (n_prompt, True)


def test_token_ids_are_the_same_prompt(client: openai.OpenAI, sintra: Live) -> None:
    tokens = Continuation(sintra.services.serving).tokenize(PROMPT)
    by_text, by_ids = (
        client.completions.create(model="any", prompt=prompt, max_tokens=8, temperature=0)
        for prompt in (PROMPT, tokens)
    )
    assert by_text.choices[0].text == by_ids.choices[0].text


def test_no_template_is_put_around_it(client: openai.OpenAI) -> None:
    made = client.completions.create(model="any", prompt="Olá", max_tokens=1)
    assert made.usage is not None
    chat = client.chat.completions.create(
        model="any", messages=[{"role": "user", "content": "Olá"}], max_tokens=1
    )
    assert chat.usage is not None
    assert made.usage.prompt_tokens < chat.usage.prompt_tokens


def test_several_prompts_and_choices_come_in_order(client: openai.OpenAI) -> None:
    prompts = ["O tour", "A Quinta da Regaleira"]
    made = client.completions.create(
        model="any", prompt=prompts, n=2, max_tokens=4, seed=7, temperature=1.2, echo=True
    )
    assert [choice.index for choice in made.choices] == [0, 1, 2, 3]
    assert [choice.text.startswith(prompts[i // 2]) for i, choice in enumerate(made.choices)] == [True] * 4
    assert made.usage is not None
    alone = [client.completions.create(model="any", prompt=p, max_tokens=1).usage for p in prompts]
    assert made.usage.prompt_tokens == sum(usage.prompt_tokens for usage in alone if usage)


def test_a_stream_says_the_same_as_the_whole(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="any", prompt=PROMPT, max_tokens=10, seed=5, echo=True)
    with client.completions.create(
        model="any", prompt=PROMPT, max_tokens=10, seed=5, echo=True, stream=True,
        stream_options={"include_usage": True},
    ) as stream:  # fmt: skip
        *chunks, usage = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert usage.choices == []
    assert usage.usage is not None
    assert whole.usage is not None
    assert (usage.usage.prompt_tokens, usage.usage.completion_tokens) == (
        whole.usage.prompt_tokens, whole.usage.completion_tokens,
    )  # fmt: skip


def test_log_probabilities_stand_beside_their_tokens(client: openai.OpenAI) -> None:
    made = client.completions.create(
        model="any", prompt=PROMPT, max_tokens=5, temperature=0, logprobs=2, echo=True
    )
    choice = made.choices[0]
    told = choice.logprobs
    assert told is not None
    assert told.tokens
    assert told.token_logprobs
    assert told.top_logprobs
    assert told.text_offset
    assert "".join(told.tokens) == choice.text[len(PROMPT) :]
    assert told.text_offset[0] == len(PROMPT)
    for token, logprob, top in zip(told.tokens, told.token_logprobs, told.top_logprobs, strict=True):
        assert logprob == pytest.approx(max(top.values()))
        assert token in top


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, None),
        ({"prompt": [10**9]}, "tokens"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "model": "aion-rag"}, "model"),
        ({"prompt": "a", "best_of": 3}, "best_of"),
        ({"prompt": ["a"] * 33, "n": 2}, "n"),
        ({"prompt": "a", "logprobs": 21}, "logprobs"),
        ({"prompt": "palavra " * 5000}, None),
    ],
)
def test_what_is_wrong_is_named(sintra: Live, body: dict[str, object], param: str | None) -> None:
    response = sintra.post("/v1/completions", body)
    assert response.status_code == 400
    if param is not None:
        assert response.json()["error"]["param"] == param


def test_one_model_is_shown_by_name(client: openai.OpenAI, sintra: Live) -> None:
    name = sintra.services.generator.model_name
    assert client.models.retrieve(name).id == name
    assert client.models.retrieve("aion-rag").id == "aion-rag"
    with pytest.raises(openai.NotFoundError, match="nobody"):
        client.models.retrieve("nobody")
