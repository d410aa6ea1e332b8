from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Ggml

from aion.convert import convert
from aion.engine.quantize import FILE_TYPES, quantize
from aion.engine.row_quantizer import quantize_rows
from aion.errors import ModelError
from tests.convert.conftest import train_tokenizer
from tests.convert.tiny import CONFIG, write_folder
from tests.engine.imatrices import write_dat_imatrix, write_gguf_imatrix
from tests.small_disk import files_up_to


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An f16 model whose rows are whole blocks of 256."""
    folder = tmp_path_factory.mktemp("source")
    tokenizer = train_tokenizer(folder / "tokenizer.model")
    config = CONFIG | {"hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "head_dim": 64}
    return convert(write_folder(folder / "c", tokenizer, config), folder / "f16.gguf", "f16")


def types(path: Path) -> Counter[str]:
    return Counter(t.tensor_type.name for t in gguf.GGUFReader(path).tensors)


def tensor(path: Path, name: str) -> Any:
    return next(t for t in gguf.GGUFReader(path).tensors if t.name == name)


def importance(source: Path) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Random mean squares for every matrix."""
    rng = np.random.default_rng(0)
    matrices = [t for t in gguf.GGUFReader(source).tensors if len(t.shape) > 1]
    return {t.name: rng.exponential(size=int(t.shape[0])).astype(np.float32) for t in matrices}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    ("file_type", "has"),
    [("q4_k_m", {"Q4_K", "Q6_K"}), ("Q5_K_M", {"Q5_K"}), ("q6_k", {"Q6_K"}), ("q8_0", {"Q8_0"}),
     ("q3_k_m", {"Q3_K"}), ("q2_k", {"Q2_K"}), ("iq4_xs", {"IQ4_XS"}), ("q4_0", {"Q4_0"})],
)  # fmt: skip
def test_each_type_is_what_it_says(tmp_path: Path, source: Path, file_type: str, has: set[str]) -> None:
    out = quantize(source, tmp_path / "q.gguf", file_type, n_threads=1)
    assert has <= types(out).keys() <= {*has, "F32", "Q3_K", "Q4_K", "Q5_K", "Q6_K"}
    found = gguf.GGUFReader(out).get_field("general.file_type")
    assert found is not None
    assert found.contents() == FILE_TYPES[file_type.lower()]
    assert names(tmp_path) == ["q.gguf"]


def test_weights_are_those_of_the_rows(tmp_path: Path, source: Path) -> None:
    """And every key stays as it was but the file type."""
    out = quantize(source, tmp_path / "q.gguf", "q4_k_s")
    rows = np.asarray(gguf.dequantize(tensor(source, "blk.0.ffn_up.weight").data, Ggml.F16))
    assert tensor(out, "blk.0.ffn_up.weight").data.tobytes() == quantize_rows(rows, Ggml.Q4_K).tobytes()
    before, after = gguf.GGUFReader(source).fields, gguf.GGUFReader(out).fields
    changed = {k for k in before if before[k].contents() != after[k].contents()}
    assert changed == {"general.file_type"}
    assert before.keys() == after.keys()


