"""`/v1/embeddings` as the official client sees it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import openai
import pytest

from aion.engine.embedder import LlamaEmbedder
from aion.engine.gate import ComputeGate
from aion.server.access.rates.turns import Turns
from aion.server.openai_api.embeddings import EmbeddingsRequest, _embedded
from aion.types import Vectors
from tests.server.live import Live

TEXTS = ["O tour half-day custa 55 €.", "O Palácio da Pena abre às 9h30.", ""]


@pytest.fixture
def embedder(sintra: Live) -> LlamaEmbedder:
    return sintra.services.library.embedder


def test_vectors_are_the_embedders(client: openai.OpenAI, embedder: LlamaEmbedder) -> None:
    made = client.embeddings.create(model="any", input=TEXTS)
    expected = embedder.embed_tokens([embedder.tokenize(text) for text in TEXTS])
    assert [each.index for each in made.data] == [0, 1, 2]
    assert np.allclose([each.embedding for each in made.data], expected, atol=1e-5)
    assert made.model == embedder.model_name
    assert made.usage.prompt_tokens == made.usage.total_tokens
    assert made.usage.total_tokens == sum(len(embedder.tokenize(text)) for text in TEXTS)


def test_one_text_and_its_tokens_are_the_same(client: openai.OpenAI, embedder: LlamaEmbedder) -> None:
    tokens = embedder.tokenize(TEXTS[0])
    inputs: list[Any] = [TEXTS[0], tokens, [tokens]]
    one, two, three = (client.embeddings.create(model="any", input=each).data for each in inputs)
    assert one[0].embedding == two[0].embedding == three[0].embedding


def test_both_encodings_say_the_same(sintra: Live) -> None:
    def asked(encoding: str) -> Any:
        answer = sintra.post("/v1/embeddings", {"input": TEXTS[0], "encoding_format": encoding})
        return answer.json()["data"][0]["embedding"]

    packed = np.frombuffer(base64.b64decode(asked("base64")), "<f4")
    assert np.allclose(packed, asked("float"), atol=1e-7)


def test_fewer_dimensions_have_length_one(client: openai.OpenAI) -> None:
    whole = client.embeddings.create(model="any", input=TEXTS[0]).data[0].embedding
    short = client.embeddings.create(model="any", input=TEXTS[0], dimensions=8).data[0].embedding
    assert np.allclose(short, np.array(whole[:8]) / np.linalg.norm(whole[:8]), atol=1e-5)


def test_questions_and_passages_as_the_documents_have_them(
    client: openai.OpenAI, embedder: LlamaEmbedder
) -> None:
    wanted = {"query": embedder.embed_query(TEXTS[0]), "passage": embedder.embed_passages(TEXTS[:1])[0]}
    for kind, vector in wanted.items():
        made = client.embeddings.create(model="any", input=TEXTS[0], extra_body={"input_type": kind})
        assert np.allclose(made.data[0].embedding, vector, atol=1e-5)


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        ({"input": []}, "input", "1 to 2048 texts, not 0"),
        ({"input": [[]]}, "input", "send a text, a list of texts"),
        ({"input": 5}, "input", "input is 5"),
        ({"input": [1.5]}, "input", "send a text, a list of texts"),
        ({"input": [True]}, "input", "send a text, a list of texts"),
        ({"input": [[0, 10**7]]}, "input", "input[0] names the token 10000000, and"),
        ({"input": [[-1]]}, "input", "names the token -1"),
        ({"input": "a", "dimensions": 10**6}, "dimensions", "dimensions is 1000000, and"),
        ({"input": "a", "dimensions": 0}, "dimensions", "greater than or equal to 1"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "'float' or 'base64'"),
        ({"input": ["b", "palavra " * 5000]}, "input", "input[1] has"),
        ({"input": ["a"] * 2049}, "input", "2048"),
    ],
)
def test_what_cannot_be_is_refused_by_name(sintra: Live, body: object, param: str, says: str) -> None:
    answer = sintra.post("/v1/embeddings", body)
    error = answer.json()["error"]
    assert answer.status_code == 400, error
    assert error["param"] == param
    assert says in error["message"]


def test_nothing_is_computed_for_a_client_that_has_gone(embedder: LlamaEmbedder) -> None:
    calls = list[int]()

    class Counting(LlamaEmbedder):
        """Its client goes away as soon as it computes."""

        go_away: Callable[[], object]

        def embed_tokens(self, inputs: Sequence[Sequence[int]], *, in_background: bool = False) -> Vectors:
            calls.append(len(inputs))
            self.go_away()
            return super().embed_tokens(inputs, in_background=in_background)

    async def ask(counting: Counting) -> None:
        body = EmbeddingsRequest.model_validate({"input": ["a b"] * 50})
        task = asyncio.create_task(_embedded(Turns("embeddings"), counting, body))
        counting.go_away = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    with closing(Counting(embedder._model, 1, ComputeGate())) as counting:
        asyncio.run(ask(counting))
    assert calls == [16]
