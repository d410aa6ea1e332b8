"""A Hugging Face checkpoint folder: its configuration files and its tensors, one at a time.

Owns which file is which and where a tensor lies; knows neither GGUF nor any architecture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.convert.safetensors import SafetensorsFile
from aion.convert.tensor_file import TensorFile
from aion.convert.torch_pickle import TorchPickle
from aion.errors import CheckpointError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
CONSOLIDATED = "consolidated.safetensors"
F32_MAX = float(np.finfo(np.float32).max)
_PIECE = 1 << 22
_MAX_NESTING = 64


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a checkpoint's weights are called when they are one file, and when they are many."""

    single: str
    index: str
    open: Callable[[Path], TensorFile]


_SAFETENSORS = _Layout(SINGLE, INDEX, SafetensorsFile)
_PICKLES = _Layout("pytorch_model.bin", "pytorch_model.bin.index.json", TorchPickle)


def read_json(path: Path) -> Any:
    """What a JSON file holds; CheckpointError when it cannot be read, or is nested so deeply that those who
    go through it could not."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not readable JSON ({error}); copy it again.") from error
    except RecursionError as error:
        raise _too_deep(path) from error
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_MAX_NESTING):
        inner = (part.values() if isinstance(part, dict) else part for part in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return value
    raise _too_deep(path)


def _too_deep(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} is nested more than {_MAX_NESTING} levels deep; copy it again.")


class Checkpoint:
    """A folder with config.json and weights, complete: every shard the index names is there.

    The weights are safetensors. With `allow_pickle`, and only where there are none, they are those of
    torch.save, read by AION's own reader, which runs nothing of them. Raises CheckpointError, one sentence
    with the file, the value and the way out, for all that is wrong.
    """

    def __init__(self, folder: Path, *, allow_pickle: bool = False) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise CheckpointError(f"{folder} is not a folder; give the folder that holds config.json.")
        if not (folder / "config.json").exists() and (folder / "params.json").exists():
            raise self._consolidated("params.json")
        self.config = self.json("config.json")
        self._layouts = (_SAFETENSORS, _PICKLES) if allow_pickle else (_SAFETENSORS,)
        self._file_of = self._locate()

    @cached_property
    def tokenizer_config(self) -> dict[str, Any]:
        return self.json("tokenizer_config.json", required=False)

    @cached_property
    def tokenizer_json(self) -> dict[str, Any]:
        """tokenizer.json, {} when there is none."""
        return self.json("tokenizer.json", required=False)

    @cached_property
    def generation_config(self) -> dict[str, Any]:
        return self.json("generation_config.json", required=False)

    @property
    def architecture(self) -> str:
        """The first name in config.json's `architectures`, "" when there is none."""
        names = self.config.get("architectures")
        return str(names[0]) if isinstance(names, list) and names else ""

    @property
    def names(self) -> list[str]:
        """Names of all tensors, in the files' order."""
        return list(self._file_of)

    @property
    def files(self) -> list[Path]:
        """The files that hold the tensors."""
        return list(dict.fromkeys(file.path for file in self._file_of.values()))

    def shape(self, name: str) -> tuple[int, ...]:
        return self._file(name).entries[name].shape

    def dtype(self, name: str) -> str:
        """The tensor's type in safetensors' terms: "BF16"."""
        return self._file(name).entries[name].dtype

    def n_bytes(self, name: str) -> int:
        return self._file(name).entries[name].n_bytes

    def f32(self, name: str) -> NDArray[np.float32]:
        """The tensor as float32, converted exactly; missing is a CheckpointError."""
        return self._file(name).f32(name)

    def is_same(self, name: str, other: str) -> bool:
        """True when two tensors have the same type, shape and bytes; compared a piece at a time."""
        a, b = self._file(name).stored(name), self._file(other).stored(other)
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return False
        a, b = a.reshape(-1), b.reshape(-1)
        return all(np.array_equal(a[i : i + _PIECE], b[i : i + _PIECE]) for i in range(0, len(a), _PIECE))

    def read(self, name: str, begin: int, end: int) -> NDArray[Any]:
        """Rows `begin` to `end` as they are stored: float32, float16, or uint16 for bfloat16."""
        return self._file(name).read(name, begin, end)

    def read_bytes(self, name: str, begin: int, end: int) -> NDArray[np.uint8]:
        """Bytes `begin` to `end` of the tensor, whatever its type."""
        return self._file(name).read_bytes(name, begin, end)

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive whole number of config.json, no larger than GGUF's u32."""
        value = self.config.get(key)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 32:
            path = self.folder / "config.json"
            raise CheckpointError(
                f"{path} has {key} = {value!r}, not a whole number above 0 that fits 32 bits; correct it "
                "there."
            )
        return value

    def real(self, key: str, default: float) -> float:
        """A positive number of config.json, no larger than GGUF's f32."""
        value = self.config.get(key)
        value = default if value is None else value
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= F32_MAX:
            path = self.folder / "config.json"
            raise CheckpointError(f"{path} has {key} = {value!r}, not a number above 0; correct it there.")
        return float(value)

    def json(self, name: str, *, required: bool = True) -> dict[str, Any]:
        """A JSON object of the folder; {} when it is absent and not required."""
        path = self.folder / name
        if not path.exists() and not required:
            return {}
        if not path.exists():
            raise CheckpointError(f"{path} is missing; give the folder of a Hugging Face checkpoint.")
        value = read_json(path)
        if not isinstance(value, dict):
            raise CheckpointError(f"{path} holds {type(value).__name__}, not a JSON object; copy it again.")
        return value

    def _file(self, name: str) -> TensorFile:
        if name not in self._file_of:
            raise CheckpointError(f"{self.folder} has no tensor {name}; download the checkpoint again.")
        return self._file_of[name]

    def _locate(self) -> Mapping[str, TensorFile]:
        for layout in self._layouts:
            # The single file goes first, as in transformers: an index beside it is an older save's.
            if (self.folder / layout.single).exists():
                file = layout.open(self.folder / layout.single)
                return dict.fromkeys(file.entries, file)
            if (self.folder / layout.index).exists():
                return self._locate_shards(layout)
        if (self.folder / CONSOLIDATED).exists():
            raise self._consolidated(CONSOLIDATED)
        pickles = sorted(path.name for path in self.folder.glob("*.bin"))
        if pickles and _PICKLES not in self._layouts:
            raise CheckpointError(
                f"{self.folder / pickles[0]} is a pickle, which can run code when read; save the model again "
                "with save_pretrained(..., safe_serialization=True) on a machine that trusts it, or ask to "
                "read it without running it (--allow-pickle; allow_pickle=True in Python)."
            )
        asked = " or ".join(f"{layout.single} nor {layout.index}" for layout in self._layouts)
        raise CheckpointError(f"{self.folder} holds neither {asked}; download one of them.")

    def _locate_shards(self, layout: _Layout) -> dict[str, TensorFile]:
        index = layout.index
        weight_map = self.json(index).get("weight_map")
        if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
            raise CheckpointError(f"{self.folder / index} has no weight_map of names; copy it again.")
        files = {name: self._shard(name, layout) for name in sorted(set(weight_map.values()))}
        for name, shard in weight_map.items():
            if name not in files[shard].entries:
                raise CheckpointError(
                    f"{self.folder / shard} lacks {name}, placed there by {index}; copy both again."
                )
        for shard, file in files.items():
            for name in file.entries:
                if weight_map.get(name) != shard:
                    raise CheckpointError(
                        f"{self.folder / shard} has {name}, unknown to {index}; copy both again."
                    )
        return {name: files[shard] for name, shard in weight_map.items()}

    def _shard(self, name: str, layout: _Layout) -> TensorFile:
        path = self.folder / name
        if Path(name).name != name:
            raise CheckpointError(
                f"{self.folder / layout.index} names the shard {name!r}, not a file beside it; copy it again."
            )
        if not path.exists():
            raise CheckpointError(f"{path} is missing, though {layout.index} names it; download that shard.")
        return layout.open(path)

    def _consolidated(self, found: str) -> CheckpointError:
        return CheckpointError(
            f"{self.folder / found} is of Mistral's own layout, whose tensors have other names; take the "
            "Hugging Face files of the same model (config.json, model*.safetensors), or make them with "
            "transformers' convert_mistral_weights_to_hf.py."
        )
