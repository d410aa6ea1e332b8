"""A WordPiece vocabulary (BERT): pieces within a word begin with "##".

llama.cpp's "bert" tokenizer marks the beginnings instead: "palace" is stored as "\u2581palace" and "##s"
as "s". It lowercases and strips accents as the metadata says. It always cleans control characters away
and sets Chinese characters apart, so a tokenizer that does not is refused. Added tokens are found in a
text as they are written, never lowercased, and are none of these pieces. Where its Unicode tables and
those of `tokenizers` differ, tests/convert/vocab/test_wordpiece.py says how.
"""

from __future__ import annotations

from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, PieceType
from aion.convert.vocab.special import added_tokens, special_ids
from aion.convert.vocab.vocabulary import Vocabulary
from aion.errors import CheckpointError

_FILE = "vocab.txt"
_WORD = "\u2581"
_DEFAULTS = {"cls": "[CLS]", "sep": "[SEP]", "unk": "[UNK]", "pad": "[PAD]", "mask": "[MASK]"}


def read_wordpiece(checkpoint: Checkpoint) -> Vocabulary:
    """The vocabulary of `tokenizer.json`, or of `vocab.txt` where there is none."""
    ids = _ids(checkpoint)
    n_vocab = checkpoint.integer("vocab_size")
    if max(ids.values(), default=-1) >= n_vocab:
        raise CheckpointError(
            f"{checkpoint.folder} has a token of id {max(ids.values())}, beyond the vocab_size = {n_vocab} "
            "of config.json; take both from one checkpoint."
        )
    controls = {ids[text] for text in _DEFAULTS.values() if text in ids}
    tokens = [Piece(f"[PAD{i}]".encode(), 0.0, PieceType.UNUSED) for i in range(n_vocab)]
    for text, index in ids.items():
        tokens[index] = _piece(text, index, is_control=index in controls)
    for listed, text, is_special in added_tokens(checkpoint):
        index = ids.get(text, listed)  # of a text that the model knows, transformers keeps the model's id
        if text and 0 <= index < n_vocab and index not in controls:
            kind = PieceType.CONTROL if is_special else PieceType.USER_DEFINED
            tokens[index] = Piece(text.encode(), 0.0, kind)
    special = special_ids(checkpoint, tuple(tokens), _DEFAULTS)
    if "cls" not in special or "seperator" not in special or "unknown" not in special:
        raise CheckpointError(
            f"{checkpoint.folder} names no cls_token, sep_token and unk_token that its vocabulary has; "
            "correct them in tokenizer_config.json."
        )
    return Vocabulary(
        model="bert",
        tokens=tuple(tokens),
        special={"bos": special["cls"], **special},
        flags={"add_bos_token": True, "add_sep_token": True, **_normalizer(checkpoint)},
        token_type_count=checkpoint.integer("type_vocab_size", 2),
        has_scores=False,
    )


def _piece(text: str, index: int, *, is_control: bool) -> Piece:
    if is_control:
        return Piece(text.encode(), 0.0, PieceType.CONTROL)
    if not text.startswith("##"):
        return Piece(f"{_WORD}{text}".encode(), 0.0, PieceType.NORMAL)
    if text == "##" or text.startswith(f"##{_WORD}"):
        # Stored as "\u2581..." it would be taken for the beginning of a word.
        return Piece(f"[PAD{index}]".encode(), 0.0, PieceType.UNUSED)
    return Piece(text[2:].encode(), 0.0, PieceType.NORMAL)


def _ids(checkpoint: Checkpoint) -> dict[str, int]:
    """Id of each piece; of a piece that stands twice the last, as `tokenizers` has it."""
    model = checkpoint.tokenizer_json.get("model")
    if isinstance(model, dict):
        prefix = model.get("continuing_subword_prefix", "##")
        if prefix != "##":
            raise CheckpointError(
                f"{checkpoint.folder / 'tokenizer.json'} marks pieces within a word by {prefix!r}; "
                "llama.cpp knows '##' only."
            )
        return _checked(checkpoint, model.get("vocab"))
    path = checkpoint.folder / _FILE
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); copy it again.") from error
    return {line: index for index, line in enumerate(lines) if line}


def _checked(checkpoint: Checkpoint, vocab: Any) -> dict[str, int]:
    if isinstance(vocab, dict) and all(type(i) is int and i >= 0 for i in vocab.values()):
        return {text: index for text, index in vocab.items() if text}
    raise CheckpointError(
        f"{checkpoint.folder / 'tokenizer.json'} has no vocabulary of pieces and ids; copy it again."
    )


def _normalizer(checkpoint: Checkpoint) -> dict[str, bool]:
    """llama.cpp's normalizer flags. As in transformers, tokenizer_config.json comes before
    tokenizer.json, and a BertTokenizer that says nothing lowercases."""
    said = checkpoint.tokenizer_config
    own = checkpoint.tokenizer_json.get("normalizer") or {}
    if str(said.get("tokenizer_class", "")).startswith("BertTokenizer"):
        own = {}
    elif own and own.get("type") != "BertNormalizer":
        raise CheckpointError(
            f"{checkpoint.folder / 'tokenizer.json'} normalises text by {own.get('type')!r}; llama.cpp's "
            "WordPiece knows 'BertNormalizer' only."
        )
    chinese = said.get("tokenize_chinese_chars", own.get("handle_chinese_chars", True))
    if not chinese or not own.get("clean_text", True):
        raise CheckpointError(
            f"{checkpoint.folder} keeps Chinese characters together or control characters in its text; "
            "llama.cpp's WordPiece does neither."
        )
    lowercase = bool(said.get("do_lower_case", own.get("lowercase", True)))
    accents = said.get("strip_accents", own.get("strip_accents"))
    return {
        "normalizer.lowercase": lowercase,
        "normalizer.strip_accents": lowercase if accents is None else bool(accents),
    }
