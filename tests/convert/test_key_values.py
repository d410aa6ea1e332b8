from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.convert.key_values import KeyValueWriter

LISTS = (
    st.lists(st.text(max_size=5) | st.binary(max_size=5), min_size=1) | st.lists(st.booleans(), min_size=1)
    | st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1).map(tuple)
    | st.lists(st.floats(width=32, allow_nan=False), min_size=1)
)  # fmt: skip


def written(writer: gguf.GGUFWriter, path: Path, values: dict[str, Any]) -> bytes:
    for key, value in values.items():
        writer.add_array(key, value) if isinstance(value, list | tuple | bytes) else writer.add_string(
            key, value
        )
    try:
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
    finally:
        writer.close()
    return path.read_bytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.text(min_size=1, max_size=5), LISTS | st.text() | st.binary(min_size=1)))
def test_the_bytes_are_those_of_gguf(tmp_path: Path, values: dict[str, Any]) -> None:
    values = {key: value.decode("latin-1") if value == b"" else value for key, value in values.items()}
    own = written(KeyValueWriter(None, "llama"), tmp_path / "own", values)
    assert own == written(gguf.GGUFWriter(None, "llama"), tmp_path / "gguf", values)


@pytest.mark.parametrize("values", [[1, "a"], [1, 1.0], [True, 1], [[1, 2], [3]]])
def test_mixed_lists_are_left_to_gguf(tmp_path: Path, values: list[Any]) -> None:
    results = []
    for kind in (KeyValueWriter, gguf.GGUFWriter):
        try:
            results.append(written(kind(None, "llama"), tmp_path / kind.__name__, {"k": values}))
        except ValueError as error:
            results.append(str(error).encode())
    assert results[0] == results[1]
