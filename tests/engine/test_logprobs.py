"""Log probabilities told with the text their tokens became, however it was held back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.detokenizer import Detokenizer
from aion.engine.logprobs import LogprobTrail, log_softmax
from aion.types import TokenLogprob

WHOLE = [b"a", b" b", b"cab", "é".encode()]
BROKEN = [*WHOLE, b"\xf0\x9f", b"\x99\x82", b""]


def told_with(pieces: list[bytes], stop: list[str], *, drops: bool) -> list[tuple[str, int]]:
    """The text shown and the number of tokens told so far, after each token and at the end."""
    trail, detokenizer = LogprobTrail(drops), Detokenizer(stop, drop_leading_space=drops)
    seen, n_told, shown = [], 0, ""
    for number, piece in enumerate(pieces):
        trail.push(TokenLogprob(number, piece, -1.0), piece)
        text = detokenizer.push(piece)
        told = trail.shown(text)
        assert [t.token for t in told] == list(range(n_told, n_told + len(told)))
        shown, n_told = shown + text, n_told + len(told)
        seen.append((shown, n_told))
        if detokenizer.stopped:
            return seen
    last = detokenizer.finish()
    n_told += len(trail.shown(last)) + len(trail.rest())
    return [*seen, (shown + last, n_told)]


@given(st.lists(st.sampled_from(BROKEN), max_size=12), st.booleans())
def test_without_a_stop_every_token_is_told_once(pieces: list[bytes], drops: bool) -> None:
    assert told_with(pieces, [], drops=drops)[-1][1] == len(pieces)


@given(st.lists(st.sampled_from(WHOLE), max_size=12), st.booleans())
def test_told_tokens_cover_what_is_shown_and_no_more(pieces: list[bytes], drops: bool) -> None:
    ends = list(itertools.accumulate(map(len, pieces), initial=0))
    dropped = drops and bool(pieces) and pieces[0].startswith(b" ")
    for shown, n_told in told_with(pieces, ["ca", "bb"], drops=drops):
        n_bytes = len(shown.encode()) + dropped if shown else 0
        assert n_told == 0 or ends[n_told - 1] < n_bytes
        assert ends[n_told] >= n_bytes


def test_what_only_made_a_stop_string_is_not_told() -> None:
    assert told_with([b"um", b"#", b"#", b"dois"], ["##"], drops=False) == [("um", 1)] * 3


def test_log_softmax_holds_large_logits() -> None:
    made = log_softmax(np.array([1000.0, 999.0, -np.inf], np.float32))
    assert made == pytest.approx([-0.3132617, -1.3132617, -np.inf])
