from __future__ import annotations

import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aion.convert.torch_pickle import TorchPickle
from aion.errors import CheckpointError

DRAWN = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 4)).astype("<f4"))


class Malicious:
    """Would make a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def save(path: Path, value: object, **options: Any) -> Path:
    torch.save(value, path, **options)
    return path


def repacked(path: Path, change: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """The zip once more, with some members' bytes replaced."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, change.get(name.partition("/")[2], data))
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_type_becomes_float32_exactly(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = DRAWN.to(dtype)
    file = TorchPickle(save(tmp_path / "m.bin", {"a": tensor, "b": tensor[0]}))
    assert file.f32("a").tobytes() == tensor.float().numpy().tobytes()
    assert file.read("a", 2, 5).tobytes() == tensor[2:5].view(torch.uint8).numpy().tobytes()
    assert file.entries["b"].shape == (4,)
    assert list(file.entries) == ["a", "b"]


def test_views_of_one_storage_are_themselves(tmp_path: Path) -> None:
    views = {
        "whole": DRAWN, "turned": DRAWN.t(), "middle": DRAWN[2:4], "column": DRAWN[:, 1],
        "expanded": DRAWN[:1].expand(3, 4), "scalar": DRAWN[1, 1], "empty": DRAWN[:0],
    }  # fmt: skip
    file = TorchPickle(save(tmp_path / "m.bin", views))
    for name, view in views.items():
        expected = view.contiguous().numpy()
        assert file.f32(name).shape == expected.shape
        assert file.f32(name).tobytes() == expected.tobytes(), name
        assert file.read_bytes(name, 0, expected.nbytes).tobytes() == expected.tobytes(), name
    assert file.read("turned", 1, 3).tobytes() == DRAWN.t()[1:3].contiguous().numpy().tobytes()


def test_a_modules_state_dict_is_read(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3))
    file = TorchPickle(save(tmp_path / "m.bin", module.state_dict()))
    assert {n: file.f32(n).tolist() for n in file.entries} == {
        n: t.tolist() for n, t in module.state_dict().items()
    }
    parameters = OrderedDict(module.named_parameters())
    assert (
        TorchPickle(save(tmp_path / "p.bin", parameters)).f32("0.bias").tolist()
        == module.state_dict()["0.bias"].tolist()
    )


def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    path = save(tmp_path / "m.bin", {"a": DRAWN, "b": Malicious(target)})
    with pytest.raises(CheckpointError, match=r"m\.bin wants to call \w+\.mkdir, which a state dict"):
        TorchPickle(path)
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists()


@pytest.mark.parametrize(
    "call", ["os system", "builtins eval", "torch._utils _rebuild_device_tensor_from_numpy"]
)
def test_no_other_function_can_be_named(tmp_path: Path, call: str) -> None:
    module, name = call.split()
    crafted = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X\x04\x00\x00\x00true\x85R."
    path = repacked(save(tmp_path / "m.bin", {"a": DRAWN}), {"data.pkl": crafted})
    with pytest.raises(CheckpointError, match=f"wants to call {module}.{name}"):
        TorchPickle(path)


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def integer(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + integer(24) + b"tQ"
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + integer(0) + b"(" + integer(4) + b"t("
    + integer(1) + b"t\x89)tR"
)  # fmt: skip
STATE = b"](" + STORAGE + integer(0) + b"(" + text("x") + b"t(" + integer(1) + b"teb"
LONGER = TENSOR.replace(b"t(" + integer(1), b"t(" + integer(1) + integer(1))


