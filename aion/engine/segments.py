"""What BERT adds to the tokens of a pair's second text.

llama.cpp adds the first row of the token types to every token. A cross encoder of the BERT family was
trained with the second row on the second text, so its tokens are given as input embeddings that already
have the difference in them. Needs the GGUF's token embeddings, which stay mapped and are read row by row.
"""

from __future__ import annotations

from collections.abc import Sequence

import gguf
import numpy as np

from aion.engine.library import lib
from aion.engine.model import Model
from aion.engine.token_batch import Rows
from aion.errors import ModelError

_TYPES, _TOKENS = "token_types.weight", "token_embd.weight"


class Segments:
    """Input embeddings of pairs. Immutable, thread-safe."""

    def __init__(self, tokens: gguf.ReaderTensor, difference: Rows) -> None:
        self._tokens = tokens
        self._difference = difference

    def rows(self, first: Sequence[int], second: Sequence[int]) -> Rows:
        """Shape (len(first) + len(second), n_embd); llama.cpp adds the first type and the positions."""
        ids = np.array([*first, *second], np.intp)
        rows: Rows = gguf.dequantize(self._tokens.data[ids], self._tokens.tensor_type).astype(np.float32)
        rows[len(first) :] += self._difference
        return rows


def segments_of(model: Model) -> Segments | None:
    """None for a model whose tokenizer knows no second segment: only WordPiece's does.

    Raises ModelError when the file lacks its token embeddings.
    """
    if lib.llama_vocab_type(model.vocab) != lib.LLAMA_VOCAB_TYPE_WPM:
        return None
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(model.path).tensors}
    types, tokens = tensors.get(_TYPES), tensors.get(_TOKENS)
    if types is None or types.shape[1] < 2:
        return None
    if tokens is None:
        raise ModelError(f"{model.path} has no tensor {_TOKENS}; convert or download it again.")
    values = gguf.dequantize(types.data, types.tensor_type)
    return Segments(tokens, (values[1] - values[0]).astype(np.float32))
