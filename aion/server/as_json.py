"""Documents and passages as clients see them, over HTTP and from `--json` alike."""

from __future__ import annotations

from aion.answer.answer import Answer
from aion.store.listing import ChunkText, Listed
from aion.types import Passage, Retrieval


def listed_json(listed: Listed) -> dict[str, object]:
    """A document as clients see it."""
    return {
        "document": listed.id,
        "source": listed.source,
        "title": listed.title,
        "location": listed.location,
        "language": listed.language,
        "date": listed.date,
        "tags": list(listed.tags),
        "chunks": listed.n_chunks,
        "bytes": listed.n_bytes,
        "added_at": listed.added_at,
    }


def chunk_json(chunk: ChunkText) -> dict[str, object]:
    """A chunk as clients see it; `twin_of` where its words are those of another, stored once."""
    shown: dict[str, object] = {"chunk": chunk.id, "line": chunk.line, "text": chunk.text}
    if chunk.page is not None:
        shown["page"] = chunk.page
    if chunk.twin_of is not None:
        shown["twin_of"] = chunk.twin_of
    return shown


def retrieval_json(retrieval: Retrieval) -> dict[str, object]:
    """A retrieval as clients see it; `original` only where the question was rewritten."""
    rewritten = {} if retrieval.original is None else {"original": retrieval.original}
    return {
        "query": retrieval.query,
        **rewritten,
        "passages": [passage_json(passage) | {"why": why_json(passage)} for passage in retrieval.passages],
        "stems": list(retrieval.stems),
        "similar": retrieval.n_similar,
        "ms": {name: round(ms, 1) for name, ms in (*retrieval.stages, ("total", retrieval.ms))},
    }


def answer_json(answer: Answer) -> dict[str, object]:
    """An answer as clients see it; the contract's three keys first."""
    shown: dict[str, object] = {
        "text": answer.text,
        "used": answer.used,
        "C": round(answer.confidence, 4),
        "reason": answer.reason,
        "citations": [{"n": c.n, "start": c.start, "end": c.end} for c in answer.citations],
        "unsupported": [{"start": span.start, "end": span.end} for span in answer.unsupported],
        "passages": [passage_json(p) for p in answer.passages],
        "model": answer.model,
        "adapter": answer.adapter,
        "usage": {
            "prompt_tokens": answer.usage.n_prompt,
            "completion_tokens": answer.usage.n_completion,
            "cached_tokens": answer.usage.n_cached,
        },
        "ms": answer.ms,
        "conversation_id": answer.conversation,
        "event_id": answer.event_id,
    }
    if answer.used == "fallback" or answer.cost:
        shown["cost"] = answer.cost
    if answer.warning:
        shown["warning"] = answer.warning
    return shown


def passage_json(passage: Passage) -> dict[str, object]:
    """A passage as clients see it; what does not apply to it is left out."""
    shown: dict[str, object] = {
        "n": passage.n,
        "chunk": passage.chunk_id,
        "document": passage.document_id,
        "source": passage.source,
        "title": passage.title,
        "line": passage.line,
        "score": round(passage.score, 4),
        "cosine": round(passage.cosine, 4),
        "bm25": round(passage.bm25, 3),
        "text": passage.text,
    }
    if passage.page is not None:
        shown["page"] = passage.page
    if passage.rerank is not None:
        shown["rerank"] = round(passage.rerank, 4)
    return shown


def why_json(passage: Passage) -> dict[str, object]:
    """Its place in each list, how much of the question's wording it has, and which of its stems."""
    return {
        "lexical_rank": passage.lexical_rank,
        "dense_rank": passage.dense_rank,
        "wording": round(passage.wording, 3),
        "stems": list(passage.stems),
    }
