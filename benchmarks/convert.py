"""How fast and in how little memory does `aion convert` work beside llama.cpp's own converter?

    python benchmarks/convert.py --peer PATH/convert_hf_to_gguf.py [--runs 5] [--types f16,q8_0]

PATH is a checkout of llama.cpp (the source package of llama-cpp-python carries one: vendor/llama.cpp).
A checkpoint of 1.1 billion random weights (the shapes of TinyLlama, bf16, two shards, Mistral's own
tokenizer) is made in a temporary folder. Each case runs AION and the peer in turn, a process each,
files in the page cache. An adapter (rank 16, all linear layers, 7B shapes) goes through
scripts/convert_lora.py and the peer's convert_lora_to_gguf.py, where both are there; its base is
only a config.json, so nothing could read base weights. Time is wall time of the process, memory
its peak resident set. Medians, AION's share of the peer's, and every run go to --json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mistral_common
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
TOKENIZER = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
TINY_LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
    "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
    "num_key_value_heads": 4, "vocab_size": 32000, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False,
    "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16",
}  # fmt: skip
MISTRAL_7B = TINY_LLAMA | {
    "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_key_value_heads": 8, "sliding_window": None,
}  # fmt: skip
RANK = 16
# A process counts the memory of the one that started it as its own peak, so a small one starts each run.
WATCH = """
import json, resource, subprocess, sys, time
with open(sys.argv[1], "wb") as log:
    started = time.monotonic()
    code = subprocess.call(sys.argv[2:], stdout=log, stderr=log)
    seconds = time.monotonic() - started
