"""What the wiring notices about models and documents that do not belong together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aion.engine.catalog import EMBED_FILE, embedded_file
from aion.errors import ModelError
from aion.server.services import open_services
from tests.server.live import settings_in


@pytest.fixture
def other_embedder(tmp_path: Path) -> Path:
    """The embedded embedder under another name, which is another embedder to AION."""
    data = embedded_file(EMBED_FILE, Path("models")).read_bytes()
    assert data.count(b"aion-embed") == 1
    (tmp_path / "other.gguf").write_bytes(data.replace(b"aion-embed", b"else-embed"))
    return tmp_path / "other.gguf"


def test_documents_of_another_embedder_are_said(tmp_path: Path, other_embedder: Path) -> None:
    (tmp_path / "tour.md").write_text("# Tour\n\nO tour half-day custa 55 €.\n")
    with open_services(settings_in(tmp_path, base_model="")) as services:
        services.library.ingester.ingest([tmp_path / "tour.md"], "default")
        assert "no vector" not in services.notice
    with open_services(settings_in(tmp_path, base_model="", embed_model=other_embedder)) as services:
        assert "1 of 1 chunks have no vector of else-embed:256 yet" in services.notice
        services.library.ingester.ingest([tmp_path / "tour.md"], "default")
    with open_services(settings_in(tmp_path, base_model="", embed_model=other_embedder)) as services:
        assert "no vector" not in services.notice


def test_an_embedding_model_is_no_chat_model(tmp_path: Path) -> None:
    shutil.copy(embedded_file(EMBED_FILE, Path("models")), tmp_path / "chat.gguf")
    settings = settings_in(tmp_path, base_model=str(tmp_path / "chat.gguf"))
    with pytest.raises(ModelError, match=r"chat\.gguf is an embedding model"), open_services(settings):
        pass
