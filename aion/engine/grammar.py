"""The grammar a sequence must follow, as llama.cpp runs it. Owned by the engine thread once it samples.

llama.cpp ends the process when a token is accepted that the grammar does not allow, so whoever accepts
asks `allows` first.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

from aion.engine.gbnf import check_grammar
from aion.engine.library import last_complaint, lib
from aion.engine.model import Model
from aion.errors import InvalidRequest

_ROOT = "aion-root"
_MAX_CPU_S = 0.5


class GrammarTooSlow(Exception):
    """One token took so long to check that the grammar would hold up everybody."""


class Grammar:
    """How far a text has come in a GBNF grammar."""

    def __init__(self, text: str, model: Model) -> None:
        """Raises InvalidRequest, saying where, when the grammar cannot be used.

        A leading space that the detokenizer drops may stand before the text.
        """
        check_grammar(text)
        lead = '" "? ' if model.generates_leading_space else ""
        wrapped = f"{_ROOT} ::= {lead}root\n{text}".encode()
        self._handle = lib.llama_sampler_init_grammar(model.vocab, wrapped, _ROOT.encode())
        if not self._handle:
            raise InvalidRequest(
                f"grammar is refused by llama.cpp ({last_complaint()}): it repeats repetitions too often.",
                param="grammar",
            )

    def allows(self, token: int) -> bool:
        """Whether `token` may come next; an end token may when the grammar is complete."""
        one = lib.llama_token_data(token, 1.0, 0.0)
        array = lib.llama_token_data_array(ctypes.pointer(one), 1, -1, False)
        lib.llama_sampler_apply(self._handle, ctypes.byref(array))
        return bool(one.logit == 1.0)

    def mask(self, candidates: Any) -> None:
        """Set the logits of what may not come next to minus infinity."""
        lib.llama_sampler_apply(self._handle, ctypes.byref(candidates))

    def accept(self, token: int) -> None:
        """Go on by an allowed token. Raises GrammarTooSlow when the grammar has grown too ambiguous."""
        started = time.thread_time()
        lib.llama_sampler_accept(self._handle, token)
        if time.thread_time() - started > _MAX_CPU_S:
            raise GrammarTooSlow

    def close(self) -> None:
        """Free it; harmless when called twice."""
        if self._handle:
            lib.llama_sampler_free(self._handle)
            self._handle = None
