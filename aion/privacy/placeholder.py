"""What a placeholder looks like: `[CPF_1]`, and `[CPF_1B]` for the same value written otherwise.

Read back with tolerance, for models change what they repeat: other case, blanks, a dash or blank for the
underscore, Markdown's `\\_`, no brackets. Without brackets only `CPF_1` counts: "CPF 1" is plain Portuguese.
"""

from __future__ import annotations

import re
from functools import cache

from aion.privacy.finding import Kind

LITERAL = "TEXTO"  # stands for text that only looks like a placeholder
LABELS = (*(kind.value for kind in Kind), LITERAL)
MAX_CHARS = 40  # of the longest text that PLACEHOLDER matches
IGNORED = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"  # characters nobody sees

_LABEL = "|".join(sorted(LABELS, key=len, reverse=True))
_NUMBER = r"(\d{1,6})([A-Z]{0,2})"
_WORD = rf"[\w{IGNORED}]"
PLACEHOLDER = re.compile(
    rf"\[[ \t]{{0,2}}({_LABEL})[ \t]?(?:\\?_|-)?[ \t]?{_NUMBER}[ \t]{{0,2}}\]"
    rf"|(?<!{_WORD})({_LABEL})\\?_{_NUMBER}(?!{_WORD})",
    re.IGNORECASE,
)

REDACTED = re.compile("|".join(re.escape(kind.redacted) for kind in Kind))


def placeholder(label: str, number: int, form: int) -> str:
    """`number` counts values from 1, `form` the written forms of one value from 0."""
    return f"[{label}_{number}{_letters(form)}]"


def read(match: re.Match[str]) -> str:
    """The placeholder that PLACEHOLDER matched, as `placeholder` writes it."""
    label, number, letters = match[1] or match[4], match[2] or match[5], match[3] or match[6] or ""
    return f"[{label.upper()}_{int(number)}{letters.upper()}]"


def _letters(form: int) -> str:
    if form == 0:
        return ""
    return _letters(form // 26) + chr(ord("A") + form % 26) if form >= 26 else chr(ord("A") + form)


@cache
def beginning() -> re.Pattern[str]:
    """Matches, at the end of a text, what further text may turn into a placeholder or a longer one."""
    letters = "(?:[A-Z][A-Z]?)?"
    number = rf"\d{{1,6}}{letters}"
    bracketed = rf"[ \t]?(?:(?:\\?_|\\|-)[ \t]?)?(?:{number}[ \t]{{0,2}})?"
    bare = rf"(?:\\(?:_(?:{number})?)?|_(?:{number})?)?"
    return re.compile(
        rf"\[[ \t]{{0,2}}(?:{_beginnings(bracketed)})?\Z|(?<!{_WORD})(?:{_beginnings(bare)})\Z", re.IGNORECASE
    )


def _beginnings(rest: str) -> str:
    """Every beginning of every label, a whole one followed by `rest`."""
    return "|".join(f"(?:{_beginning(label, rest)})" for label in LABELS)


def _beginning(word: str, rest: str) -> str:
    tail = rest
    for letter in reversed(word[1:]):
        tail = f"(?:{letter}{tail})?"
    return word[0] + tail
