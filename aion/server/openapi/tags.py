"""The families of routes, in the order in which they are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tag:
    """A family: what it is called in English and in Portuguese, and how its paths begin."""

    name: str
    told: str
    name_pt: str
    told_pt: str
    prefixes: tuple[str, ...]


TAGS = (
    Tag(
        "Answers", "Questions answered from the documents, and what people think of the answers.",
        "Respostas", "Perguntas respondidas a partir dos documentos, e o que se acha das respostas.",
        ("/api/ai/", "/api/feedback", "/api/events", "/api/search"),
    ),
    Tag(
        "Documents", "What AION answers from.",
        "Documentos", "De onde a AION tira as respostas.",
        ("/api/documents",),
    ),
    Tag(
        "OpenAI", "For OpenAI's clients: set their address to this server's, with /v1.",
        "OpenAI", "Para clientes da OpenAI: use neles o endereço deste servidor, com /v1.",
        ("/v1/chat/", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/rerank", "/v1/models"),
    ),
    Tag(
        "Model", "The model alone, without the documents, and its tokens.",
        "Modelo", "Só o modelo, sem os documentos, e seus tokens.",
        ("/generate", "/tokenize", "/detokenize", "/apply-template"),
    ),
    Tag(
        "Adapters", "LoRA adapters: what the model was taught here.",
        "Adaptadores", "Adaptadores LoRA: o que o modelo aprendeu aqui.",
        ("/adapter/", "/v1/adapters"),
    ),
    Tag(
        "Figures", "How good the answers are, how fast, and what they cost.",
        "Números", "Quão boas são as respostas, quão rápidas e quanto custam.",
        ("/api/metrics", "/metrics", "/api/budget", "/api/dataset"),
    ),
    Tag(
        "Service", "How the server is, who asks, and this description.",
        "Serviço", "Como está o servidor, quem pergunta, e esta descrição.",
        ("/",),
    ),
)  # fmt: skip


def tag_of(path: str) -> Tag:
    """The first whose paths begin so."""
    return next(tag for tag in TAGS if path.startswith(tag.prefixes))
