"""A text gone on with as it is, without a chat template. Use from any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from aion.engine.generation import generation
from aion.engine.generator import try_grammar
from aion.engine.serving import Loaded, Serving
from aion.errors import InvalidRequest
from aion.types import AdapterChoice, GenerationEvent, Priority, Sampling


class Continuation:
    """The model as it is beneath its chat template. Text that spells a control token stays text; who wants
    control tokens gives token ids."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        """Token ids of `text`; `special` reads control tokens in it, `bos` begins with the model's own first
        token where it wants one. Thread-safe."""
        with self._serving.lease() as loaded:
            model = loaded.model
            return (
                model.tokenize_text(text)
                if bos and not special
                else model.tokenize(text, special=special, bos=bos)
            )

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token ids, control tokens left out. Raises InvalidRequest for an id there is not."""
        with self._serving.lease() as loaded:
            self._check(tokens, loaded.model.n_vocab)
            return loaded.model.detokenize(list(tokens))

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """The bytes of each token, control tokens spelled out."""
        with self._serving.lease() as loaded:
            return [loaded.model.piece(token, special=True) for token in tokens]

    def stream(
        self,
        prompt: str | Sequence[int],
        sampling: Sampling,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Deltas, then one Finished, as `Generator.stream` does; token ids are taken as they are."""

        async def prepare(loaded: Loaded) -> list[int]:
            return await asyncio.to_thread(self._prepared, loaded, prompt, sampling)

        return generation(self._serving, prepare, sampling, adapters, priority=priority, timeout_s=timeout_s)

    def _prepared(self, loaded: Loaded, prompt: str | Sequence[int], sampling: Sampling) -> list[int]:
        """The tokens of the prompt. Raises InvalidRequest for an id there is not, and for a grammar that
        cannot be followed."""
        if isinstance(prompt, str):
            tokens = loaded.model.tokenize_text(prompt)
        else:
            self._check(prompt, loaded.model.n_vocab)
            tokens = list(prompt)
        try_grammar(loaded, sampling)
        return tokens

    @staticmethod
    def _check(tokens: Sequence[int], n_vocab: int) -> None:
        wrong = next((token for token in tokens if not 0 <= token < n_vocab), None)
        if wrong is not None:
            raise InvalidRequest(
                f"{wrong} is no token of this model, whose ids are 0 to {n_vocab - 1}.", param="tokens"
            )
