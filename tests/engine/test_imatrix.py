from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aion.engine.imatrix import read_imatrix
from aion.errors import ModelError
from tests.engine.imatrices import write_dat_imatrix, write_gguf_imatrix

DENSE = np.arange(1, 5, dtype=np.float32)


def test_a_gguf_matrix_is_means_and_experts_never_seen_are_one(tmp_path: Path) -> None:
    experts = np.arange(6, dtype=np.float32).reshape(3, 2)
    sums = {"blk.0.ffn_up.weight": DENSE, "blk.0.ffn_up_exps.weight": experts}
    counts = {"blk.0.ffn_up.weight": [4.0], "blk.0.ffn_up_exps.weight": [2.0, 0.0, 4.0]}
    found = read_imatrix(write_gguf_imatrix(tmp_path / "i.gguf", sums, counts))
    assert found.columns["blk.0.ffn_up.weight"].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.columns["blk.0.ffn_up_exps.weight"].tolist() == [0, 0.5, 1, 1, 1, 1.25]
    assert (found.dataset, found.n_chunks) == ("texto.txt", 3)


@pytest.mark.parametrize(("n_chunks", "said"), [(3, ("texto.txt", 3)), (None, ("", 0))])
def test_a_dat_matrix_is_divided_by_its_calls(
    tmp_path: Path, n_chunks: int | None, said: tuple[str, int]
) -> None:
    found = read_imatrix(write_dat_imatrix(tmp_path / "i.dat", {"a": DENSE, "b": DENSE}, 2, n_chunks))
    assert found.columns["b"].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert (found.dataset, found.n_chunks) == said


@pytest.mark.parametrize("n_bytes", [0, 3, 9, 20, 30])
def test_a_matrix_that_is_cut_off_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = write_dat_imatrix(tmp_path / "i.dat", {"a": DENSE}, 2)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(ModelError, match=r"i\.dat is no importance matrix.*llama-imatrix"):
        read_imatrix(path)


def test_other_files_are_refused(tmp_path: Path, models_dir: Path) -> None:
    with pytest.raises(ModelError, match=r"aion-nano\.gguf is no importance matrix.*no sums of squares"):
        read_imatrix(models_dir / "aion-nano.gguf")
    with pytest.raises(ModelError, match="absent cannot be read"):
        read_imatrix(tmp_path / "absent")
    with pytest.raises(ModelError, match="is no importance matrix"):
        read_imatrix(write_gguf_imatrix(tmp_path / "i.gguf", {"a": DENSE}, {}))
    with pytest.raises(ModelError, match="holds NaN or Inf for a"):
        read_imatrix(write_dat_imatrix(tmp_path / "i.dat", {"a": DENSE * np.inf}, 1))
