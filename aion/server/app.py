"""The Starlette application: routes and how failures become responses."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from aion.errors import AionError
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
from aion.server.dataset import export_dataset_file
from aion.server.disconnect import ClientGone
from aion.server.documents import (
    add_documents,
    delete_document,
    delete_source,
    list_documents,
    show_document,
)
from aion.server.embeddings import embeddings
from aion.server.events import show_event
from aion.server.failures import aion_error, http_error, unexpected_error
from aion.server.feedback import feedback
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
from aion.server.panel_headers import PanelHeaders
from aion.server.rerank import rerank
from aion.server.responses import responses
from aion.server.same_origin import SameOrigin
from aion.server.search import search
from aion.server.services import Services
from aion.server.tokens import apply_template, detokenize, tokenize

_PANEL = Path(__file__).parent / "panel"


def create_app(services: Services) -> Starlette:
    """An app over running services; it starts and stops nothing itself."""
    panel = PanelHeaders(StaticFiles(directory=_PANEL, html=True))
    app = Starlette(
        routes=[
            Route("/", panel, methods=["GET"]),
            Mount("/panel", panel),
            Route("/health", health),
            Route("/adapter/reload", reload_adapter, methods=["POST"]),
            Route("/adapter/merge", merge_adapter, methods=["POST"]),
            Route("/v1/adapters", list_adapters, methods=["GET"]),
            Route("/v1/adapters", add_adapter, methods=["POST"]),
            Route("/v1/adapters/{name}", remove_adapter, methods=["DELETE"]),
            Route("/generate", generate, methods=["POST"]),
            Route("/api/ai/chat", chat, methods=["POST"]),
            Route("/api/feedback", feedback, methods=["POST"]),
            Route("/api/events/{id}", show_event, methods=["GET"]),
            Route("/api/documents", add_documents, methods=["POST"]),
            Route("/api/documents", list_documents, methods=["GET"]),
            Route("/api/documents", delete_source, methods=["DELETE"]),
            Route("/api/documents/{id}", show_document, methods=["GET"]),
            Route("/api/documents/{id}", delete_document, methods=["DELETE"]),
            Route("/api/search", search, methods=["POST"]),
            Route("/api/dataset/export", export_dataset_file, methods=["POST"]),
            Route("/api/metrics/summary", metrics_summary, methods=["GET"]),
            Route("/api/metrics/confidence", metrics_confidence, methods=["GET"]),
            Route("/api/metrics/latency", metrics_latency, methods=["GET"]),
            Route("/api/metrics/questions", metrics_questions, methods=["GET"]),
            Route("/api/metrics/heatmap", metrics_heatmap, methods=["GET"]),
            Route("/api/budget", budget, methods=["GET"]),
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/v1/rerank", rerank, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/v1/responses", responses, methods=["POST"]),
            Route("/v1/models", list_models),
            Route("/v1/models/{name:path}", show_model),
            Route("/tokenize", tokenize, methods=["POST"]),
            Route("/detokenize", detokenize, methods=["POST"]),
            Route("/apply-template", apply_template, methods=["POST"]),
        ],
        middleware=[Middleware(SameOrigin)],
        exception_handlers={
            AionError: aion_error,
            ClientGone: _client_gone,
            ClientDisconnect: _client_gone,
            HTTPException: http_error,
            Exception: unexpected_error,
        },
    )
    app.state.services = services
    return app


def _client_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)
