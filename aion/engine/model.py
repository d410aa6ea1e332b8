"""One GGUF opened by llama.cpp: its weights, metadata and vocabulary.

Invariant: `handle` and `vocab` are valid until `close`. Tokenising is thread-safe; everything that
computes belongs to a context, which this module does not know.
"""

from __future__ import annotations

import ctypes
import functools
import os
import struct
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from aion.engine import library
from aion.engine.library import lib
from aion.engine.runs import cut_runs
from aion.errors import ModelError

_META_BYTES = 1 << 20


class Model:
    """A loaded model. Raises ModelError, in one sentence, when the file cannot be used."""

    def __init__(
        self,
        path: Path,
        gpu_layers: int = 0,
        vocab_only: bool = False,
        *,
        weights: bool = True,
        mmap: bool = True,
        repack: bool = True,
    ) -> None:
        """Without `weights` only the header is read and nothing can be computed. `mmap` leaves the weights to
        the page cache of the system; `repack` copies those that compute faster in another order."""
        check_header(path)
        library.load()
        library.forget_complaints()
        params = lib.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.vocab_only = vocab_only
        params.use_extra_bufts = repack and not library.has_amx()
        params.no_alloc = not weights
        if not (mmap and weights):
            params.load_mode = lib.LLAMA_LOAD_MODE_NONE
        handle = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not handle:
            reason = library.first_complaint() or "no reason was given"
            raise ModelError(
                f"{path} is not a model llama.cpp can load ({reason}); "
                "download or convert it again, or name another in AION_BASE_MODEL."
            )
        self.path = path
        self.handle = handle
        self.vocab = lib.llama_model_get_vocab(handle)
        self._pieces: dict[tuple[int, bool], bytes] = {}

    def close(self) -> None:
        """Free the weights. Contexts made from it must be gone before."""
        if self.handle:
            lib.llama_model_free(self.handle)
            self.handle = None

    @functools.cached_property
    def name(self) -> str:
        return self.metadata("general.name") or self.path.stem

    @functools.cached_property
    def architecture(self) -> str:
        return self.metadata("general.architecture") or "unknown"

    @functools.cached_property
    def n_ctx_train(self) -> int:
        return int(lib.llama_model_n_ctx_train(self.handle))

    @functools.cached_property
    def n_ctx_effective(self) -> int:
        """The longest prompt the model makes good use of, where its maker says so; else its whole context."""
        said = self.metadata(f"{self.architecture}.context_length_effective")
        return int(said) if said else self.n_ctx_train

    @functools.cached_property
    def n_params(self) -> int:
        return int(lib.llama_model_n_params(self.handle))

    @functools.cached_property
    def n_bytes(self) -> int:
        return int(lib.llama_model_size(self.handle))

    @functools.cached_property
    def n_embd(self) -> int:
        return int(lib.llama_model_n_embd(self.handle))

    @functools.cached_property
    def n_cell_bytes(self) -> int:
        """About what a token takes in an f16 KV cache."""
        n_heads = max(1, lib.llama_model_n_head(self.handle))
        n_wide = self.n_embd * lib.llama_model_n_head_kv(self.handle) // n_heads
        return int(max(1, 2 * 2 * n_wide * lib.llama_model_n_layer(self.handle)))

    @functools.cached_property
    def n_vocab(self) -> int:
        return int(lib.llama_vocab_n_tokens(self.vocab))

    @functools.cached_property
    def is_encoder(self) -> bool:
        """Whether its attention looks both ways, so that it embeds texts and writes none."""
        return self.metadata(f"{self.architecture}.attention.causal") == "false"

    @functools.cached_property
    def can_roll_back(self) -> bool:
        """Whether the last tokens computed can be forgotten alone: no recurrent state has taken them in."""
        return not (lib.llama_model_is_recurrent(self.handle) or lib.llama_model_is_hybrid(self.handle))

    @functools.cached_property
    def can_share_prefixes(self) -> bool:
        """Whether the cells of a prefix are good for every continuation: no recurrence, no sliding window."""
        return self.can_roll_back and lib.llama_model_n_swa(self.handle) == 0

    @functools.cached_property
    def chat_template(self) -> str | None:
        template = lib.llama_model_chat_template(self.handle, None)
        return template.decode("utf-8", "replace") if template else None

    def named_template(self, name: str) -> str | None:
        """A chat template for a purpose ("tool_use", "rerank"), where the model has one."""
        template = lib.llama_model_chat_template(self.handle, name.encode())
        return template.decode("utf-8", "replace") if template else None

    @functools.cached_property
    def control_texts(self) -> tuple[str, ...]:
        """The texts of control tokens and of <unk>: what text of a user must never become."""
        special = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        controls = (t for t in range(self.n_vocab) if lib.llama_vocab_get_attr(self.vocab, t) & special)
        return tuple(text for t in controls if (text := self.token_text(t)))

    def control_token(self, text: str) -> int | None:
        """The control token whose text is `text`."""
        tokens = self.tokenize(text, special=True)
        return tokens[0] if len(tokens) == 1 and tokens[0] in self.silent_tokens else None

    def metadata(self, key: str) -> str | None:
        """The value of a GGUF metadata key as text, or None."""
        buffer = ctypes.create_string_buffer(_META_BYTES)
        n = lib.llama_model_meta_val_str(self.handle, key.encode(), buffer, _META_BYTES)
        return buffer.value.decode("utf-8", "replace") if n >= 0 else None

    def token_text(self, token: int) -> str:
        """The raw text of a token in the vocabulary, "" for the token -1."""
        return lib.llama_vocab_get_text(self.vocab, token).decode("utf-8", "replace") if token >= 0 else ""

    @functools.cached_property
    def bos(self) -> int:
        return int(lib.llama_vocab_bos(self.vocab))

    @functools.cached_property
    def eos(self) -> int:
        return int(lib.llama_vocab_eos(self.vocab))

    @functools.cached_property
    def closing_tokens(self) -> frozenset[int]:
        """What the model's tokenizer may put after a text: eos, or BERT's separator."""
        added = {self.eos} if lib.llama_vocab_get_add_eos(self.vocab) else set()
        if lib.llama_vocab_get_add_sep(self.vocab):
            added.add(int(lib.llama_vocab_sep(self.vocab)))
        return frozenset(added - {-1})

    @functools.cached_property
    def adds_bos(self) -> bool:
        return bool(lib.llama_vocab_get_add_bos(self.vocab))

    def is_end(self, token: int) -> bool:
        """Whether `token` ends a generation (eos, eot ...)."""
        return bool(lib.llama_vocab_is_eog(self.vocab, token))

    @functools.cached_property
    def end_tokens(self) -> frozenset[int]:
        """Every token that ends a generation."""
        return frozenset(t for t in range(self.n_vocab) if self.is_end(t))

    @functools.cached_property
    def silent_tokens(self) -> frozenset[int]:
        """Tokens that neither are text nor end one."""
        silent = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN | lib.LLAMA_TOKEN_ATTR_UNUSED
        with_name = (t for t in range(self.n_vocab) if lib.llama_vocab_get_attr(self.vocab, t) & silent)
        return frozenset(t for t in with_name if not lib.llama_vocab_is_eog(self.vocab, t))

    @functools.cached_property
    def ascii_tokens(self) -> dict[int, int]:
        """The token of each ASCII character that has one to itself, by its code."""
        if lib.llama_vocab_type(self.vocab) == lib.LLAMA_VOCAB_TYPE_SPM:
            byte = lib.LLAMA_TOKEN_ATTR_BYTE
            found = [t for t in range(self.n_vocab) if lib.llama_vocab_get_attr(self.vocab, t) & byte]
        else:
            found = [t for code in range(128) for t in self._tokenize(chr(code), False, False)]
        return {p[0]: t for t in found if len(p := self._piece(t, False)) == 1 and p[0] < 128}

    @functools.cached_property
    def generates_leading_space(self) -> bool:
        """Whether a generated text begins with a space that nobody wrote: sentencepiece's dummy prefix."""
        if self.wants_leading_space:
            return True
        is_sentencepiece = lib.llama_vocab_type(self.vocab) == lib.LLAMA_VOCAB_TYPE_SPM
        return is_sentencepiece and self.metadata("tokenizer.ggml.add_space_prefix") != "false"

    @functools.cached_property
    def wants_leading_space(self) -> bool:
        """The dummy prefix AION's converter leaves to the caller (see aion.convert.vocab.sentencepiece)."""
        return self.metadata("aion.tokenizer.leading_space") == "true"

    @functools.cached_property
    def _composes(self) -> bool:
        """Whether its tokenizer composes texts first, which llama.cpp does not."""
        return self.metadata("aion.tokenizer.normalizer") == "nfc"

    def tokenize_text(self, text: str) -> list[int]:
        """Token ids of a text that stands alone (to be embedded), as its tokenizer was trained."""
        return self.tokenize(f" {text}" if text and self.wants_leading_space else text, bos=True)

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> list[int]:
        """Token ids of `text`. `special` parses control tokens out of it; `bos` adds what the model adds."""
        text = unicodedata.normalize("NFC", text) if self._composes else text
        first, *rest = cut_runs(text) if self._splits_by_rules else [text]
        tokens = self._tokenize(first, special, bos)
        for piece in rest:
            tokens += self._tokenize(piece, special, False)
        return tokens

    def _tokenize(self, text: str, special: bool, bos: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        buffer = (lib.llama_token * room)()
        n = lib.llama_tokenize(self.vocab, data, len(data), buffer, room, bos, special)
        if n < 0:
            buffer = (lib.llama_token * -n)()
            n = lib.llama_tokenize(self.vocab, data, len(data), buffer, -n, bos, special)
        return list(buffer[:n])

    @functools.cached_property
    def _splits_by_rules(self) -> bool:
        """Whether a text is split by regular expressions before its tokens are looked for."""
        return bool(lib.llama_vocab_type(self.vocab) == lib.LLAMA_VOCAB_TYPE_BPE)

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes a token stands for; b"" for control tokens unless `special`."""
        found = self._pieces.get((token, special))
        if found is None:
            found = self._pieces[token, special] = self._piece(token, special)
        return found

    def _piece(self, token: int, special: bool) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            n = lib.llama_token_to_piece(self.vocab, token, buffer, room, 0, special)
            if n >= 0:
                return buffer.raw[:n]
            room = -n

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of `tokens`, broken UTF-8 replaced."""
        return b"".join(self.piece(t) for t in tokens).decode("utf-8", "replace")


def check_header(path: Path) -> None:
    """Refuse what is plainly no GGUF before llama.cpp is asked: missing, a folder, cut, another kind."""
    remedy = "name a GGUF file in AION_BASE_MODEL, or leave it empty to use the embedded model"
    if not path.exists():
        raise ModelError(f"The model file {path} does not exist; {remedy}.")
    if path.is_dir():
        raise ModelError(
            f"{path} is a folder, not a GGUF file; "
            f"turn it into one: aion convert {path} --out models/NAME.gguf"
        )
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}); {remedy}.") from error
    if head[:4] != b"GGUF" or len(head) < 24:
        raise ModelError(f"{path} is not a GGUF file (it begins with {head[:4]!r}); {remedy}.")
    version, n_tensors = struct.unpack_from("<IQ", head, 4)
    if not 2 <= version <= 3 or n_tensors > 1_000_000:
        raise ModelError(f"{path} has a damaged GGUF header (version {version}); download it again.")
