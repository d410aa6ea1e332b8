"""Citations in a model's answer: those of passages that exist stay, the others never reach the reader.

`CitationFilter` takes the text as it is generated and returns what can be shown: `[1, 2]`, `[1-2]` and
`【1†source】` as `[1][2]` and `[1]` (marks.py), numbers without a passage left out with the blanks around
them (tidy.py), code as it is (code_spans.py), and no list of sources at the end, which AION writes itself
(own_sources.py). A mark that the model copied from a document cannot be told from its own: it stays when
there is such a passage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aion.answer.citing.code_spans import CodeSpans
from aion.answer.citing.marks import CLOSING, OPENING, marked, may_be_mark
from aion.answer.citing.own_sources import SourcesCut
from aion.answer.citing.tidy import TidyText


@dataclass(frozen=True, slots=True)
class Citation:
    """`[n]` at `text[start:end]` of the answer as it was shown; offsets count Unicode code points, not bytes
    and not the UTF-16 units of JavaScript. `n` is that of the passage, from 1."""

    n: int
    start: int
    end: int


class CitationFilter:
    """Streams text through. Invariant: `shown` is what was returned so far, the same however the text was
    split, and `citations` are those in it. `names` are sources and titles of the passages, by which a list
    of sources without numbers is known."""

    def __init__(self, n_passages: int, names: Iterable[str] = ()) -> None:
        self._n_passages = n_passages
        self._code = CodeSpans()
        self._sources = SourcesCut(names)
        self._tidy = TidyText()
        self._open: list[str] = []  # brackets that may become citations, each from its "["

    @property
    def shown(self) -> str:
        return self._tidy.shown

    @property
    def citations(self) -> tuple[Citation, ...]:
        """In the order of the text."""
        return tuple(Citation(*place) for place in self._tidy.places)

    @property
    def cited(self) -> list[int]:
        """The numbers cited, in order of first use."""
        return list(dict.fromkeys(n for n, _, _ in self._tidy.places))

    @property
    def listed(self) -> list[int]:
        """The numbers in the list of sources that was cut, as far as there are such passages."""
        found: dict[int, None] = {}
        for piece in self._sources.cut.replace("【", "[").replace("［", "[").split("[")[1:]:
            inner = piece.replace("】", "]").replace("］", "]").partition("]")[0]
            found.update(dict.fromkeys(self._verified(marked(inner, self._n_passages) or ())))
        return list(found)

    def push(self, text: str) -> str:
        """Take generated text; return what can be shown. A possible citation waits until it is whole."""
        return "".join(map(self._step, text))

    def finish(self) -> str:
        """Return what waited. White space at the end is dropped, and so is a citation that was cut short."""
        out = "".join(self._taken(piece.text, is_code=piece.is_code) for piece in self._code.finish())
        out += self._prose(self._sources.finish())
        if self._open and self._open[-1][1:].strip()[:1].isdigit():
            self._open.pop()  # "... [1" at the end of a text that was too long
        return out + self._release() + self._tidy.finish()

    def _step(self, character: str) -> str:
        return "".join(self._taken(piece.text, is_code=piece.is_code) for piece in self._code.push(character))

    def _taken(self, text: str, *, is_code: bool) -> str:
        if is_code and not self._sources.takes(text):
            return self._prose(self._sources.interrupt()) + self._release() + self._tidy.code(text)
        return "".join(self._prose(self._sources.push(character)) for character in text)

    def _prose(self, text: str) -> str:
        return "".join(map(self._bracketed, text))

    def _bracketed(self, character: str) -> str:
        """What a dropped citation leaves behind may become another: "[1[9]2]"."""
        if character in OPENING:
            self._open.append(character)
            return ""
        if not self._open:
            return self._tidy.text(character)
        if character in CLOSING:
            return self._closed(character)
        self._open[-1] += character
        return "" if may_be_mark(self._open[-1][1:]) else self._release()

    def _closed(self, character: str) -> str:
        numbers = marked(self._open[-1][1:], self._n_passages)
        if numbers is None:
            self._open[-1] += character
            return self._release()
        self._open.pop()
        verified = self._verified(numbers)
        if not verified and self._open:
            return ""
        return self._release() + self._tidy.mark(verified)

    def _release(self) -> str:
        """Brackets that become no citation are text."""
        held, self._open = "".join(self._open), []
        return "".join(map(self._tidy.text, held))

    def _verified(self, numbers: Iterable[int]) -> list[int]:
        return [n for n in numbers if 1 <= n <= self._n_passages]
