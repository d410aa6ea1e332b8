"""Good answers as chat messages for fine-tuning: the same words that the model was given, and the reply it
should have given. Knows no file (aion/events/export.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from aion.answer.history import last_turns
from aion.answer.prompt import Language, rag_context, rag_prompt, with_context
from aion.events.export_form import Mask, Row
from aion.store.exports import Exports, FoundPassage, LoggedAnswer
from aion.types import Message

LeftOut = Literal[
    "declined", "fallback", "thumb_down", "unsupported", "no_passages", "wrong_citation", "empty"
]

_TURN_TOKENS = 1024
_CHARS_A_TOKEN = 4
_SOURCES = re.compile(r"\s*^Fontes:.*\Z", re.DOTALL | re.MULTILINE)
_CITATION = re.compile(r"\[([0-9]{1,3})\]")


@dataclass(frozen=True, slots=True)
class ChatForm:
    """A row for each answer worth learning from.

    These are: a correction a user gave, in place of the reply; what the local model wrote on trust; with
    `teacher` what a paid API wrote. Not those with a thumb down, nor, without `unsupported`, those with a
    sentence that the passages do not bear out. `since` is a time, UTC, ISO 8601.
    """

    exports: Exports
    system_prompt: str
    mask: Mask
    teacher: bool = False
    unsupported: bool = False
    since: str = ""
    name: str = "chat"

    @property
    def options(self) -> Mapping[str, object]:
        return {"teacher": self.teacher, "unsupported": self.unsupported, "since": self.since}

    def new(self, tenant: str, after: int, upto: int) -> Iterator[Row]:
        """Those of new answers, with the feedback they have had."""
        return map(self._row, self.exports.answers(tenant, after, upto, self.since))

    def changed(self, tenant: str, after: int, upto: int) -> Iterator[Row]:
        """Those of earlier answers that have had feedback since."""
        return map(self._row, self.exports.reviewed(tenant, after, upto, self.since))

    def _row(self, answer: LoggedAnswer) -> Row:
        correction = _last(answer, "correction").strip()
        thumb = _last(answer, "thumb")
        sent = _sent(answer)
        reply = _SOURCES.sub("", correction or str(answer.meta.get("reply", ""))).strip()
        if left_out := self._left_out(answer, correction, thumb, sent, reply):
            return Row(answer.id, None, left_out)
        messages, sources, counts = self._worded(answer, sent, reply)
        content: dict[str, object] = {
            "messages": messages,
            "at": answer.at,
            "source": answer.meta.get("source"),
            "corrected": bool(correction),
            "thumb": thumb or None,
            "C": answer.meta.get("C"),
            "language": _language(answer),
            "model": answer.meta.get("model"),
            "adapter": answer.meta.get("adapter"),
            "documents": sources,
        }
        return Row(answer.id, content, masked=counts)

    def _worded(
        self, answer: LoggedAnswer, sent: tuple[FoundPassage, ...], reply: str
    ) -> tuple[list[dict[str, str]], list[str], Mapping[str, int]]:
        """The messages as answer/assemble.py words them, the sources, and what was masked in both."""
        turns, asked = _asked(answer)
        said = [*(turn.content for turn in turns), asked, reply]
        masked = self.mask([*said, *(p.text for p in sent), *(p.source for p in sent)])
        *before, asked, reply = masked.texts[: len(said)]
        passages, sources = masked.texts[len(said) : -len(sent)], masked.texts[-len(sent) :]
        prompt = with_context(rag_prompt(asked, _language(answer)), rag_context(passages))
        messages = [
            ("system", self.system_prompt),
            *((turn.role, text) for turn, text in zip(turns, before, strict=True)),
            ("user", prompt),
            ("assistant", reply),
        ]
        return [{"role": role, "content": text} for role, text in messages], list(sources), masked.counts

    def _left_out(
        self,
        answer: LoggedAnswer,
        correction: str,
        thumb: str,
        sent: tuple[FoundPassage, ...],
        reply: str,
    ) -> LeftOut | None:
        """Why an answer is not to be learnt from; None when it is."""
        if unfit := _unfit(sent, reply):
            return unfit
        if correction:
            return None
        if thumb == "down":
            return "thumb_down"
        source, reason = answer.meta.get("source"), answer.meta.get("reason")
        if source == "fallback" and not self.teacher:
            return "fallback"
        if source != "fallback" and reason != "confident":
            return "declined"
        return "unsupported" if answer.meta.get("unsupported") and not self.unsupported else None


def _asked(answer: LoggedAnswer) -> tuple[list[Message], str]:
    """The turns before and the question. A follow-up whose conversation is not in the log asks in full."""
    turns: list[Message] = []
    for prompt, reply in answer.turns:
        turns += [Message("user", prompt), Message("assistant", reply)]
    kept = last_turns(turns, _rough_tokens, _TURN_TOKENS)
    return kept, answer.query if answer.is_rewritten and not kept else str(answer.meta.get("prompt", ""))


def _unfit(sent: tuple[FoundPassage, ...], reply: str) -> LeftOut | None:
    """What makes a row of no use, whoever wrote the reply."""
    if not sent:
        return "no_passages"
    if not reply:
        return "empty"
    is_wrong = any(not 1 <= int(n) <= len(sent) for n in _CITATION.findall(reply))
    return "wrong_citation" if is_wrong else None


def _sent(answer: LoggedAnswer) -> tuple[FoundPassage, ...]:
    """The passages the model read; all that were found where none wrote."""
    n_sent = answer.meta.get("n_sent")
    return answer.passages[:n_sent] if isinstance(n_sent, int) and n_sent > 0 else answer.passages


def _last(answer: LoggedAnswer, what: str) -> str:
    """The last word of those who gave feedback."""
    said: list[Any] = [feedback[what] for feedback in answer.feedback if feedback.get(what)]
    return str(said[-1]) if said else ""


def _language(answer: LoggedAnswer) -> Language:
    language = answer.meta.get("language")
    return cast("Language", language) if language in ("pt", "en") else "pt"


def _rough_tokens(messages: Any) -> int:
    return sum(len(message.content) for message in messages) // _CHARS_A_TOKEN
