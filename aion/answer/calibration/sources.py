"""Where examples come from: questions that people labelled, or ones made of the documents themselves. Each is
asked twice, with what answers it in the index and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

from aion.answer.calibration.examples import Asked
from aion.answer.calibration.made import make_question
from aion.answer.calibration.shelf import Chunks, Shelf, indexed_id
from aion.rag.evaluate.folder import LabelledQuestion
from aion.store.listing import ChunkText, Listed

_N_TRIES = 10  # chunks looked at for each question that is made
_N_OTHERS = 3  # chunks whose words are mixed into a question
_LARGEST_SHARE = 0.5  # of all chunks that may be left out with what is about the same
_ALONE_EVERY = 4  # questions, of which one is asked with its topic there and only the answer gone


def from_labels(
    shelf: Shelf, questions: Sequence[LabelledQuestion], unanswerable: Sequence[LabelledQuestion] = ()
) -> list[Asked]:
    """`questions` name the sources of the documents that answer them; each is asked with all documents and
    without those. The `unanswerable` are asked as they are."""
    by_source = {document.source: document for document in shelf.documents}
    asked = []
    for group, question in enumerate(questions):
        found = [by_source[source] for source in question.relevance if source in by_source]
        if found:
            asked.append(Asked(question.text, group, True, {}))
            asked += _without(shelf, question.text, group, found, shelf.chunks(found))
    for group, question in enumerate(unanswerable, len(questions)):
        asked.append(Asked(question.text, group, False, {}))
    return asked


def made(shelf: Shelf, n: int, seed: int, progress: Callable[[int, int], None]) -> list[Asked]:
    """At most `n` questions made of chunks drawn by chance; the same for the same seed."""
    random = Random(seed)  # noqa: S311 - chance, not secrecy
    asked: list[Asked] = []
    group = 0
    for document, chunk, others in _drawn(shelf, random, n * _N_TRIES):
        if group == n:
            break
        question = make_question(chunk.text, document.language, others, random)
        if question is None:
            continue
        progress(group, n)
        alone = {indexed_id(chunk): shelf.stems(document, chunk.text)}
        asked.append(Asked(question, group, True, {}))
        asked += _without(shelf, question, group, [document], alone)
        group += 1
    progress(n, n)
    return asked


def _without(
    shelf: Shelf, question: str, group: int, documents: Sequence[Listed], answer: Chunks
) -> list[Asked]:
    """The question without its answer: one time in four without `answer` only, so that its topic is there,
    else without all that is about the same as `documents`. [] when nothing would be left to search."""
    is_alone = group % _ALONE_EVERY == 0
    left_out = answer if is_alone else shelf.chunks(shelf.surroundings(documents))
    if len(left_out) > _LARGEST_SHARE * shelf.n_chunks:
        left_out = answer
    return [Asked(question, group, False, left_out)] if len(left_out) < shelf.n_chunks else []


def _drawn(shelf: Shelf, random: Random, n: int) -> Iterator[tuple[Listed, ChunkText, list[str]]]:
    """Chunks by chance, each as likely as any, with the texts of some others."""
    weights = [document.n_chunks for document in shelf.documents]
    if not any(weights):
        return
    seen: set[int] = set()
    recent: list[str] = []
    for document in random.choices(shelf.documents, weights, k=n):
        texts = shelf.texts(document)
        if not texts:
            continue
        chunk = random.choice(texts)
        others, recent = recent, [*recent[-_N_OTHERS + 1 :], chunk.text]
        if chunk.id not in seen:
            seen.add(chunk.id)
            yield document, chunk, others