def test_progress_counts_every_tensor(tmp_path: Path, source: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    quantize(source, tmp_path / "q.gguf", "q4_0", progress=lambda *step: seen.append(step))
    n = sum(types(source).values())
    assert [(i, count) for _, i, count in seen] == [(i, n) for i in range(1, n + 1)]
    assert {name for name, _, _ in seen} == {t.name for t in gguf.GGUFReader(source).tensors}


@pytest.mark.parametrize("write", ["gguf", "dat"])
def test_an_importance_matrix_is_used_and_named(tmp_path: Path, source: Path, write: str) -> None:
    sums = importance(source)
    path = tmp_path / f"i.{write}"
    if write == "gguf":
        write_gguf_imatrix(path, sums, {name: [1.0] for name in sums})
    else:
        write_dat_imatrix(path, sums, 1)
    plain = quantize(source, tmp_path / "plain.gguf", "q4_k_s")
    out = quantize(source, tmp_path / "q.gguf", "q4_k_s", imatrix=path)
    name = "blk.0.ffn_up.weight"
    assert weighted_error(out, source, name, sums[name]) < weighted_error(plain, source, name, sums[name])
    said = {k: f.contents() for k, f in gguf.GGUFReader(out).fields.items() if k.startswith("quantize.")}
    assert said == {
        "quantize.imatrix.file": path.name,
        "quantize.imatrix.dataset": "texto.txt",
        "quantize.imatrix.entries_count": len(sums),
        "quantize.imatrix.chunks_count": 3,
    }


def weighted_error(path: Path, source: Path, name: str, weights: np.ndarray[Any, Any]) -> float:
    stored, exact = (tensor(p, name) for p in (path, source))
    error = gguf.dequantize(stored.data, stored.tensor_type) - gguf.dequantize(exact.data, exact.tensor_type)
    return float((error**2 * weights).sum())


def test_the_smallest_types_ask_for_a_matrix(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ModelError, match="q2_k_s needs an importance matrix; give one made with"):
        quantize(source, tmp_path / "q.gguf", "q2_k_s")
    path = write_dat_imatrix(tmp_path / "i.dat", importance(source), 1)
    assert types(quantize(source, tmp_path / "q.gguf", "q2_k_s", imatrix=path))["Q2_K"] > 0


def test_a_matrix_of_another_model_is_refused(tmp_path: Path, source: Path) -> None:
    path = write_dat_imatrix(tmp_path / "i.dat", {"blk.9.ffn_up.weight": np.ones(256, np.float32)}, 1)
    with pytest.raises(ModelError, match=r"speaks of blk\.9\.ffn_up\.weight and of nothing"):
        quantize(source, tmp_path / "q.gguf", "q4_k_m", imatrix=path)
    write_dat_imatrix(path, {"blk.0.ffn_up.weight": np.ones(32, np.float32)}, 1)
    with pytest.raises(ModelError, match=r"is of another model than .*imatrix size 32"):
        quantize(source, tmp_path / "q.gguf", "q4_k_m", imatrix=path)
    assert names(tmp_path) == ["i.dat"]


def test_what_is_quantised_already_is_refused_but_q8_0(tmp_path: Path, source: Path) -> None:
    packed = quantize(source, tmp_path / "a.gguf", "q4_k_m")
    with pytest.raises(ModelError, match=r"a\.gguf is quantised already \(q4_K.*name the f16"):
        quantize(packed, tmp_path / "b.gguf", "q5_k_m")
    eight = quantize(source, tmp_path / "c.gguf", "q8_0")
    assert types(quantize(eight, tmp_path / "d.gguf", "q4_k_m"))["Q4_K"] > 0


def test_names_and_files_that_cannot_be_are_refused(tmp_path: Path, source: Path) -> None:
    other = tmp_path / "mine.gguf"
    other.write_bytes(b"GGUF, but no more")
    for given, out, file_type, says in (
        (source, tmp_path / "q.gguf", "q9", "type 'q9' is unknown; use one of f32, f16"),
        (tmp_path / "absent", tmp_path / "q.gguf", "q4_0", "absent is not a file"),
        (source, other, "q4_0", "mine.gguf exists already"),
        (source, source, "q4_0", "f16.gguf is the source itself"),
        (source, tmp_path, "q4_0", "is a folder"),
        (source, tmp_path / "absent" / "q.gguf", "q4_0", "absent does not exist; make it"),
        (other, tmp_path / "q.gguf", "q4_0", "mine.gguf cannot be quantised ("),
    ):
        with pytest.raises(ModelError) as raised:
            quantize(given, out, file_type)
        assert says in raised.value.message
    assert names(tmp_path) == ["mine.gguf"]
    assert types(quantize(source, other, "q4_0", overwrite=True))["Q4_0"] > 0


def test_an_output_that_cannot_grow_leaves_nothing(tmp_path: Path, source: Path) -> None:
    with files_up_to(100_000), pytest.raises(ModelError, match=r"cannot be written.*free space"):
        quantize(source, tmp_path / "q.gguf", "q8_0")
    assert names(tmp_path) == []


def test_an_interruption_leaves_nothing(tmp_path: Path, source: Path) -> None:
    def interrupt(name: str, number: int, count: int) -> None:
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantize(source, tmp_path / "q.gguf", "q4_k_m", progress=interrupt)
    assert names(tmp_path) == []
    for thread in threading.enumerate():
        if thread.name == "aion-quantize":
            thread.join()
    assert types(quantize(source, tmp_path / "q.gguf", "q4_k_m"))["Q4_K"] > 0
