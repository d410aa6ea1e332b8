"""The HTTP interface, a row a route. Everything that is said of a route is said here once."""

from __future__ import annotations

from aion.server.access.browser.session_routes import SessionRequest, show_session, sign_in, sign_out
from aion.server.adapters.routes import (
    add_adapter,
    list_adapters,
    merge_adapter,
    reload_adapter,
    remove_adapter,
)
from aion.server.budget import budget
from aion.server.chat import chat
from aion.server.documents.routes import (
    TextRequest,
    UploadForm,
    add_documents,
    delete_document,
    delete_source,
    list_documents,
    show_document,
)
from aion.server.documents.search import SearchRequest, search
from aion.server.endpoint import Endpoint
from aion.server.events.dataset import ExportRequest, export_dataset_file
from aion.server.events.feedback import FeedbackRequest, feedback
from aion.server.events.metrics import (
    metrics_confidence,
    metrics_heatmap,
    metrics_latency,
    metrics_questions,
    metrics_summary,
)
from aion.server.events.story import show_event
from aion.server.generate import generate
from aion.server.health import health
from aion.server.lifecycle.ready import ready
from aion.server.observe.prometheus import prometheus
from aion.server.openai_api.chat_completions import chat_completions
from aion.server.openai_api.completions import completions
from aion.server.openai_api.embeddings import EmbeddingsRequest, embeddings
from aion.server.openai_api.models import list_models, show_model
from aion.server.openai_api.rerank import RerankRequest, rerank
from aion.server.openai_api.responses import responses
from aion.server.openai_api.responses_schemas import ResponsesRequest
from aion.server.openai_api.schemas import CompletionRequest, TextCompletionRequest
from aion.server.openapi import answers as told
from aion.server.openapi.described import docs, openapi_json
from aion.server.query import (
    DocumentsQuery,
    HeatQuery,
    PeriodQuery,
    SourceQuery,
    SummaryQuery,
    TenantQuery,
)
from aion.server.schemas import AdapterRequest, ChatRequest, GenerateRequest, ReloadRequest
from aion.server.tokens import (
    DetokenizeRequest,
    TemplateRequest,
    TokenizeRequest,
    apply_template,
    detokenize,
    tokenize,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/ready", ready, None, "Whether a question would be answered now", answers=told.READY),
    Endpoint("GET", "/health", health, None, "What is loaded and whether it works", answers=told.HEALTH),
    Endpoint(
        "POST", "/api/session", sign_in, None, "Sign in on the page with a key",
        SessionRequest, answers=told.SIGNED_IN,
    ),
    Endpoint(
        "GET", "/api/session", show_session, None, "Who asks, and whether it takes a key",
        answers=told.SESSION,
    ),
    Endpoint("DELETE", "/api/session", sign_out, None, "Sign out on the page", answers=told.SIGNED_OUT),
    Endpoint(
        "POST", "/api/ai/chat", chat, "chat", "An answer from the documents",
        ChatRequest, answers=told.CHAT,
    ),
    Endpoint(
        "POST", "/api/feedback", feedback, "chat", "What somebody thinks of an answer",
        FeedbackRequest, answers=told.FEEDBACK,
    ),
    Endpoint(
        "GET", "/api/events/{id}", show_event, "admin", "Why an answer was given",
        query=TenantQuery, answers=told.STORY,
    ),
    Endpoint(
        "POST", "/api/search", search, "chat", "The passages that a question finds",
        SearchRequest, answers=told.FOUND,
    ),
    Endpoint(
        "POST", "/api/documents", add_documents, "ingest", "Add documents: files, or a text",
        TextRequest, form=UploadForm, answers=told.STORED,
    ),
    Endpoint(
        "GET", "/api/documents", list_documents, "chat", "The documents there are",
        query=DocumentsQuery, answers=told.DOCUMENTS,
    ),
    Endpoint(
        "DELETE", "/api/documents", delete_source, "ingest", "Away with the document of a source",
        query=SourceQuery, answers=told.DELETED,
    ),
    Endpoint(
        "GET", "/api/documents/{id}", show_document, "chat", "One document with its passages",
        query=TenantQuery, answers=told.DOCUMENT,
    ),
    Endpoint(
        "DELETE", "/api/documents/{id}", delete_document, "ingest", "Away with a document",
        query=TenantQuery, answers=told.DELETED,
    ),
    Endpoint(
        "POST", "/api/dataset/export", export_dataset_file, "admin", "Good answers into a file",
        ExportRequest, is_optional=True, answers=told.EXPORTED,
    ),
    Endpoint(
        "GET", "/api/metrics/summary", metrics_summary, "admin", "Figures of a period",
        query=SummaryQuery, answers=told.SUMMARY,
    ),
    Endpoint(
        "GET", "/api/metrics/confidence", metrics_confidence, "admin", "How C was distributed",
        query=PeriodQuery, answers=told.CONFIDENCE,
    ),
    Endpoint(
        "GET", "/api/metrics/latency", metrics_latency, "admin", "How long each stage took",
        query=PeriodQuery, answers=told.LATENCY,
    ),
    Endpoint(
        "GET", "/api/metrics/questions", metrics_questions, "admin", "What was asked and not found",
        query=PeriodQuery, answers=told.QUESTIONS,
    ),
    Endpoint(
        "GET", "/api/metrics/heatmap", metrics_heatmap, "admin", "Which documents were retrieved when",
        query=HeatQuery, answers=told.HEAT,
    ),
    Endpoint("GET", "/metrics", prometheus, "metrics", "Figures for Prometheus", answers=told.FIGURES),
    Endpoint(
        "GET", "/api/budget", budget, "admin", "What paid answers cost, and what is left",
        query=TenantQuery, answers=told.BUDGET,
    ),
    Endpoint(
        "POST", "/generate", generate, "chat", "The model alone: one prompt, one text",
        GenerateRequest, answers=told.GENERATED,
    ),
    Endpoint(
        "POST", "/v1/chat/completions", chat_completions, "chat", "OpenAI's chat",
        CompletionRequest, answers=told.COMPLETION,
    ),
    Endpoint(
        "POST", "/v1/completions", completions, "chat", "OpenAI's older form",
        TextCompletionRequest, answers=told.TEXTS,
    ),
    Endpoint(
        "POST", "/v1/responses", responses, "chat", "OpenAI's newer form, stateless",
        ResponsesRequest, answers=told.RESPONSE,
    ),
    Endpoint(
        "POST", "/v1/embeddings", embeddings, "chat", "Vectors of texts",
        EmbeddingsRequest, answers=told.EMBEDDINGS,
    ),
    Endpoint(
        "POST", "/v1/rerank", rerank, "chat", "Passages by how well they answer",
        RerankRequest, answers=told.RERANKED,
    ),
    Endpoint("GET", "/v1/models", list_models, "chat", "The models there are", answers=told.MODELS),
    Endpoint("GET", "/v1/models/{name:path}", show_model, "chat", "One model", answers=told.MODEL),
    Endpoint("POST", "/tokenize", tokenize, "chat", "A text's tokens", TokenizeRequest, answers=told.TOKENS),
    Endpoint(
        "POST", "/detokenize", detokenize, "chat", "The text of tokens",
        DetokenizeRequest, answers=told.TEXT,
    ),
    Endpoint(
        "POST", "/apply-template", apply_template, "chat", "A conversation as the model reads it",
        TemplateRequest, answers=told.PROMPT,
    ),
    Endpoint(
        "POST", "/adapter/reload", reload_adapter, "admin", "Load the adapter anew",
        ReloadRequest, is_optional=True, answers=told.RELOADED,
    ),
    Endpoint(
        "POST", "/adapter/merge", merge_adapter, "admin", "Fold the adapter into the base",
        answers=told.MERGED,
    ),
    Endpoint("GET", "/v1/adapters", list_adapters, "chat", "The adapters there are", answers=told.ADAPTERS),
    Endpoint(
        "POST", "/v1/adapters", add_adapter, "admin", "Load an adapter by name",
        AdapterRequest, answers=told.ADAPTER,
    ),
    Endpoint(
        "DELETE", "/v1/adapters/{name}", remove_adapter, "admin", "Unload an adapter",
        answers=told.UNLOADED,
    ),
    Endpoint("GET", "/openapi.json", openapi_json, None, "This description", answers=told.DESCRIPTION),
    Endpoint("GET", "/docs", docs, None, "This description, to read", answers=told.PAGE),
)  # fmt: skip
