"""Sixteen questions over documents as a service of this kind sees them: the same instructions each time,
eight passages of their own, and a model that answers by copying.

The words are those of examples/. The instructions open the user's turn, for the embedded model's template
knows no other. That model garbles as often as it copies at 100 words a passage and mostly copies at 40;
copying_model.py copies at any length, given the first words of its answer. `Questions.n_copied` counts.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path

from aion.answer.prompt import plain_prompt, rag_context, rag_prompt, with_context
from aion.engine.catalog import CHAT_FILE
from aion.engine.model import Model
from aion.engine.template import ChatTemplate
from aion.rag.readers.encoding import decode
from aion.settings import SYSTEM_PROMPT
from aion.types import Message

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "models" / CHAT_FILE
N_CTX = 2048
N_ANSWER = 96
_N_PASSAGES = 8
_N_INSTRUCTIONS = 300
_RULES = (
    "Atenda os clientes da operadora com cortesia e sem rodeios.",
    "Dê preços em euros, horários no formato de 24 horas e distâncias em quilômetros.",
    "Quando a pergunta tratar de uma reserva, diga o prazo e a forma de pagamento.",
    "Quando houver diferença entre adultos e crianças, diga as duas condições.",
    "Não prometa o que os documentos não prometem.",
    "Se os documentos não disserem, diga que não sabe e indique o telefone da operadora.",
    "Não repita a pergunta, não se apresente e não se despeça.",
    "Prefira frases inteiras dos documentos às suas próprias palavras.",
    "Trate o cliente por você e não use gírias.",
    "Em dia de chuva, lembre a política de remarcação antes da de reembolso.",
    "Para grupos de mais de oito pessoas, fale do tour privado.",
    "Nunca invente nomes de ruas, de restaurantes ou de guias.",
)

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Questions:
    """Conversations ready to be sent, the passages of each, and how they came out in tokens and words."""

    messages: list[Messages]
    passages: list[list[str]]
    n_instructions: int
    n_prompt_max: int
    n_words: int

    def n_copied(self, answers: list[str]) -> int:
        """How many of the answers to the first questions are, less their citation, words of a passage."""
        pairs = zip(answers, self.passages, strict=False)
        return sum(_is_copy(answer, passages) for answer, passages in pairs)


def make_questions(path: Path, n: int, n_words_most: int, *, with_cue: bool = False) -> Questions:
    """`n` questions to the model at `path`, their passages of that many words, or fewer where the answer
    needs the room; `with_cue` writes the first words of the answer, out of the middle of a passage."""
    with contextlib.closing(Model(path, vocab_only=True)) as model:
        template = ChatTemplate(model, plain_prompt)
        instructions = _instructions(model)
        for n_words in range(n_words_most, 20, -4):
            made = [_question(row, n_words) for row in _rows(n)]
            cues = [_cue(passages) if with_cue else "" for _, passages in made]
            users = [f"{instructions}\n\n{user}{cue}" for (user, _), cue in zip(made, cues, strict=True)]
            longest = max(len(template.tokens([Message("user", user)])) for user in users)
            if longest <= N_CTX - N_ANSWER:
                break
        n_instructions = len(model.tokenize(instructions))
    asked: list[Messages] = [[{"role": "user", "content": user}] for user in users]
    return Questions(asked, [passages for _, passages in made], n_instructions, longest, n_words)


def _cue(passages: list[str]) -> str:
    """Five words where a copy can go on longest without coming to a crossing: three words in a row that
    stand in two places."""
    texts = [passage.split() for passage in passages]
    seen = collections.Counter(words[i : i + 3] for words in map(tuple, texts) for i in range(len(words) - 2))

    def n_alone(words: tuple[str, ...], at: int) -> int:
        triples = (words[i : i + 3] for i in range(at, len(words) - 2))
        return sum(1 for _ in itertools.takewhile(lambda triple: seen[triple] == 1, triples))

    places = ((n_alone(words, at), words, at) for words in map(tuple, texts) for at in range(len(words) // 2))
    _, words, at = max(places)
    return f"\n\nResposta: {' '.join(words[at : at + 5])}"


def _instructions(model: Model) -> str:
    text = SYSTEM_PROMPT
    for rule in itertools.cycle(_RULES):
        if len(model.tokenize(f"{text} {rule}")) > _N_INSTRUCTIONS:
            return text
        text = f"{text} {rule}"
    raise AssertionError("a cycle has no end")


def _rows(n: int) -> list[dict[str, str]]:
    lines = (ROOT / "examples" / "sintra-questions.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    readable = [row for row in rows if (row["document"] or ".html").endswith((".md", ".txt"))]
    return list(itertools.islice(itertools.cycle(readable), n))


def _question(row: dict[str, str], n_words: int) -> tuple[str, list[str]]:
    """The user's turn and its passages: one of the document that answers, seven of others."""
    folder = ROOT / "examples" / "sintra"
    rng = random.Random(row["question"])
    others = [path for path in sorted(folder.glob("*.[mt][dx]*")) if path.name != row["document"]]
    paths = [folder / row["document"], *rng.sample(others, _N_PASSAGES - 1)]
    rng.shuffle(paths)
    passages = [_cut(decode(path.read_bytes()), n_words) for path in paths]
    return with_context(rag_prompt(row["question"]), rag_context(passages)), passages


def _cut(text: str, n_words: int) -> str:
    return " ".join(text.replace("#", " ").split()[:n_words])


def _is_copy(answer: str, passages: list[str]) -> bool:
    said = " ".join(answer.partition(" [")[0].split())
    return len(said) > 10 and any(said[:60] in passage for passage in passages)