print(json.dumps([code, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""

Shape = tuple[int, ...]
Command = list[str]


@dataclass
class Runs:
    """What a side's processes took, a number a run."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)


@dataclass
class Case:
    """One thing both can do; a command lacks its last word, the output. `peer` None: AION alone."""

    name: str
    aion: Command
    peer: Command | None
    runs: dict[str, Runs] = field(default_factory=lambda: {"aion": Runs(), "peer": Runs()})


# --- what is converted -----------------------------------------------------------------------------


def linear_shapes(config: dict[str, object]) -> Iterator[tuple[str, Shape]]:
    """Each linear layer's module path in the model and its (out, in)."""
    d, ff, n_layer, n_head, n_kv = (
        int(str(config[key]))
        for key in (
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads",
        )
    )  # fmt: skip
    kv = d // n_head * n_kv
    for i in range(n_layer):
        yield from (
            (f"model.layers.{i}.self_attn.q_proj", (d, d)),
            (f"model.layers.{i}.self_attn.k_proj", (kv, d)),
            (f"model.layers.{i}.self_attn.v_proj", (kv, d)),
            (f"model.layers.{i}.self_attn.o_proj", (d, d)),
            (f"model.layers.{i}.mlp.gate_proj", (ff, d)),
            (f"model.layers.{i}.mlp.up_proj", (ff, d)),
            (f"model.layers.{i}.mlp.down_proj", (d, ff)),
        )


def model_shapes(config: dict[str, object]) -> dict[str, Shape]:
    """Every tensor of a Llama-shaped checkpoint."""
    d, n_vocab = int(str(config["hidden_size"])), int(str(config["vocab_size"]))
    shapes: dict[str, Shape] = {"model.embed_tokens.weight": (n_vocab, d)}
    shapes |= {f"{path}.weight": shape for path, shape in linear_shapes(config)}
    for i in range(int(str(config["num_hidden_layers"]))):
        shapes[f"model.layers.{i}.input_layernorm.weight"] = (d,)
        shapes[f"model.layers.{i}.post_attention_layernorm.weight"] = (d,)
    return shapes | {"model.norm.weight": (d,), "lm_head.weight": (n_vocab, d)}


def adapter_shapes(config: dict[str, object]) -> dict[str, Shape]:
    """PEFT's names for a LoRA of every linear layer."""
    shapes: dict[str, Shape] = {}
    for path, (n_out, n_in) in linear_shapes(config):
        shapes[f"base_model.model.{path}.lora_A.weight"] = (RANK, n_in)
        shapes[f"base_model.model.{path}.lora_B.weight"] = (n_out, RANK)
    return shapes


def random_bf16(rng: np.random.Generator, shape: Shape) -> NDArray[np.uint16]:
    """Normal weights of deviation 0.02, around 1 for a vector."""
    values = rng.standard_normal(shape, np.float32) * 0.02 + (len(shape) == 1)
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def write_safetensors(path: Path, shapes: dict[str, Shape], rng: np.random.Generator) -> None:
    header, at = {}, 0
    for name, shape in shapes.items():
        n_bytes = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + n_bytes]}
        at += n_bytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in shapes.values():
            file.write(random_bf16(rng, shape).data)


def write_model_folder(folder: Path, config: dict[str, object]) -> Path:
    """config.json and the tokenizer, no weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens | {"tokenizer_class": "LlamaTokenizer"}))
    shutil.copy(TOKENIZER, folder / "tokenizer.model")
    return folder


def write_checkpoint(folder: Path, config: dict[str, object]) -> Path:
    write_model_folder(folder, config)
    rng, shapes = np.random.default_rng(0), list(model_shapes(config).items())
    halves = {1: dict(shapes[: len(shapes) // 2]), 2: dict(shapes[len(shapes) // 2 :])}
    weight_map: dict[str, str] = {}
    for number, half in halves.items():
        name = f"model-{number:05}-of-00002.safetensors"
        write_safetensors(folder / name, half, rng)
        weight_map |= dict.fromkeys(half, name)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_adapter(folder: Path, config: dict[str, object]) -> Path:
    folder.mkdir()
    targets = sorted({path.rpartition(".")[2] for path, _ in linear_shapes(config)})
    adapter = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 32, "bias": "none",
        "target_modules": targets, "base_model_name_or_path": "base",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    write_safetensors(folder / "adapter_model.safetensors", adapter_shapes(config), np.random.default_rng(1))
    return folder


# --- what is run -----------------------------------------------------------------------------------


def model_cases(work: Path, peer: Path, python: str, types: list[str]) -> Iterator[Case]:
    source = write_checkpoint(work / "model", TINY_LLAMA)
    for file_type in types:
        ours = [sys.executable, "-m", "aion", "convert", str(source), "--type", file_type, "--out"]
        theirs = [python, str(peer), str(source), "--outtype", file_type, "--outfile"]
        yield Case(f"1.1B to {file_type}", ours, theirs)


def adapter_cases(work: Path, peer: Path, python: str) -> Iterator[Case]:
    script, other = ROOT / "scripts" / "convert_lora.py", peer.with_name("convert_lora_to_gguf.py")
    if not script.exists():
        print("scripts/convert_lora.py is not there: no adapter case.")
        return
    base = write_model_folder(work / "base", MISTRAL_7B)
    adapter = write_adapter(work / "adapter", MISTRAL_7B)

    given = ["--base", str(base), "--adapter", str(adapter)]
    ours = [sys.executable, str(script), *given, "--type", "f16", "--out"]
    theirs = [python, str(other), str(adapter), *given[:2], "--outtype", "f16", "--outfile"]
    yield Case("LoRA of 7B to f16", ours, theirs if other.exists() else None)


def run(command: Command, log: Path) -> tuple[float, float]:
    """Seconds and peak MiB of one process."""
    watched = [sys.executable, "-c", WATCH, str(log), *command]
    said = subprocess.run(watched, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
    code, seconds, peak_kib = json.loads(said)
    if code:
        sys.exit(f"{' '.join(command)} ended with {code}:\n{log.read_text()[-2000:]}")
    return seconds, peak_kib / 1024


def measure(case: Case, work: Path, n_runs: int) -> None:
    sides = {"aion": case.aion} | ({"peer": case.peer} if case.peer else {})
    for number in range(n_runs):
        for side, command in sides.items():
            out = work / "out.gguf"
            os.sync()  # no run pays for what the one before it left in the page cache
            seconds, peak = run([*command, str(out)], work / "log")
            out.unlink()
            case.runs[side].seconds.append(seconds)
            case.runs[side].peak_mib.append(peak)
            print(f"  {case.name}, run {number + 1}, {side}: {seconds:.2f} s, {peak:.0f} MiB", flush=True)


# --- what is said ----------------------------------------------------------------------------------


def print_table(cases: list[Case]) -> None:
    head = f"{'':20} {'AION':>9} {'peer':>9} {'ratio':>6}"
    print(f"\nmedian of {len(cases[0].runs['aion'].seconds)} runs\n{head}" if cases else "nothing measured")
    for case in cases:
        for label, unit in (("seconds", "s"), ("peak_mib", "MiB")):
            ours, theirs = (getattr(case.runs[side], label) for side in ("aion", "peer"))
            a, b = statistics.median(ours), statistics.median(theirs) if theirs else float("nan")
            print(f"{case.name:20} {a:9.2f} {b:9.2f} {a / b:6.2f}  {unit}")


def result(cases: list[Case]) -> dict[str, object]:
    machine = {"python": platform.python_version(), "numpy": np.__version__, "cores": os.cpu_count()}
    found: dict[str, object] = {}
    for case in cases:
        sides = {side: runs for side, runs in case.runs.items() if runs.seconds}
        found[case.name] = {
            side: asdict(runs)
            | {
                "median_seconds": statistics.median(runs.seconds),
                "median_peak_mib": statistics.median(runs.peak_mib),
            }
            for side, runs in sides.items()
        }
    return {"machine": machine, "cases": found}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", required=True, type=Path, help="llama.cpp's convert_hf_to_gguf.py")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python with torch and transformers")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--types", default="f16,q8_0", help='of the model; "" measures the adapter alone')
    parser.add_argument("--json", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--temporary", type=Path, help="a folder with 8 GB free (the system's own)")
    args = parser.parse_args()
    if not args.peer.is_file():
        parser.error(f"{args.peer} is not a file; give the path of convert_hf_to_gguf.py")
    done: list[Case] = []
    with tempfile.TemporaryDirectory(dir=args.temporary) as temporary:
        work = Path(temporary)
        types = [t for t in args.types.split(",") if t]
        for cases in (
            model_cases(work, args.peer.resolve(), args.peer_python, types) if types else iter(()),
            adapter_cases(work, args.peer.resolve(), args.peer_python),
        ):
            for case in cases:
                measure(case, work, args.runs)
                done.append(case)
    print_table(done)
    args.json.write_text(json.dumps(result(done), indent=2) + "\n")


if __name__ == "__main__":
    main()
