"""The tokens of a question and a passage together, as a reranker was trained to read them.

Control tokens come from the model's form only; in both texts they stay text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aion.engine.library import lib
from aion.engine.model import Model
from aion.errors import ModelError

_PLACES = re.compile(r"(\{query\}|\{document\})")

Segments = tuple[list[int], list[int]]
"""The tokens of the first and of the second segment of a pair."""


class PairForm(Protocol):
    """Of a pair that is too long the passage is cut at its end; the question too, where it would take more
    than half of the room."""

    def pairs(self, query: str, texts: Sequence[str], n_most: int) -> list[Segments]:
        """For each text, `n_most` tokens at most in both segments together."""
        ...


def pair_form(model: Model) -> PairForm:
    """How `model` reads a pair: by the template "rerank" in its GGUF, else as encoders do:
    "[CLS] question [SEP] passage [SEP]" of BERT, "<s> question </s></s> passage </s>" of XLM-RoBERTa.

    Raises ModelError for a template without its two places in that order.
    """
    if template := model.named_template("rerank"):
        return TemplateForm(model, template)
    vocab = model.vocab
    separator = int(lib.llama_vocab_sep(vocab))
    begin = (model.bos,) if model.bos >= 0 else ()
    if lib.llama_vocab_type(vocab) == lib.LLAMA_VOCAB_TYPE_WPM:
        return EncoderForm(model, begin, (separator,), (separator,))
    end = model.eos if model.eos >= 0 else separator
    second = (separator,) if lib.llama_vocab_get_add_sep(vocab) and separator >= 0 else ()
    return EncoderForm(model, begin if model.adds_bos else (), (end, *second), (end,))


@dataclass(frozen=True, slots=True)
class EncoderForm:
    """Tokens before the question, between both, and after the passage."""

    model: Model
    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]

    def pairs(self, query: str, texts: Sequence[str], n_most: int) -> list[Segments]:
        question = self.model.tokenize(query)
        return [self.joined(question, self.model.tokenize(text), n_most) for text in texts]

    def joined(self, query: Sequence[int], passage: Sequence[int], n_most: int) -> Segments:
        room = max(0, n_most - len(self.before) - len(self.between) - len(self.after))
        query = query[: max(room // 2, room - len(passage))]
        passage = passage[: room - len(query)]
        return [*self.before, *query, *self.between], [*passage, *self.after]


class TemplateForm:
    """A text with places for both. Between two control tokens of the template all is tokenised in one piece,
    since its words and those of the texts join to tokens."""

    def __init__(self, model: Model, template: str) -> None:
        if _PLACES.split(template)[1::2] != ["{query}", "{document}"]:
            raise ModelError(
                f"The rerank template in {model.path} has not {{query}} and then {{document}} once each; "
                "convert or download the model again."
            )
        self._model = model
        controls = sorted(model.control_texts, key=len, reverse=True)
        self._parts = (
            re.split(f"({'|'.join(map(re.escape, controls))})", template) if controls else [template]
        )

    def pairs(self, query: str, texts: Sequence[str], n_most: int) -> list[Segments]:
        return [(self._fitted(query, text, n_most), []) for text in texts]

    def _fitted(self, query: str, passage: str, n_most: int) -> list[int]:
        tokens = self._tokens(query, passage)
        room = n_most - len(self._tokens("", ""))
        while len(tokens) > n_most and (query or passage):
            n_over, n_passage = len(tokens) - n_most, len(self._model.tokenize(passage))
            if n_passage > room // 2:
                passage = self._cut(passage, min(n_over, n_passage - max(room // 2, 0)))
            else:
                query = self._cut(query, n_over)
            tokens = self._tokens(query, passage)
        return tokens[:n_most]

    def _tokens(self, query: str, passage: str) -> list[int]:
        texts = {"{query}": query, "{document}": passage}
        tokens: list[int] = []
        for index, part in enumerate(self._parts):
            written = "".join(texts.get(piece, piece) for piece in _PLACES.split(part))
            if written:
                tokens += self._model.tokenize(written, special=index % 2 == 1)
        return tokens

    def _cut(self, text: str, n_tokens: int) -> str:
        """`text` without the characters of its last tokens, one at least."""
        last = self._model.detokenize(self._model.tokenize(text)[-n_tokens:])
        return text[: -max(1, len(last))]
