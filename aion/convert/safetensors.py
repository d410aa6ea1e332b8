"""One safetensors file. Owns the checks of its header; knows no checkpoint.

The form: a little-endian u64 n, n bytes of JSON (name -> dtype, shape, data_offsets), then the bytes
of every tensor with no hole and no overlap. A header that says otherwise is a CheckpointError.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from aion.convert.tensor_file import ITEM_BYTES, Entry, TensorFile

MAX_HEADER_BYTES = 100 << 20


class SafetensorsFile(TensorFile):
    """A validated file. Nothing but the header is in memory until a tensor is asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            n_bytes = path.stat().st_size
            with path.open("rb") as file:
                n_header = int.from_bytes(file.read(8), "little")
                self._start = 8 + n_header
                if n_bytes < 8 or n_header > MAX_HEADER_BYTES or self._start > n_bytes:
                    raise self._error(
                        f"is cut off or not safetensors: {n_bytes} bytes, header length {n_header}",
                        "copy it again",
                    )
                header = file.read(n_header)
        except OSError as error:
            raise self._error(
                f"cannot be read ({error.strerror})", "check the folder and its rights"
            ) from error
        self.entries = self._entries(header, n_bytes - self._start)

    def _entries(self, header: bytes, n_data: int) -> dict[str, Entry]:
        try:
            described = json.loads(header)
            described.pop("__metadata__", None)
            entries = {name: self._entry(name, value) for name, value in described.items()}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise self._error("has a header that is not safetensors' JSON", "copy it again") from error
        end = 0
        for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
            if entry.begin != end:
                raise self._error(f"places {name} at byte {entry.begin} where {end} was due", "copy it again")
            end = entry.end
        if end != n_data:
            raise self._error(f"describes {end} bytes of tensors but holds {n_data}", "copy it again")
        return entries

    def _entry(self, name: str, value: dict[str, Any]) -> Entry:
        dtype, shape = str(value["dtype"]), tuple(int(n) for n in value["shape"])
        begin, end = (int(n) for n in value["data_offsets"])
        if dtype not in ITEM_BYTES:
            raise self._error(f"holds {name} as {dtype!r}, which is unknown", "save it as F32, F16 or BF16")
        if min(shape, default=0) < 0 or end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
            raise self._error(
                f"gives {name} {end - begin} bytes, but {dtype} of shape {list(shape)} takes "
                f"{math.prod(shape) * ITEM_BYTES[dtype]}",
                "copy it again",
            )
        return Entry(dtype, shape, begin, end)
