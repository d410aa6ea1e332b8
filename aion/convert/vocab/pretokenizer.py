r"""Which of llama.cpp's splitting rules a tokenizer.json asks for, told from the definition itself.

llama.cpp knows a fixed list of rules by name (`tokenizer.ggml.pre`, the regular expressions in
llama-vocab.cpp); the name also decides whether a word that is itself a token skips the merges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aion.errors import CheckpointError

_ENGLISH = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_NO_LETTER = r"[^\r\n\p{L}\p{N}]?"
_ASCII_WORD = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""

_LLAMA3 = rf"{_ENGLISH}|{_NO_LETTER}\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
_QWEN2 = rf"{_ENGLISH}|{_NO_LETTER}\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
_QWEN35 = rf"{_ENGLISH}|{_NO_LETTER}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
_TEKKEN = (
    rf"{_NO_LETTER}{_UPPER}*{_LOWER}+|{_NO_LETTER}{_UPPER}+{_LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|"
    rf"{_SPACES}"
)
_GPT4O = (
    rf"{_NO_LETTER}{_UPPER}*{_LOWER}+{_ENGLISH}?|{_NO_LETTER}{_UPPER}+{_LOWER}*{_ENGLISH}?|\p{{N}}{{1,3}}|"
    rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
)
_DEEPSEEK3 = (
    rf"{_ASCII_WORD}|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"
)
_GPT2 = "byte level"
_DIGITS = "digits"


@dataclass(frozen=True, slots=True)
class Pre:
    """`name` for tokenizer.ggml.pre; `ignore_merges` is what llama.cpp does under it."""

    name: str
    ignore_merges: bool


# By the splits in order; where a rule has two names they differ in `ignore_merges`.
_KNOWN: Mapping[tuple[str, ...], Sequence[Pre]] = {
    (_GPT2,): [Pre("gpt-2", False)],
    (_DIGITS, _GPT2): [Pre("smollm", False)],
    (_LLAMA3,): [Pre("llama-bpe", True), Pre("smaug-bpe", False)],
    (_QWEN2,): [Pre("qwen2", False)],
    (_QWEN35,): [Pre("qwen35", False)],
    (_TEKKEN,): [Pre("tekken", True)],
    (_GPT4O,): [Pre("gpt-4o", False)],
    (r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK3): [Pre("deepseek-v3", False)],
}


def pre_of(definition: object, ignore_merges: bool, where: str) -> Pre:
    """llama.cpp's rule for the `pre_tokenizer` of a tokenizer.json, the one with the wanted
    `ignore_merges` when there is a choice. `where` names the file in a CheckpointError."""
    return pre_of_splits(splits_of(definition, where), ignore_merges, where)


def pre_of_splits(splits: tuple[str, ...], ignore_merges: bool, where: str) -> Pre:
    """The same for the regular expressions themselves, "byte level" for GPT-2's own."""
    found = _KNOWN.get(tuple(_canonical(split) for split in splits))
    if found is None:
        raise CheckpointError(
            f"{where} splits words by {' then '.join(splits) or 'nothing'}, a rule llama.cpp does not have; "
            "train the tokenizer with the rule of Llama 3, Qwen2, GPT-2 or Mistral's tekken."
        )
    return next((pre for pre in found if pre.ignore_merges == ignore_merges), found[0])


def splits_of(definition: object, where: str) -> tuple[str, ...]:
    """The rules of a `pre_tokenizer`, in order, without the mapping of bytes to characters."""
    if definition is None:
        return ()
    if not isinstance(definition, dict):
        raise _unknown(definition, where)
    if definition.get("type") == "Sequence":
        steps = definition.get("pretokenizers")
        if not isinstance(steps, list):
            raise _unknown(definition, where)
        return tuple(split for step in steps for split in splits_of(step, where))
    return _splits_of_step(definition, where)


def _splits_of_step(step: Mapping[str, Any], where: str) -> tuple[str, ...]:
    if step.get("type") == "ByteLevel":
        if step.get("add_prefix_space"):
            raise CheckpointError(
                f"{where} asks for add_prefix_space = true, llama.cpp adds no space to a byte-level text; "
                "set it to false if the model was trained so."
            )
        return (_GPT2,) if step.get("use_regex", True) else ()
    if step.get("type") == "Digits" and step.get("individual_digits"):
        return (_DIGITS,)
    if step.get("type") == "Split":
        pattern = step.get("pattern")
        regex = pattern.get("Regex") if isinstance(pattern, dict) else None
        # "Removed" of what does not match keeps what does; these rules match every character.
        isolated = step.get("behavior") == "Isolated" and not step.get("invert")
        kept = step.get("behavior") == "Removed" and step.get("invert") is True
        if isinstance(regex, str) and (isolated or kept):
            return (regex,)
    raise _unknown(step, where)


def _canonical(split: str) -> str:
    return _DIGITS if split == r"\p{N}" else split.replace("\r", r"\r").replace("\n", r"\n")


def _unknown(step: object, where: str) -> CheckpointError:
    return CheckpointError(
        f"{where} splits words by {str(step)[:120]}, which llama.cpp cannot do; "
        "only Split by a regular expression, Digits one by one and ByteLevel can be converted."
    )
