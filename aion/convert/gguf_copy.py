"""A GGUF writer that starts with another file's key-value pairs, copied byte for byte, arrays unread."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import gguf
from gguf import GGUFValueType
from gguf.gguf_writer import WriterState

from aion.convert.gguf_file import GgufFile

_COPIED = gguf.GGUFValue(value=None, type=GGUFValueType.UINT8)
_OF_PARTS = frozenset({"split.no", "split.count", "split.tensors.count"})


class CopyingWriter(gguf.GGUFWriter):
    """Has every pair of `source` in its order but those of `without` and those that say how a model is cut
    in files. A pair that is added replaces the one of its key, in its place."""

    def __init__(self, source: GgufFile, without: Collection[str] = ()) -> None:
        super().__init__(None, source.architecture)
        self.data_alignment = source.alignment
        self._source = source
        dropped = _OF_PARTS | set(without)
        self.kv_data = [dict.fromkeys((key for key in source.pairs if key not in dropped), _COPIED)]

    def add_key_value(
        self, key: str, val: Any, vtype: GGUFValueType, sub_type: GGUFValueType | None = None
    ) -> None:
        self.kv_data[0][key] = gguf.GGUFValue(value=val, type=vtype, sub_type=sub_type)

    def write_kv_data_to_file(self) -> None:
        assert self.state is WriterState.HEADER
        assert self.fout is not None
        for key, value in self.kv_data[0].items():
            if value is _COPIED:
                self.fout[0].write(self._source.raw_pair(key))
                continue
            self.fout[0].write(self._pack_val(key, GGUFValueType.STRING, add_vtype=False))
            self.fout[0].write(
                self._pack_val(value.value, value.type, add_vtype=True, sub_type=value.sub_type)
            )
        self.state = WriterState.KV_DATA
