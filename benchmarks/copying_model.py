"""Weights, set by hand, of a model that copies: it writes what followed the last four tokens before.

An induction head of two layers in the shape of the 125M model, the other ten computed for nothing. A token
is a code of 128 signs in field 0. Layer 0 brings each position the codes of the four tokens before it into
fields 1 to 4, finding them by RoPE alone; layer 1 looks for the places whose fields 1 to 4 are the fields 0
to 3 of the last token, and writes their field 0 to field 5, which the output layer reads. So answers over
documents copy word for word at any length, as those of a good model do in part.
"""

from __future__ import annotations

import re

import numpy as np
from make_model import N_SILENT, Shape, steady, to_bf16
from numpy.typing import NDArray

CHAT_TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
_THETA = 1e12
_HEAD, _HALF = 64, 32
_N = 128  # signs of a code: the width of two heads
_N_BACK = 4
_OUT, _ONE = 5 * _N, 767  # the last field lacks its last dimension, where the constant stands
_CONSTANT = 8.0
_STEADY_FROM = 10  # pairs of RoPE that hardly turn within 2,048 positions
_NEAR, _ALIKE, _WRITTEN, _LOUD = 13.0, 3.2, 4.0, 0.08
_NORM_0 = np.sqrt((_N + _CONSTANT**2) / 768)  # what RMSNorm divides by before layer 0, and before layer 1
_NORM_1 = np.sqrt(((1 + _N_BACK) * _N + _CONSTANT**2) / 768)
_LAYER = re.compile(r"layers\.(\d+)\.\w+\.(\w)_proj|down_proj")

Array = NDArray[np.float32]


def copying(rng: np.random.Generator, name: str, shape: Shape) -> NDArray[np.uint16]:
    """The tensor `name`; those that do nothing are random, like those of the other models."""
    if len(shape) == 1:
        return to_bf16(np.ones(shape, np.float32))
    if "embed_tokens" in name or "lm_head" in name:
        return to_bf16(_vocabulary(shape, "lm_head" in name))
    match = _LAYER.search(name)
    if match is None:
        return steady(rng, name, shape)
    weights = np.zeros(shape, np.float32)
    if match[1] in ("0", "1"):
        layer = _before if match[1] == "0" else _induction
        layer(weights, match[2])
    elif match[2] in ("q", "k", "v"):
        return steady(rng, name, shape)
    return to_bf16(weights)


def _vocabulary(shape: Shape, is_output: bool) -> Array:
    codes = np.random.default_rng(7).choice(np.array([-1, 1], np.float32), (shape[0], _N))
    weights = np.zeros(shape, np.float32)
    if is_output:
        weights[:, _OUT:_ONE] = codes[:, :-1] * _LOUD
        weights[:N_SILENT] = 0
    else:
        weights[:, :_N] = codes
        weights[:, _ONE] = _CONSTANT
    return weights


def _before(weights: Array, part: str) -> None:
    """Two heads look one position back and bring half of the code each, the next two look two back ..."""
    turns = _THETA ** (-np.arange(_HALF) / _HALF)
    size = _NEAR * _NORM_0 / _CONSTANT
    for head in range(2 * _N_BACK):
        rows, back, source = head * _HEAD, 1 + head // 2, head % 2 * _HEAD
        if part == "k":
            weights[rows : rows + _HALF, _ONE] = size
        elif part == "q":
            weights[rows : rows + _HALF, _ONE] = size * np.cos(back * turns)
            weights[rows + _HALF : rows + _HEAD, _ONE] = -size * np.sin(back * turns)
        elif part == "v":
            weights[rows : rows + _HEAD, source : source + _HEAD] = np.eye(_HEAD) * _NORM_0
        else:
            to = back * _N + source
            weights[to : to + _HEAD, rows : rows + _HEAD] = np.eye(_HEAD)


def _induction(weights: Array, part: str) -> None:
    """Two heads that look at the same place and bring half of the code found there each."""
    n = (_HALF - _STEADY_FROM) // 2
    for head in range(2):
        rows, source = head * _HEAD, head * _HEAD
        if part in ("q", "k"):
            for number in range(_N_BACK):  # two fields in the first halves of the pairs, two in the second
                row = rows + _HALF * (number // 2) + _STEADY_FROM + n * (number % 2)
                code = _N * (number + (part == "k"))
                weights[row : row + n, code : code + n] = np.eye(n) * _ALIKE * _NORM_1
        elif part == "v":
            weights[rows : rows + _HEAD, source : source + _HEAD] = np.eye(_HEAD) * _NORM_1
        else:
            to = _OUT + source
            n_out = min(_HEAD, _ONE - to)
            weights[to : to + n_out, rows : rows + n_out] = np.eye(n_out) * _WRITTEN
