"""Models that do well with AION, for `aion pull --list`. Facts of each; nothing is measured here."""

from __future__ import annotations

from dataclasses import dataclass

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Recommended:
    """`n_weights` counts parameters; `bits` is what the type stores per weight on the whole; `kv_bytes` is
    what one token of context takes in the f16 cache (2 * layers * heads_kv * head_dim * 2). An embedder
    has no such cache."""

    hub_id: str
    use: str
    licence: str
    file_type: str
    n_weights: int
    bits: float
    download_bytes: int
    kv_bytes: int = 0
    note: str = ""

    @property
    def name(self) -> str:
        return self.hub_id.partition("/")[2]

    @property
    def file_bytes(self) -> int:
        return int(self.n_weights * self.bits / 8)

    def memory_bytes(self, n_cells: int) -> int:
        """Weights, the cache of `n_cells` tokens, and half a GiB for computing."""
        return self.file_bytes + self.kv_bytes * n_cells + _GIB // 2


RECOMMENDED = (
    Recommended(
        "mistralai/Mistral-7B-Instruct-v0.3", "chat", "Apache-2.0", "q4_k_m", 7_248_023_552, 4.83,
        14_496_078_512, 2 * 32 * 8 * 128 * 2,
    ),
    Recommended(
        "Qwen/Qwen2-1.5B-Instruct", "chat", "Apache-2.0", "q4_k_m", 1_543_714_304, 5.11, 3_087_467_144,
        2 * 28 * 2 * 128 * 2,
    ),
    Recommended(
        "microsoft/Phi-3-mini-4k-instruct", "chat", "MIT", "q4_k_m", 3_821_079_552, 5.01, 7_642_181_880,
        2 * 32 * 32 * 96 * 2,
    ),
    Recommended(
        "intfloat/multilingual-e5-small", "embeddings", "MIT", "f16", 117_653_760, 16.0, 470_641_600,
        note="name the file in AION_EMBED_MODEL",
    ),
    Recommended(
        "BAAI/bge-m3", "embeddings", "MIT", "q8_0", 567_754_752, 8.5, 2_271_145_830,
        note="name the file in AION_EMBED_MODEL; published as a pickle: --allow-pickle",
    ),
)  # fmt: skip


def recommended(name: str) -> Recommended | None:
    """The entry of a hub id, or of its name without the owner; case does not matter."""
    wanted = name.lower()
    return next((m for m in RECOMMENDED if wanted in (m.hub_id.lower(), m.name.lower())), None)
