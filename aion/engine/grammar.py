"""The grammar a sequence must follow, as llama.cpp runs it. Owned by the engine thread once it samples.

llama.cpp ends the process when a token is accepted that the grammar does not allow, so whoever accepts
asks `allows` first.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from aion.engine.candidates import Candidates
from aion.engine.gbnf import check_grammar
from aion.engine.grammar_trial import is_too_ambiguous
from aion.engine.library import last_complaint, lib
from aion.engine.model import Model
from aion.errors import InvalidRequest

_ROOT = "aion-root"
_MAX_CPU_S = 0.1
_CHECKED_TOGETHER = 4096
_MOST_TRIED = 200
_tried: WeakKeyDictionary[Model, set[str]] = WeakKeyDictionary()


class GrammarTooSlow(Exception):
    """Tokens took so long to check that the grammar would hold up everybody."""


class Grammar:
    """How far a text has come in a GBNF grammar. `allows`, `mask` and `accept` raise GrammarTooSlow when it
    has grown too ambiguous."""

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
        self._model = model
        self._ascii = model.ascii_tokens
        self._try_out(text)

    def _try_out(self, text: str) -> None:
        """Once for each text and model. Raises InvalidRequest for one that is too ambiguous."""
        tried = _tried.setdefault(self._model, set())
        if text in tried:
            return
        if is_too_ambiguous(self._handle, list(self._ascii.values())):
            self.close()
            raise InvalidRequest(
                "grammar is so ambiguous that a short text of it can be read in too many ways to follow; "
                "write it so that each text can be read in one way.",
                param="grammar",
            )
        if len(tried) >= _MOST_TRIED:
            tried.clear()
        tried.add(text)

    def allows(self, token: int) -> bool:
        """Whether `token` may come next; an end token may when the grammar is complete."""
        one = lib.llama_token_data(token, 1.0, 0.0)
        array = lib.llama_token_data_array(ctypes.pointer(one), 1, -1, False)
        self._apply(lambda: [array])
        return bool(one.logit == 1.0)

    def mask(self, candidates: Candidates) -> None:
        """Set the logits of what may not come next to minus infinity."""
        self._apply(lambda: candidates.parts(_CHECKED_TOGETHER))

    def _apply(self, parts: Callable[[], Iterable[ctypes.Structure]]) -> None:
        """Once more where it took long, which changes nothing: a machine that stood still for a moment counts
        as CPU time too."""
        if not self._applied(parts()) and not self._applied(parts()):
            raise GrammarTooSlow

    def _applied(self, parts: Iterable[ctypes.Structure]) -> bool:
        """Whether it was quick; left off where not."""
        started = time.thread_time()
        for part in parts:
            lib.llama_sampler_apply(self._handle, ctypes.byref(part))
            if _took_long(started):
                return False
        return True

    def accept(self, token: int) -> None:
        """Go on by an allowed token, a character at a time: the readings of a text may double with each."""
        started = time.thread_time()
        for part in self._characters(token):
            lib.llama_sampler_accept(self._handle, part)
            if _took_long(started):
                raise GrammarTooSlow

    def _characters(self, token: int) -> list[int]:
        """Tokens of one character each that together are the text of `token`; itself where there are none."""
        piece = self._model.piece(token, special=True)
        if len(piece) < 2 or self._model.is_end(token):
            return [token]
        found = [self._ascii.get(char) for char in piece]
        return [token] if None in found else [one for one in found if one is not None]

    def close(self) -> None:
        """Free it; harmless when called twice."""
        if self._handle:
            lib.llama_sampler_free(self._handle)
            self._handle = None


def _took_long(started: float) -> bool:
    """Whether this thread has used the CPU for long since then."""
    return time.thread_time() - started > _MAX_CPU_S
