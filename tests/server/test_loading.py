"""Settings and memory become a placement, a placement a running engine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from aion.convert.gguf_file import GgufFile
from aion.engine.gate import ComputeGate
from aion.engine.library import listening
from aion.engine.model import Model
from aion.engine.placement import Weights
from aion.errors import ModelError, SettingsError
from aion.machine import Memory, memory
from aion.server.loading import load_model, memory_left, placement_of, weights_of
from tests.engine.listening import ask
from tests.server.live import settings_in
from tests.server.sparse import sparse_model

GB = 10**9
PLENTY = Memory(64 * GB, 60 * GB)


@pytest.fixture(scope="session")
def eight_gb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 8 GB of weights in 80 layers; a token of its KV cache takes 20 KB."""
    return sparse_model(tmp_path_factory.mktemp("sparse") / "8gb.gguf", n_wide=16384, n_layers=80)


def test_weights_are_counted_by_layer(chat_model: Model, eight_gb: Path) -> None:
    assert weights_of(GgufFile(chat_model.path)).total == chat_model.n_bytes
    assert len(weights_of(GgufFile(chat_model.path)).layers) == 5
    layer = 2 * 1024 * (3 * 16384 + 2 * 1024 + 2 * 64) + 2 * 1024 * 4
    embedding = 2 * 1024 * 300
    assert weights_of(GgufFile(eight_gb)) == Weights(
        (layer,) * 80, embedding, 80 * layer + embedding + 1024 * 4
    )


def test_the_embedded_model_gets_all_it_can_use(chat_model: Model, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, parallel=0, threads=1)
    chosen = placement_of(settings, chat_model.path, PLENTY)
    assert (chosen.n_ctx, chosen.n_parallel, chosen.gpu_layers, chosen.notice) == (2048, 8, 0, "")


def test_the_engine_is_as_it_was_placed(chat_model: Model, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, parallel=3, ctx=512, kv_type="q8_0", kept_prefixes=2, mmap=False)
    lines: list[str] = []
    with listening(lines.append):
        loaded = load_model(settings, chat_model.path, ComputeGate())
    with closing(loaded):
        said = {" ".join(line.split()) for line in lines}
        assert {"llama_context: n_ctx = 1536", "llama_context: n_seq_max = 3"} <= said
        assert any("( 512 cells, 5 layers, 3/3 seqs)" in line and "K (q8_0)" in line for line in said)
        assert any("load_mode = none" in line for line in said)
        assert loaded.placement is not None
        assert (loaded.engine.n_ctx, loaded.placement.n_parallel) == (512, 3)
        assert ask(loaded.engine, [1, 300, 301]).wait().reason in ("stop", "length")


def test_a_context_left_open_gives_way_and_one_that_is_set_does_not(eight_gb: Path, tmp_path: Path) -> None:
    """Beside the weights there is room for 2048 tokens and a little more."""
    needed = placement_of(settings_in(tmp_path, parallel=1, ctx=2048), eight_gb, PLENTY).host_bytes
    total = 16 * GB
    available = needed + (256 << 20) + total // 50 + 5_000_000
    short = Memory(total, available)
    chosen = placement_of(settings_in(tmp_path, parallel=0), eight_gb, short)
    assert (chosen.n_ctx, chosen.n_parallel) == (2048, 1)
    assert "4096" in chosen.notice
    with pytest.raises(ModelError, match="AION_CTX below 4096"):
        placement_of(settings_in(tmp_path, parallel=1, ctx=4096, mmap=False), eight_gb, short)


def test_a_context_from_the_environment_is_set(
    eight_gb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AION_CTX", "4096")
    chosen = placement_of(settings_in(tmp_path, parallel=0), eight_gb, PLENTY)
    assert (chosen.wishes.n_ctx, chosen.wishes.n_ctx_least) == (4096, 4096)


def test_the_embedder_is_left_its_place(tmp_path: Path) -> None:
    embedder = sparse_model(tmp_path / "embedder.gguf", n_wide=256, n_layers=10)
    n_bytes = embedder.stat().st_size
    with_it = memory_left(settings_in(tmp_path, embed_model=embedder), PLENTY)
    assert with_it == Memory(64 * GB, 60 * GB - n_bytes)
    assert memory_left(settings_in(tmp_path, embed_model=tmp_path / "gone.gguf"), PLENTY) == PLENTY


def test_weights_beyond_the_memory_available_are_only_mapped(eight_gb: Path, tmp_path: Path) -> None:
    chosen = placement_of(settings_in(tmp_path, parallel=0), eight_gb, Memory(32 * GB, 9 * GB))
    assert (chosen.is_tight, chosen.repack) == (True, False)
    assert "8.4 GB" in chosen.notice


def test_a_model_that_cannot_fit_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    path = sparse_model(tmp_path / "huge.gguf", n_wide=memory().total_bytes // 6144 // 256 * 256, n_layers=2)
    lines: list[str] = []
    with listening(lines.append), pytest.raises(ModelError) as caught:
        load_model(settings_in(tmp_path, parallel=0), path, ComputeGate())
    assert caught.value.message.startswith(f"{path} needs ")
    assert "a smaller model or type" in caught.value.message
    assert "\n" not in caught.value.message
    assert all(line.split()[-2:] == ["0.00", "MiB"] for line in lines if "model buffer size" in line)


@pytest.mark.parametrize(
    ("name", "value"), [("kv_type", "q4_0"), ("flash_attention", "maybe"), ("parallel", -1)]
)
def test_a_choice_that_does_not_exist_is_named(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"AION_{name.upper()}={value!r} cannot be used"):
        settings_in(tmp_path, **{name: value})


def test_sequences_may_share_fewer_cells_than_all_may_need(chat_model: Model, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, parallel=4, ctx=512, kv_tokens=1024)
    chosen = placement_of(settings, chat_model.path, PLENTY)
    whole = placement_of(settings_in(tmp_path, parallel=4, ctx=512), chat_model.path, PLENTY)
    assert (chosen.demand.n_cells, whole.demand.n_cells) == (1024, 2048)
    assert chosen.demand.kv_bytes * 2 == whole.demand.kv_bytes
    assert any("for 1024 tokens" in text for _, text in chosen.reasons)
    lines: list[str] = []
    with listening(lines.append), closing(load_model(settings, chat_model.path, ComputeGate())) as loaded:
        assert loaded.engine.n_ctx == 512
    assert any("( 1024 cells" in " ".join(line.split()) for line in lines)


def test_one_sequence_always_has_its_cells(chat_model: Model, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, parallel=4, ctx=512, kv_tokens=1)
    assert placement_of(settings, chat_model.path, PLENTY).demand.n_cells == 512


def test_the_header_is_read_once(chat_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    class Counted(GgufFile):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr("aion.server.loading.GgufFile", Counted)
    load_model(settings_in(tmp_path, parallel=1, ctx=512), chat_model.path, ComputeGate()).close()
    assert opened == [chat_model.path]