@pytest.mark.parametrize(
    ("description", "says"),
    [
        (b"}" + text("w") + TENSOR + STATE + b"s", "a description that cannot be read (TypeError)"),
        (b"}" + text("w") + LONGER + b"s", "a description that cannot be read (ValueError)"),
        (b"}" + integer(1) + TENSOR + b"s", "has an unnamed entry of type _Tensor where a tensor is due"),
    ],
    ids=["a tensor's state", "strides of another length", "a name that is no text"],
)
def test_a_crafted_description_is_refused_in_one_sentence(
    tmp_path: Path, description: bytes, says: str
) -> None:
    path = repacked(save(tmp_path / "m.bin", {"a": DRAWN}), {"data.pkl": b"\x80\x02" + description + b"."})
    with pytest.raises(CheckpointError) as raised:
        TorchPickle(path)
    assert says in raised.value.message


def test_attributes_that_a_pickle_sets_on_its_dictionary_change_nothing(tmp_path: Path) -> None:
    ordered = (
        b"ccollections\nOrderedDict\n)R" + text("w") + TENSOR + b"s}" + text("items") + integer(3) + b"sb"
    )
    path = repacked(save(tmp_path / "m.bin", {"a": DRAWN}), {"data.pkl": b"\x80\x02" + ordered + b"."})
    assert TorchPickle(path).f32("w").tolist() == DRAWN.flatten()[:4].tolist()


def test_a_few_rows_of_a_turned_tensor_are_read_without_the_others(tmp_path: Path) -> None:
    drawn = torch.from_numpy(np.random.default_rng(1).normal(size=(512, 1024)).astype("<f4"))
    file = TorchPickle(save(tmp_path / "m.bin", {"turned": drawn.t(), "numbers": drawn.long().t()}))
    expected = drawn.t()[7:9].contiguous().numpy()
    tracemalloc.start()
    found = file.read("turned", 7, 9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tobytes() == expected.tobytes()
    assert peak < drawn.numel() * 4 // 10
    whole = drawn.long().t().contiguous().numpy().tobytes()
    assert file.read_bytes("numbers", 5000, 9001).tobytes() == whole[5000:9001]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"model": {"a": DRAWN}}, "has 'model' of type dict where a tensor is due; save model.state_dict()"),
        ({"epoch": 3}, "has 'epoch' of type int"),
        ([DRAWN], "holds list, no state dict"),
        (DRAWN, "holds _Tensor, no state dict"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, value: object, says: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        TorchPickle(save(tmp_path / "m.bin", value))
    assert says in raised.value.message


def test_forms_that_are_not_torchs_zip_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "m.bin", {"a": DRAWN}, _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match=r"m\.bin is cut off or not in torch's zip form.*torch 1\.6"):
        TorchPickle(path)
    whole = save(path, {"a": DRAWN}).read_bytes()
    for n_bytes in (0, 100, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(CheckpointError, match="cut off or not in torch's zip form"):
            TorchPickle(path)
    with pytest.raises(CheckpointError, match=r"absent cannot be read \(No such file"):
        TorchPickle(tmp_path / "absent")


def test_members_that_lie_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    for change, compression, says in (
        ({}, zipfile.ZIP_DEFLATED, "compressed; save it again with torch.save"),
        ({"data/0": bytes(8)}, zipfile.ZIP_STORED, "places a of shape [6, 4] outside its storage '0'"),
        ({"byteorder": b"big"}, zipfile.ZIP_STORED, "big-endian"),
        ({"data.pkl": b"\x80\x02X"}, zipfile.ZIP_STORED, "a description that cannot be read"),
        ({"data.pkl": pickle.dumps({"a": 1j})}, zipfile.ZIP_STORED, "wants to call builtins.complex"),
    ):
        repacked(save(path, {"a": DRAWN}), change, compression)
        with pytest.raises(CheckpointError) as raised:
            TorchPickle(path)
        assert says in raised.value.message


def test_a_type_that_is_no_weight_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    file = TorchPickle(save(tmp_path / "m.bin", {"a": torch.arange(3), "b": DRAWN.double()}))
    with pytest.raises(CheckpointError, match="holds a as I64"):
        file.f32("a")
    with pytest.raises(CheckpointError, match="holds b as F64"):
        file.read("b", 0, 1)
