"""The HTTP interface, a row a route. Everything that is said of a route is said here once."""

from __future__ import annotations

from aion.server.adapters import (
    add_adapter,
    list_adapters,
    merge_adapter,
    reload_adapter,
    remove_adapter,
)
from aion.server.budget import budget
from aion.server.chat import chat
from aion.server.completions import completions
from aion.server.dataset import ExportRequest, export_dataset_file
from aion.server.documents import (
    add_documents,
    delete_document,
    delete_source,
    list_documents,
    show_document,
)
from aion.server.embeddings import EmbeddingsRequest, embeddings
from aion.server.endpoint import Endpoint
from aion.server.events import show_event
from aion.server.feedback import FeedbackRequest, feedback
from aion.server.generate import generate
from aion.server.health import health
from aion.server.metrics import (
    metrics_confidence,
    metrics_heatmap,
    metrics_latency,
    metrics_questions,
    metrics_summary,
)
from aion.server.models import list_models, show_model
from aion.server.openai import chat_completions
from aion.server.openai_schemas import CompletionRequest, TextCompletionRequest
from aion.server.rerank import RerankRequest, rerank
from aion.server.responses import responses
from aion.server.responses_schemas import ResponsesRequest
from aion.server.schemas import AdapterRequest, ChatRequest, GenerateRequest, ReloadRequest
from aion.server.search import SearchRequest, search
from aion.server.tokens import (
    DetokenizeRequest,
    TemplateRequest,
    TokenizeRequest,
    apply_template,
    detokenize,
    tokenize,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/health", health, None, "What is loaded and whether it works"),
    Endpoint("POST", "/api/ai/chat", chat, "chat", "An answer from the documents", ChatRequest),
    Endpoint("POST", "/api/feedback", feedback, "chat", "What somebody thinks of an answer", FeedbackRequest),
    Endpoint("GET", "/api/events/{id}", show_event, "admin", "Why an answer was given"),
    Endpoint("POST", "/api/search", search, "chat", "The passages that a question finds", SearchRequest),
    Endpoint("POST", "/api/documents", add_documents, "ingest", "Add documents: files, or a text"),
    Endpoint("GET", "/api/documents", list_documents, "chat", "The documents there are"),
    Endpoint("DELETE", "/api/documents", delete_source, "ingest", "Away with the document of a source"),
    Endpoint("GET", "/api/documents/{id}", show_document, "chat", "One document with its passages"),
    Endpoint("DELETE", "/api/documents/{id}", delete_document, "ingest", "Away with a document"),
    Endpoint(
        "POST", "/api/dataset/export", export_dataset_file, "admin", "Good answers into a file", ExportRequest
    ),
    Endpoint("GET", "/api/metrics/summary", metrics_summary, "admin", "Figures of a period"),
    Endpoint("GET", "/api/metrics/confidence", metrics_confidence, "admin", "How C was distributed"),
    Endpoint("GET", "/api/metrics/latency", metrics_latency, "admin", "How long each stage took"),
    Endpoint("GET", "/api/metrics/questions", metrics_questions, "admin", "What was asked and not found"),
    Endpoint("GET", "/api/metrics/heatmap", metrics_heatmap, "admin", "Which documents were retrieved when"),
    Endpoint("GET", "/api/budget", budget, "admin", "What paid answers cost, and what is left"),
    Endpoint("POST", "/generate", generate, "chat", "The model alone: one prompt, one text", GenerateRequest),
    Endpoint("POST", "/v1/chat/completions", chat_completions, "chat", "OpenAI's chat", CompletionRequest),
    Endpoint("POST", "/v1/completions", completions, "chat", "OpenAI's older form", TextCompletionRequest),
    Endpoint("POST", "/v1/responses", responses, "chat", "OpenAI's newer form, stateless", ResponsesRequest),
    Endpoint("POST", "/v1/embeddings", embeddings, "chat", "Vectors of texts", EmbeddingsRequest),
    Endpoint("POST", "/v1/rerank", rerank, "chat", "Passages by how well they answer", RerankRequest),
    Endpoint("GET", "/v1/models", list_models, "chat", "The models there are"),
    Endpoint("GET", "/v1/models/{name:path}", show_model, "chat", "One model"),
    Endpoint("POST", "/tokenize", tokenize, "chat", "A text's tokens", TokenizeRequest),
    Endpoint("POST", "/detokenize", detokenize, "chat", "The text of tokens", DetokenizeRequest),
    Endpoint(
        "POST", "/apply-template", apply_template, "chat", "A conversation as the model reads it",
        TemplateRequest,
    ),
    Endpoint("POST", "/adapter/reload", reload_adapter, "admin", "Load the adapter anew", ReloadRequest),
    Endpoint("POST", "/adapter/merge", merge_adapter, "admin", "Fold the adapter into the base"),
    Endpoint("GET", "/v1/adapters", list_adapters, "chat", "The adapters there are"),
    Endpoint("POST", "/v1/adapters", add_adapter, "admin", "Load an adapter by name", AdapterRequest),
    Endpoint("DELETE", "/v1/adapters/{name}", remove_adapter, "admin", "Unload an adapter"),
)  # fmt: skip
