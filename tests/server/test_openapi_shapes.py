"""Answers that schemathesis does not come upon by itself, held against the description: no field is missing,
none is there that it does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aion.server.services import open_services
from tests.server.described import check
from tests.server.live import SINTRA, Live, live, settings_in

QUESTION = "Quanto tempo dura o tour half-day?"
MESSAGES = [{"role": "user", "content": QUESTION}]
SHORT = {"max_tokens": 4, "temperature": 0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/ai/chat", {"message": QUESTION, "tau": 0.0}),
        ("/api/ai/chat", {"message": QUESTION, "tau": 0.0, "stream": True}),
        ("/api/ai/chat", {"message": QUESTION, "forceFallback": True}),
        ("/v1/chat/completions", {"messages": MESSAGES, "logprobs": True, "top_logprobs": 2, "n": 2} | SHORT),
        ("/v1/chat/completions", {"messages": MESSAGES, "logprobs": True, "stream": True} | SHORT),
        (
            "/v1/chat/completions",
            {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}} | SHORT,
        ),
        ("/v1/chat/completions", {"model": "aion-rag", "messages": MESSAGES} | SHORT),
        ("/v1/chat/completions", {"model": "aion-rag", "messages": MESSAGES, "stream": True} | SHORT),
        ("/v1/completions", {"prompt": ["Sintra", [64, 65]], "logprobs": 2, "echo": True} | SHORT),
        (
            "/v1/completions",
            {"prompt": "Sintra", "logprobs": 1, "stream": True, "stream_options": {"include_usage": True}}
            | SHORT,
        ),
        (
            "/v1/responses",
            {"input": QUESTION, "max_output_tokens": 4, "top_logprobs": 2, "metadata": {"a": "b"}},
        ),
        ("/v1/responses", {"input": QUESTION, "max_output_tokens": 4, "top_logprobs": 2, "stream": True}),
        (
            "/v1/responses",
            {"input": QUESTION, "text": {"format": {"type": "json_object"}}, "max_output_tokens": 4},
        ),
        ("/v1/embeddings", {"input": "Sintra", "encoding_format": "base64", "dimensions": 8}),
        ("/tokenize", {"content": "Sintra €", "with_pieces": True}),
        ("/api/documents", {"text": "O palácio fecha às 18h.", "source": "fecho"}),
        ("/api/dataset/export", {"form": "raw"}),
        ("/adapter/merge", {}),
        ("/adapter/reload", {}),
    ],
)
def test_an_answer_is_as_described(shown: Live, path: str, body: dict[str, Any]) -> None:
    assert check(shown.post(path, body), "post", path)


def test_a_story_with_all_that_belongs_to_it_is_as_described(shown: Live) -> None:
    answer = check(shown.post("/api/ai/chat", {"message": QUESTION, "tau": 0.0}), "post", "/api/ai/chat")
    opinion = {"thumb": "down", "correction": "Quatro horas.", "passages": [{"n": 1, "relevant": True}]}
    check(shown.post("/api/feedback", {"event_id": answer["event_id"]} | opinion), "post", "/api/feedback")
    story = check(shown.http.get(f"/api/events/{answer['event_id']}"), "get", "/api/events/{id}")
    assert {"retrieval", "passages", "feedback", "opinion"} <= set(story)


@pytest.mark.parametrize("figures", ["summary", "confidence", "latency", "questions", "heatmap"])
def test_figures_of_what_was_asked_are_as_described(shown: Live, figures: str) -> None:
    shown.post("/api/ai/chat", {"message": QUESTION, "tau": 0.0})
    path = f"/api/metrics/{figures}"
    assert check(shown.http.get(path, params={"tz": "Europe/Lisbon"}), "get", path)


def test_files_that_cannot_be_stored_are_told_as_described(shown: Live) -> None:
    files = {"file": ("a.bin", b"\0\1\2")}
    assert check(shown.http.post("/api/documents", files=files), "post", "/api/documents")["error"]


def test_health_with_a_watched_folder_is_as_described(shown: Live) -> None:
    assert check(shown.http.get("/health"), "get", "/health")["watch"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("shown")
    (folder / "watched").mkdir()
    settings = settings_in(folder, watch_dir=folder / "watched")
    with open_services(settings) as services:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        with live(services) as running:
            yield running
