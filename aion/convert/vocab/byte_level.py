"""A byte-level BPE vocabulary of a tokenizer.json (Llama 3, Qwen, GPT-2, tekken in Hugging Face's form).

Every byte of a text is written as one printable character, words are cut by a regular expression and
merged pair by pair. llama.cpp does the same as its "gpt2" tokenizer. It does not normalise: a
vocabulary that asks for NFC says so in `aion.tokenizer.normalizer`, and whoever tokenizes composes the
text first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.alphabet import CHARACTERS
from aion.convert.vocab.bpe import merges_of, refuse_affixes, texts_of
from aion.convert.vocab.ends import with_ends
from aion.convert.vocab.merging import merges_alone_find
from aion.convert.vocab.pieces import Piece, PieceType
from aion.convert.vocab.pretokenizer import Pre, pre_of, pre_of_splits
from aion.convert.vocab.rows import one_a_row
from aion.convert.vocab.special import added_tokens, special_ids
from aion.convert.vocab.tekken import tekken_pattern
from aion.convert.vocab.vocabulary import Vocabulary
from aion.errors import CheckpointError


def is_byte_level(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json is a BPE over bytes."""
    model = tokenizer.get("model")
    if not isinstance(model, dict) or "merges" not in model:
        return False
    return any("ByteLevel" in _types(tokenizer.get(part)) for part in ("pre_tokenizer", "decoder"))


def read_byte_level(checkpoint: Checkpoint) -> Vocabulary:
    """The vocabulary of a folder whose tokenizer.json is a byte-level BPE. CheckpointError for what
    llama.cpp cannot do in the same way."""
    where = str(checkpoint.folder / "tokenizer.json")
    tokenizer = checkpoint.tokenizer_json
    refuse_affixes(tokenizer, where)
    texts, merges = texts_of(tokenizer, where), merges_of(tokenizer, where)
    normalizer = _normalizer(tokenizer, where)
    pre = _pre(checkpoint, texts, merges, where)
    base = {index: Piece(text.encode(), 0.0, PieceType.NORMAL) for text, index in texts.items()}
    tokens = one_a_row(checkpoint, base, added_tokens(checkpoint), "tokenizer.json")
    special, flags = with_ends(checkpoint, tokens, special_ids(checkpoint, tokens), default_bos=False)
    refuse_no_end(special, where)
    return Vocabulary(
        model="gpt2",
        pre=pre.name,
        tokens=tokens,
        merges=tuple(f"{left} {right}" for left, right in merges),
        special=special,
        flags=flags,
        has_scores=False,
        normalizer=normalizer,
    )


def refuse_no_end(special: Mapping[str, int], where: str) -> None:
    """CheckpointError without an eos: llama.cpp would end answers at token 11, whatever that is."""
    if "eos" not in special:
        raise CheckpointError(
            f"{where} and the files beside it name no eos_token of the vocabulary; "
            "add eos_token to tokenizer_config.json."
        )


def _types(definition: object) -> list[object]:
    if not isinstance(definition, dict):
        return []
    parts = [definition.get("pretokenizers"), definition.get("decoders")]
    steps = [step for part in parts if isinstance(part, list) for step in part]
    return [definition.get("type"), *(kind for step in steps for kind in _types(step))]


def _pre(
    checkpoint: Checkpoint, texts: Mapping[str, int], merges: Sequence[tuple[str, str]], where: str
) -> Pre:
    tokenizer = checkpoint.tokenizer_json
    ignore_merges = bool(tokenizer["model"].get("ignore_merges"))
    pattern = tekken_pattern(checkpoint)
    if pattern is None:
        pre = pre_of(tokenizer.get("pre_tokenizer"), ignore_merges, where)
    else:  # Mistral's own file: some tokenizer.json beside it carry another model's rule
        pre = pre_of_splits((pattern,), ignore_merges, where)
    alphabet = set(CHARACTERS)
    words = [text for text in texts if alphabet.issuperset(text)]
    if pre.ignore_merges != ignore_merges and not merges_alone_find(words, merges):
        raise CheckpointError(
            f"{where} has ignore_merges = {str(ignore_merges).lower()}, and llama.cpp's {pre.name!r} works "
            "the other way, which gives other ids here; train it with the other value."
        )
    return pre


def _normalizer(tokenizer: Mapping[str, Any], where: str) -> str:
    normalizer = tokenizer.get("normalizer")
    if normalizer is None or normalizer == {"type": "Sequence", "normalizers": []}:
        return ""
    if isinstance(normalizer, dict) and normalizer.get("type") == "NFC":
        return "nfc"
    raise CheckpointError(
        f"{where} normalises text by {str(normalizer)[:120]}, llama.cpp does not; train it with NFC or none."
    )
