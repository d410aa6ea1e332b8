"""An answer's text as claims: its sentences and list items, with where they stand and what they cite.

Left out are what claims nothing about the documents: headings, lead-ins to a list, questions, greetings, what
an answer says of itself, code, and the line of sources. Knows words and Markdown; no passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aion.answer.citing.citations import Citation
from aion.answer.citing.marks import LABELS
from aion.rag.sentences import split_sentences

_FENCED = re.compile(r"^[ \t>]*(`{3,}|~{3,}).*?(?:^[ \t>]*\1|\Z)", re.MULTILINE | re.DOTALL)
_SOURCES = re.compile(r"(?:fontes|sources):\s*\[", re.IGNORECASE)
_LISTED = re.compile(r"\s*(?:>\s*)*(?:[-*•–+]\s+|\(?[0-9]{1,2}[.)º]\s+)?")
_STEP = re.compile(r"(?:passo|etapa|opção|dia|step|option|day)\s+[0-9]{1,2}\s*[:.)–-]\s*", re.IGNORECASE)
_MARKS = re.compile(rf"\[[0-9]{{1,3}}\]|\b(?:{'|'.join(LABELS)})\s+[0-9]{{1,2}}\b", re.IGNORECASE)
_EMPHASIS = re.compile(r"[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}")
_META = re.compile(
    r"""(?:(?:sim|não|claro|certo|ok|yes|no|sure|of\ course)[,.!:]?\s+)?(?:
    (?:infelizmente,?\s+)?(?:eu\s+)?não\s+(?:encontrei|há\s+(?:informaç|menç|dados)|tenho\s+(?:informaç|como)
        |posso\s+responder|consta|foi\s+possível|foram\s+encontrad|sei\b|é\s+possível\s+(?:responder|determinar|saber))
    |(?:infelizmente,?\s+)?(?:os?|as?|nenhum[a]?)\s+(?:documentos?|passage(?:m|ns)|contextos?|textos?|trechos?
        |informaç(?:ão|ões))\s[^.]*\bnão\s+(?:\w+\s+)?(?:mencion|inform|cont[êé]m|traz|diz|especific|fornec|indic|respond|permit|há)
    |(?:olá|oi|bom\ dia|boa\ tarde|boa\ noite|obrigad[oa]|de\ nada|bem-vind
        |boa\ viagem|bom\ passeio|bom\ proveito|divirta|aproveite|enjoy|have\ a)
    |espero\s+(?:ter|que)|fico\s+(?:à|a)\s+disposição|estou\s+(?:à|a)\s+disposição|posso\s+ajudar
    |(?:se|caso)\s+(?:precisar|quiser|tiver|houver|desejar|restar)|qualquer\s+dúvida|para\s+mais\s+(?:informaç|detalh)
    |(?:aqui|a\s+seguir|abaixo)\s+(?:está|estão|seguem?|vai|vão)|vamos\s+(?:lá|por\s+partes|ver)|segue[m]?\s+(?:a|o|abaixo)
    |(?:unfortunately,?\s+)?(?:i\s+(?:could\s+not|couldn't|did\s+not|didn't|cannot|can't|do\s+not|don't)\b
        |there\s+is\s+no\s+(?:information|mention))
    |(?:unfortunately,?\s+)?(?:the|none\s+of\s+the|no)\s+(?:documents?|passages?|context|texts?|provided|information)\s[^.]*
        \b(?:not|n't|no|mentions?|nothing)\b
    |(?:hello|hi|good\s+(?:morning|afternoon|evening)|thank\s+you|thanks|you're\s+welcome)\b
    |i\s+hope|let\s+me\s+know|feel\s+free|(?:if|should)\s+you\s+(?:need|have|want|would)|for\s+more\s+(?:information|details)
    |here\s+(?:is|are)|below\s+(?:is|are)|let's
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """`text[start:end]` of the answer; `words` is it without marks and Markdown; `cited` are the passages it
    names."""

    start: int
    end: int
    words: str
    cited: frozenset[int]


def claims(text: str, citations: Sequence[Citation]) -> list[Claim]:
    """Those of the answer `text`, in order. A citation after a full stop is of the sentence before it."""
    found = []
    for start, end in _sentences(text):
        cited = frozenset(c.n for c in citations if start <= c.start < end)
        words = _plain(text[start:end])
        if words and not _claims_nothing(words):
            found.append(Claim(start, end, words, cited))
    return found


def _claims_nothing(words: str) -> bool:
    return words.endswith(("?", ":")) or _META.match(words) is not None


def _plain(sentence: str) -> str:
    return _EMPHASIS.sub("", _STEP.sub("", _MARKS.sub(" ", sentence), count=1)).strip()


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _lines(text):
        position = start
        bounds: list[tuple[int, int]] = []
        for sentence in split_sentences(text[start:end]):
            at = text.index(sentence, position)
            position = at + len(sentence)
            marks = _leading_marks(sentence)
            if marks and bounds:
                bounds[-1] = (bounds[-1][0], at + marks)
                at += marks
            if text[at:position].strip():
                bounds.append((at + len(text[at:position]) - len(text[at:position].lstrip()), position))
        yield from bounds


def _leading_marks(sentence: str) -> int:
    match = re.match(r"(?:\s*\[[0-9]{1,3}\])+", sentence)
    return match.end() if match else 0


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines of prose, without what marks them as items; headings, code and sources left out."""
    fenced = [(match.start(), match.end()) for match in _FENCED.finditer(text)]
    position = 0
    for line in text.splitlines(keepends=True):
        start, position = position, position + len(line)
        if any(a <= start < b for a, b in fenced) or line.lstrip().startswith("#"):
            continue
        listed = _LISTED.match(line)
        start += listed.end() if listed else 0
        body = text[start:position].rstrip()
        if body and not _SOURCES.match(body.lstrip("*_ ")):
            yield start, start + len(body)
