"""Stores a GGUF's weights in fewer bits, by llama.cpp's own quantiser: it knows which tensors bear less.

One quantisation at a time in a process. What the file was converted from is not known here.
"""

from __future__ import annotations

import ctypes
import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aion.engine import library
from aion.engine.imatrix import Imatrix, read_imatrix
from aion.engine.library import lib
from aion.errors import ModelError
from aion.partial import too_little_room, whole_file

Progress = Callable[[str, int, int], None]

# name -> llama_ftype; _M and _S keep more and fewer tensors in more bits
FILE_TYPES: dict[str, int] = {
    "f32": lib.LLAMA_FTYPE_ALL_F32, "f16": lib.LLAMA_FTYPE_MOSTLY_F16, "bf16": lib.LLAMA_FTYPE_MOSTLY_BF16,
    "q8_0": lib.LLAMA_FTYPE_MOSTLY_Q8_0, "q6_k": lib.LLAMA_FTYPE_MOSTLY_Q6_K,
    "q5_k_m": lib.LLAMA_FTYPE_MOSTLY_Q5_K_M, "q5_k_s": lib.LLAMA_FTYPE_MOSTLY_Q5_K_S,
    "q5_1": lib.LLAMA_FTYPE_MOSTLY_Q5_1, "q5_0": lib.LLAMA_FTYPE_MOSTLY_Q5_0,
    "q4_k_m": lib.LLAMA_FTYPE_MOSTLY_Q4_K_M, "q4_k_s": lib.LLAMA_FTYPE_MOSTLY_Q4_K_S,
    "q4_1": lib.LLAMA_FTYPE_MOSTLY_Q4_1, "q4_0": lib.LLAMA_FTYPE_MOSTLY_Q4_0,
    "iq4_nl": lib.LLAMA_FTYPE_MOSTLY_IQ4_NL, "iq4_xs": lib.LLAMA_FTYPE_MOSTLY_IQ4_XS,
    "q3_k_l": lib.LLAMA_FTYPE_MOSTLY_Q3_K_L, "q3_k_m": lib.LLAMA_FTYPE_MOSTLY_Q3_K_M,
    "q3_k_s": lib.LLAMA_FTYPE_MOSTLY_Q3_K_S, "iq3_m": lib.LLAMA_FTYPE_MOSTLY_IQ3_M,
    "iq3_s": lib.LLAMA_FTYPE_MOSTLY_IQ3_S, "iq3_xs": lib.LLAMA_FTYPE_MOSTLY_IQ3_XS,
    "iq3_xxs": lib.LLAMA_FTYPE_MOSTLY_IQ3_XXS, "q2_k": lib.LLAMA_FTYPE_MOSTLY_Q2_K,
    "q2_k_s": lib.LLAMA_FTYPE_MOSTLY_Q2_K_S, "iq2_m": lib.LLAMA_FTYPE_MOSTLY_IQ2_M,
    "iq2_s": lib.LLAMA_FTYPE_MOSTLY_IQ2_S, "iq2_xs": lib.LLAMA_FTYPE_MOSTLY_IQ2_XS,
    "iq2_xxs": lib.LLAMA_FTYPE_MOSTLY_IQ2_XXS, "iq1_m": lib.LLAMA_FTYPE_MOSTLY_IQ1_M,
    "iq1_s": lib.LLAMA_FTYPE_MOSTLY_IQ1_S,
}  # fmt: skip
_UNQUANTISED = frozenset({"f64", "f32", "f16", "bf16", "q8_0", "i8", "i16", "i32", "i64"})
_SLAB_BYTES = 256 << 20  # of rows in memory at once; a tensor is cut into slabs of that size
_ROUNDING_BYTES = 1 << 14  # llama.cpp logs sizes in hundredths of a MiB
_TENSOR = re.compile(r"\[ *(\d+)/ *(\d+)\] (\S+) +- \[.*\], type = +(\S+),")
_SIZE = re.compile(r"quant size += +([\d.]+) MiB")
_one_at_a_time = threading.Lock()


@dataclass(slots=True)
class _Outlook:
    """What a dry run says: every tensor's type by its name, the output's size, whether it needs a matrix."""

    types: dict[str, str] = field(default_factory=dict)
    n_bytes: int = 0
    needs_imatrix: bool = False

    def hear(self, line: str) -> None:
        if match := _TENSOR.match(line):
            self.types[match[3]] = match[4]
        elif match := _SIZE.search(line):
            self.n_bytes = int(float(match[1]) * (1 << 20))
        elif "will require an imatrix" in line:
            self.needs_imatrix = True


