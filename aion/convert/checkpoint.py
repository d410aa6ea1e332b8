"""A Hugging Face checkpoint folder: its configuration files and its tensors, one at a time.

Owns which file is which and where a tensor lies; knows neither GGUF nor any architecture.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aion.convert.safetensors import SafetensorsFile
from aion.errors import CheckpointError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


class Checkpoint:
    """A folder with config.json and safetensors, complete: every shard the index names is there.

    Raises CheckpointError, one sentence with the file, the value and the way out, for all that is wrong.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise CheckpointError(f"{folder} is not a folder; give the folder that holds config.json.")
        self.config = self.json("config.json")
        self._file_of = self._locate()

    @cached_property
    def tokenizer_config(self) -> dict[str, Any]:
        return self.json("tokenizer_config.json", required=False)

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

    def shape(self, name: str) -> tuple[int, ...]:
        return self._file(name).entries[name].shape

    def f32(self, name: str) -> NDArray[np.float32]:
        """The tensor as float32, converted exactly; missing is a CheckpointError."""
        return self._file(name).f32(name)

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive whole number of config.json."""
        value = self.config.get(key)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            path = self.folder / "config.json"
            raise CheckpointError(
                f"{path} has {key} = {value!r}, not a whole number above 0; correct it there."
            )
        return value

    def real(self, key: str, default: float) -> float:
        """A positive number of config.json."""
        value = self.config.get(key)
        value = default if value is None else value
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
            path = self.folder / "config.json"
            raise CheckpointError(f"{path} has {key} = {value!r}, not a number above 0; correct it there.")
        return float(value)

    def json(self, name: str, *, required: bool = True) -> dict[str, Any]:
        """A JSON object of the folder; {} when it is absent and not required."""
        path = self.folder / name
        if not path.exists() and not required:
            return {}
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{path} is missing; give the folder of a Hugging Face checkpoint."
            ) from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} is not readable JSON ({error}); copy it again.") from error
        if not isinstance(value, dict):
            raise CheckpointError(f"{path} holds {type(value).__name__}, not a JSON object; copy it again.")
        return value

    def _file(self, name: str) -> SafetensorsFile:
        if name not in self._file_of:
            raise CheckpointError(f"{self.folder} has no tensor {name}; download the checkpoint again.")
        return self._file_of[name]

    def _locate(self) -> dict[str, SafetensorsFile]:
        if (self.folder / INDEX).exists():
            return self._locate_shards()
        if (self.folder / SINGLE).exists():
            file = SafetensorsFile(self.folder / SINGLE)
            return dict.fromkeys(file.entries, file)
        pickles = sorted(path.name for path in self.folder.glob("*.bin"))
        if pickles:
            raise CheckpointError(
                f"{self.folder / pickles[0]} is a pickle, which can run code when read; save the model again "
                "with save_pretrained(..., safe_serialization=True) on a machine that trusts it."
            )
        raise CheckpointError(f"{self.folder} holds neither {SINGLE} nor {INDEX}; download one of them.")

    def _locate_shards(self) -> dict[str, SafetensorsFile]:
        weight_map = self.json(INDEX).get("weight_map")
        if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
            raise CheckpointError(f"{self.folder / INDEX} has no weight_map of names; copy it again.")
        files = {name: self._shard(name) for name in sorted(set(weight_map.values()))}
        for name, shard in weight_map.items():
            if name not in files[shard].entries:
                raise CheckpointError(
                    f"{self.folder / shard} lacks {name}, placed there by {INDEX}; copy both again."
                )
        for shard, file in files.items():
            for name in file.entries:
                if weight_map.get(name) != shard:
                    raise CheckpointError(
                        f"{self.folder / shard} has {name}, unknown to {INDEX}; copy both again."
                    )
        return {name: files[shard] for name, shard in weight_map.items()}

    def _shard(self, name: str) -> SafetensorsFile:
        path = self.folder / name
        if Path(name).name != name:
            raise CheckpointError(
                f"{self.folder / INDEX} names the shard {name!r}, not a file beside it; copy it again."
            )
        if not path.exists():
            raise CheckpointError(f"{path} is missing, though {INDEX} names it; download that shard.")
        return SafetensorsFile(path)
