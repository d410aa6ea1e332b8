"""Requests that work as they are. The tests send each of them."""

from __future__ import annotations

from typing import Any

from aion.server.access.browser.session_routes import SessionRequest
from aion.server.documents.routes import TextRequest
from aion.server.documents.search import SearchRequest
from aion.server.events.dataset import ExportRequest
from aion.server.events.feedback import FeedbackRequest
from aion.server.openai_api.embeddings import EmbeddingsRequest
from aion.server.openai_api.rerank import RerankRequest
from aion.server.openai_api.responses_schemas import ResponsesRequest
from aion.server.openai_api.schemas import CompletionRequest, TextCompletionRequest
from aion.server.schemas import AdapterRequest, Body, ChatRequest, GenerateRequest, ReloadRequest
from aion.server.tokens import DetokenizeRequest, TemplateRequest, TokenizeRequest

_ASKED = "Quanto tempo dura o tour half-day?"
_MESSAGES = [{"role": "user", "content": _ASKED}]

EXAMPLES: dict[type[Body], dict[str, tuple[str, dict[str, Any]]]] = {
    ChatRequest: {
        "question": ("A question", {"message": _ASKED}),
        "stream": ("Word by word", {"message": _ASKED, "stream": True}),
        "history": (
            "A question that goes on",
            {
                "message": "E o full-day?",
                "history": [
                    {"role": "user", "content": _ASKED},
                    {"role": "assistant", "content": "Quatro horas [1]."},
                ],
            },
        ),
    },
    FeedbackRequest: {
        "thumb": ("A good answer", {"event_id": 1, "thumb": "up"}),
        "correction": (
            "How it should read",
            {"event_id": 1, "thumb": "down", "correction": "O tour half-day dura quatro horas."},
        ),
    },
    SearchRequest: {
        "question": ("A question", {"query": "tour half-day", "k": 3}),
        "filters": ("In some documents", {"query": "tour half-day", "filters": {"path_prefix": "tours"}}),
    },
    TextRequest: {
        "text": (
            "A text by itself",
            {
                "text": "O miradouro abre todos os dias às 9h30.",
                "title": "Horários do miradouro",
                "source": "horarios",
                "tags": ["horários"],
                "date": "2026-01-31",
            },
        ),
    },
    ExportRequest: {"chat": ("Good answers as chat messages", {"form": "chat"})},
    GenerateRequest: {
        "prompt": ("A prompt", {"prompt": "Olá! Quem é você?", "max_new_tokens": 64}),
        "context": (
            "With a text to answer from",
            {"prompt": _ASKED, "context": "O tour half-day dura quatro horas.", "temperature": 0},
        ),
    },
    CompletionRequest: {
        "message": ("A message", {"model": "aion", "messages": _MESSAGES, "max_tokens": 64}),
        "documents": ("From the documents", {"model": "aion-rag", "messages": _MESSAGES}),
        "json": (
            "An answer that a schema holds",
            {
                "model": "aion",
                "messages": _MESSAGES,
                "max_tokens": 64,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "duration",
                        "schema": {
                            "type": "object",
                            "properties": {"hours": {"type": "integer"}},
                            "required": ["hours"],
                        },
                    },
                },
            },
        ),
    },
    TextCompletionRequest: {
        "text": ("A text to go on with", {"model": "aion", "prompt": "Sintra fica", "max_tokens": 32}),
    },
    ResponsesRequest: {
        "text": ("A text", {"model": "aion", "input": _ASKED, "max_output_tokens": 64}),
        "items": (
            "A conversation",
            {
                "instructions": "Responda em uma frase.",
                "input": [{"role": "user", "content": _ASKED}],
                "max_output_tokens": 64,
            },
        ),
    },
    EmbeddingsRequest: {
        "texts": ("Two texts", {"input": ["tour half-day", "tour full-day"], "input_type": "query"}),
    },
    RerankRequest: {
        "texts": (
            "Two texts",
            {"query": _ASKED, "documents": ["Dura quatro horas.", "Custa 55 euros."], "top_n": 1},
        ),
    },
    TokenizeRequest: {"text": ("A text", {"content": "Sintra", "with_pieces": True})},
    DetokenizeRequest: {"tokens": ("Tokens", {"tokens": [64, 65, 66]})},
    TemplateRequest: {"messages": ("A conversation", {"messages": _MESSAGES})},
    ReloadRequest: {"nothing": ("AION_ADAPTER_DIR again", {})},
    AdapterRequest: {"gguf": ("A GGUF adapter", {"name": "tone", "path": "tone.gguf"})},
    SessionRequest: {"key": ("A key", {"key": "aion_ID_SECRET"})},
}

CALLS = {
    ("POST", "/api/documents"): "-F file=@tour.md -F tags=tours",
}
"""What curl is to send where the body is no JSON."""