def quantize(
    source: Path,
    out: Path,
    file_type: str,
    *,
    imatrix: Path | None = None,
    n_threads: int = 1,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the GGUF `source`, in f32, f16, bf16 or q8_0, as `file_type` to `out`, and return `out`.

    `imatrix` is a file of llama-imatrix; the types below 3 bits need one. `progress` is called with
    (tensor, number from 1, count) before each tensor, in the caller's thread. Raises ModelError; then, and
    when interrupted, nothing is left of `out`.
    """
    ftype = _ftype(file_type)
    _refuse_paths(source, out, overwrite)
    matrix = None if imatrix is None else read_imatrix(imatrix)
    library.load()
    with _one_at_a_time:
        outlook = _Outlook()
        _run(source, out, _params(ftype, n_threads, dry_run=True), outlook.hear)
        _refuse(outlook, source, file_type, matrix)
        params = _params(ftype, n_threads, allow_requantize="q8_0" in outlook.types.values())
        _give(params, matrix, imatrix)
        try:
            if said := too_little_room(out, outlook.n_bytes):
                raise ModelError(said)
            with whole_file(out) as path:
                _run(source, path, params, _reporting(progress))
                if path.stat().st_size < outlook.n_bytes - _ROUNDING_BYTES:
                    raise ModelError(f"{out} was not written whole; free space or name another place.")
        except OSError as error:
            raise ModelError(
                f"{out} cannot be written ({error.strerror or error}); free space or name another place."
            ) from error
    return out


def _ftype(file_type: str) -> int:
    found = FILE_TYPES.get(file_type.lower())
    if found is None:
        raise ModelError(f"The type {file_type!r} is unknown; use one of {', '.join(FILE_TYPES)}.")
    return found


def _refuse_paths(source: Path, out: Path, overwrite: bool) -> None:
    try:
        _refuse_named(source, out, overwrite)
    except OSError as error:  # a name too long, a folder that may not be read
        raise ModelError(
            f"{error.filename!s:.200} cannot be used ({error.strerror}); name another file."
        ) from error


def _refuse_named(source: Path, out: Path, overwrite: bool) -> None:
    if not source.is_file():
        raise ModelError(f"{source} is not a file; name a GGUF in f32, f16, bf16 or q8_0.")
    if out.exists() and out.samefile(source):
        raise ModelError(f"{out} is the source itself; name another output.")
    if out.is_dir():
        raise ModelError(f"{out} is a folder; name the file to write.")
    if out.exists() and not overwrite:
        raise ModelError(f"{out} exists already; delete it, name another, or ask to overwrite it.")
    if not out.parent.is_dir():
        raise ModelError(f"The folder {out.parent} does not exist; make it or name another place.")


def _refuse(outlook: _Outlook, source: Path, file_type: str, matrix: Imatrix | None) -> None:
    packed = sorted(set(outlook.types.values()) - _UNQUANTISED)
    if packed:
        raise ModelError(
            f"{source} is quantised already ({', '.join(packed)}), and doing it twice loses more; "
            "name the f16, bf16, f32 or q8_0 file it was made from."
        )
    if matrix is None and outlook.needs_imatrix:
        raise ModelError(
            f"{file_type} needs an importance matrix; give one made with llama-imatrix, or use q3_k_m."
        )
    if matrix is not None and not matrix.columns.keys() & outlook.types.keys():
        name = next(iter(matrix.columns))
        raise ModelError(
            f"The importance matrix speaks of {name} and of nothing {source} has; use one made from this "
            "model."
        )


def _params(ftype: int, n_threads: int, *, dry_run: bool = False, allow_requantize: bool = False) -> Any:
    params = lib.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.max_buf_size = ftype, max(1, n_threads), _SLAB_BYTES
    params.dry_run, params.allow_requantize = dry_run, allow_requantize
    return params


def _give(params: Any, matrix: Imatrix | None, path: Path | None) -> None:
    """Put the matrix into `params`, which keeps it alive, and where it comes from into the output's
    metadata, as llama-quantize does."""
    if matrix is None or path is None:
        return
    data = (lib.llama_model_imatrix_data * (len(matrix.columns) + 1))()  # ends with a nameless one
    for item, (name, values) in zip(data, matrix.columns.items(), strict=False):
        item.name, item.size = name.encode(), values.size
        item.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    said: dict[str, str | int] = {
        "quantize.imatrix.file": path.name,
        "quantize.imatrix.dataset": matrix.dataset,
        "quantize.imatrix.entries_count": len(matrix.columns),
        "quantize.imatrix.chunks_count": matrix.n_chunks,
    }
    pairs = (lib.llama_model_kv_override * (len(said) + 1))()
    for pair, (key, value) in zip(pairs, said.items(), strict=False):
        pair.key = key.encode()
        if isinstance(value, str):
            pair.tag, pair.value.val_str = lib.LLAMA_KV_OVERRIDE_TYPE_STR, _cut(value)
        else:
            pair.tag, pair.value.val_i64 = lib.LLAMA_KV_OVERRIDE_TYPE_INT, value
    params.imatrix, params.kv_overrides = data, pairs


def _cut(text: str) -> bytes:
    """At most 127 bytes, whole characters: the field has no room for more."""
    return text.encode()[:127].decode(errors="ignore").encode()


def _reporting(progress: Progress | None) -> Callable[[str], None]:
    def hear(line: str) -> None:
        if progress is not None and (match := _TENSOR.match(line)):
            progress(match[3], int(match[1]), int(match[2]))

    return hear


def _run(source: Path, out: Path, params: Any, hear: Callable[[str], None]) -> None:
    """Quantise in a thread and give `hear` the log's lines in this one, so that Ctrl-C and what `hear`
    raises come through at once. The thread cannot be stopped then; it ends with the process or by
    itself."""
    lines: queue.SimpleQueue[str | int] = queue.SimpleQueue()

    def work() -> None:
        thread = threading.get_ident()
        with library.listening(lambda line: lines.put(line) if threading.get_ident() == thread else None):
            code = lib.llama_model_quantize(str(source).encode(), str(out).encode(), ctypes.byref(params))
        lines.put(int(code))

    library.forget_complaints()
    threading.Thread(target=work, name="aion-quantize", daemon=True).start()
    while isinstance(heard := lines.get(), str):
        hear(heard)
    if heard:
        raise ModelError(_explained(source))


def _explained(source: Path) -> str:
    reason = library.last_complaint().removeprefix("failed to quantize: ") or "llama.cpp does not say why"
    if "failed to load model" in reason:
        reason = library.first_complaint()
    if "imatrix size" in reason:
        return (
            f"The importance matrix is of another model than {source} ({reason}); make one from this model."
        )
    if "iostream" in reason or "ios_base" in reason or "basic_ios" in reason:
        return (
            f"{source} cannot be quantised: the output cannot be written; free space or name another place."
        )
    return f"{source} cannot be quantised ({reason}); check that it is a whole GGUF model, or make it again."
