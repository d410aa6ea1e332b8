"""Chooses the tokens of one sequence: a C sampler chain made from its `Sampling`, and its grammar.

The grammar is asked about the token that was drawn, and only when it says no is another drawn from what it
allows: the distribution is the same, and the vocabulary is rarely gone through. Made by any thread, used by
the engine thread.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence as SequenceOf
from typing import Any

import numpy as np

from aion.engine.candidates import Candidates, logits_row
from aion.engine.grammar import Grammar, GrammarTooSlow
from aion.engine.grammar_start import WaitingGrammar
from aion.engine.library import lib
from aion.engine.logprobs import LogprobTrail, token_logprob
from aion.engine.model import Model
from aion.errors import EngineFailed, InvalidRequest
from aion.types import Sampling, TokenLogprob

_REPETITION_WINDOW = 64


class SamplingFailed(EngineFailed):
    """One sequence cannot go on; those beside it can."""


class DamagedLogits(SamplingFailed):
    """The logits are no numbers; nothing was drawn, and the sampler is as it was."""


class Sampler:
    """Each sequence has its own, so seeds do not mix. Invariant: its state has advanced by exactly the tokens
    that `sample` returned."""

    def __init__(self, sampling: Sampling, model: Model, prompt: SequenceOf[int] = ()) -> None:
        """Repetition is judged by the last tokens of `prompt` too. Raises InvalidRequest for a token that
        the model does not have and for a grammar that cannot be used."""
        check_logit_bias(sampling, model.n_vocab)
        self._sampling = sampling
        self._model = model
        shown = {token for text in sampling.shown if (token := model.control_token(text)) is not None}
        self._shown, self._silent = shown, model.silent_tokens - shown
        grammar = Grammar(sampling.grammar, model) if sampling.grammar else None
        self._grammar, self._waiting = grammar, None
        if grammar is not None and sampling.grammar_start is not None:
            self._grammar, self._waiting = None, WaitingGrammar(grammar, sampling.grammar_start)
        self._trail = None if sampling.logprobs is None else LogprobTrail(model.generates_leading_space)
        self._candidates: Candidates | None = None
        self._n_drawn = 0
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        self._has_least = sampling.min_tokens > 0 and not sampling.ignore_eos and bool(model.end_tokens)
        if self._has_least:
            self._add_bias(dict.fromkeys(model.end_tokens, -math.inf))
        self._add_bias(self._lasting_bias())
        self._add_penalties(prompt)
        self._add_choice()

    def _lasting_bias(self) -> dict[int, float]:
        """Tokens without text are kept out of a grammar, which would read them as the text of their names."""
        bias = dict(self._sampling.logit_bias)
        if self._grammar is not None:
            bias |= dict.fromkeys(self._silent, -math.inf)
        if self._sampling.ignore_eos:
            bias |= dict.fromkeys(self._model.end_tokens, -math.inf)
        return bias

    def _add_bias(self, bias: dict[int, float]) -> None:
        if bias:
            items: Any = (lib.llama_logit_bias * len(bias))(
                *(lib.llama_logit_bias(*each) for each in bias.items())
            )
            self._add(lib.llama_sampler_init_logit_bias(self._model.n_vocab, len(bias), items))

    def _add_penalties(self, prompt: SequenceOf[int]) -> None:
        """Repetition counts as in llama.cpp, prompt included; the other two as OpenAI has them, over what was
        generated, however long ago."""
        sampling, n_vocab = self._sampling, self._model.n_vocab
        if sampling.repetition_penalty != 1.0:
            repetition = lib.llama_sampler_init_penalties(
                n_vocab, _REPETITION_WINDOW, sampling.repetition_penalty, 0.0, 0.0
            )
            for token in prompt[-_REPETITION_WINDOW:]:
                lib.llama_sampler_accept(repetition, token)
            self._add(repetition)
        if sampling.frequency_penalty or sampling.presence_penalty:
            self._add(
                lib.llama_sampler_init_penalties(
                    n_vocab,
                    sampling.max_new_tokens,
                    1.0,
                    sampling.frequency_penalty,
                    sampling.presence_penalty,
                )
            )

    def _add_choice(self) -> None:
        sampling = self._sampling
        if sampling.temperature <= 0.0:
            self._add(lib.llama_sampler_init_greedy())
            return
        if 0 < sampling.top_k < self._model.n_vocab:
            self._add(lib.llama_sampler_init_top_k(sampling.top_k))
        if sampling.top_p < 1.0:
            self._add(lib.llama_sampler_init_top_p(sampling.top_p, 1))
        if sampling.min_p > 0.0:
            self._add(lib.llama_sampler_init_min_p(sampling.min_p, 1))
        self._add(lib.llama_sampler_init_temp(sampling.temperature))
        # 0xFFFFFFFF would ask llama.cpp for a seed of its own choice
        seed = secrets.randbits(31) if sampling.seed is None else sampling.seed % 0xFFFFFFFF
        self._add(lib.llama_sampler_init_dist(seed))

    def _add(self, sampler: Any) -> None:
        lib.llama_sampler_chain_add(self._chain, sampler)

    def sample(self, context: Any, row: int) -> int:
        """The next token from logits row `row` of the last batch, taken into the state. Raises SamplingFailed
        when there is none to be had."""
        if self._has_least and self._n_drawn >= self._sampling.min_tokens:
            lib.llama_sampler_free(lib.llama_sampler_chain_remove(self._chain, 0))
            self._has_least = False
        self._check(context, row)
        if self._grammar is None:
            token = int(lib.llama_sampler_sample(self._chain, context, row))
            if self._waiting is not None:
                self._grammar = self._waiting.push(token, self.piece(token))
        else:
            token = self._sample_within(self._grammar, context, row)
        self._n_drawn += 1
        if self._trail is not None and not self._model.is_end(token):
            self._note(self._trail, context, row, token)
        return token

    def _sample_within(self, grammar: Grammar, context: Any, row: int) -> int:
        """Draw, ask the grammar, and draw again from what it allows when it says no."""
        logits = logits_row(context, row, self._model.n_vocab)
        self._candidates = self._candidates or Candidates.of_vocabulary(self._model.n_vocab)
        token = self._draw(self._candidates, logits)
        try:
            if token in self._silent or not grammar.allows(token):
                self._candidates.fill(logits)
                grammar.mask(self._candidates)
                token = self._draw_masked(self._candidates)
            lib.llama_sampler_accept(self._chain, token)
            grammar.accept(token)
        except GrammarTooSlow:
            raise SamplingFailed(
                "The grammar has become so ambiguous that one token took too long to check; "
                "write it so that a text can be read in one way."
            ) from None
        return token

    def _draw(self, candidates: Candidates, logits: Any) -> int:
        candidates.fill(logits)
        candidates.choose(self._chain)
        return candidates.selected

    def _draw_masked(self, candidates: Candidates) -> int:
        """One of the tokens that the grammar allows; where only an end is left, nothing forbids it."""
        allowed = candidates.possible()
        banned = [*self._silent]
        if self._has_least or self._sampling.ignore_eos:
            banned += self._model.end_tokens
        open_to_chain = np.setdiff1d(allowed, banned)
        if len(open_to_chain):
            candidates.choose(self._chain)
            token = candidates.selected
            return token if token in open_to_chain else int(open_to_chain[0])
        ends = [int(token) for token in allowed if self._model.is_end(int(token))]
        if not ends:
            raise SamplingFailed(
                "No token of this model can go on as the grammar wants; "
                "let it take other characters, or use another model."
            )
        return ends[0]

    def _check(self, context: Any, row: int) -> None:
        """The first row is looked at whole, since a damaged weight shows in every one; then one logit will
        do, since a damaged state shows in all of a row."""
        if self._n_drawn == 0:
            logit = float(np.max(logits_row(context, row, self._model.n_vocab)))
        else:
            logit = float(lib.llama_get_logits_ith(context, row)[0])
        if math.isnan(logit) or logit == math.inf:
            raise DamagedLogits(
                f"The model computed {logit} where a number is needed to choose a token; "
                f"{self._model.name} or the adapter is damaged: convert or download it again."
            )

    def _note(self, trail: LogprobTrail, context: Any, row: int, token: int) -> None:
        logits = logits_row(context, row, self._model.n_vocab)
        n_top = self._sampling.logprobs or 0
        trail.push(token_logprob(self._model, logits, token, n_top), self.piece(token))

    def piece(self, token: int) -> bytes:
        """The bytes `token` adds to the answer's text."""
        return self._model.piece(token, special=token in self._shown)

    def told(self, text: str, *, is_last: bool = False) -> tuple[TokenLogprob, ...]:
        """The log probabilities, where they were asked for, to tell with `text`; with the last, the rest."""
        if self._trail is None:
            return ()
        return self._trail.shown(text) + (self._trail.rest() if is_last else ())

    def close(self) -> None:
        """Free the chain and the grammar; harmless when called twice."""
        if self._chain:
            lib.llama_sampler_free(self._chain)
            self._chain = None
        if self._grammar is not None:
            self._grammar.close()
        if self._waiting is not None:
            self._waiting.close()


def check_logit_bias(sampling: Sampling, n_vocab: int) -> None:
    """Raises InvalidRequest for a token outside of a vocabulary of `n_vocab`."""
    for token, _ in sampling.logit_bias:
        if not 0 <= token < n_vocab:
            raise InvalidRequest(
                f"logit_bias names the token {token}, and the model has tokens 0 to {n_vocab - 1}.",
                param="logit_bias",
            )
