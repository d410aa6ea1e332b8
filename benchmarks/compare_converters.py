"""Where do AION's GGUF files differ from llama.cpp's, tensor by tensor and key by key?

    python benchmarks/compare_converters.py --peer PATH/convert_hf_to_gguf.py [--type f16]

For each configuration of the families in the tests a small random checkpoint is made with transformers
and converted by both. Prints a line a configuration, then every key that differs with the configurations it
differs in. docs/convert.md explains the differences. Needs what the tests need (the extra `dev`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from aion.convert import convert
from aion.convert.gguf_file import GgufFile

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.convert.architectures.reference import save_reference
from tests.convert.architectures.test_families import FAMILIES
from tests.convert.conftest import train_tokenizer


def compare(ours: GgufFile, theirs: GgufFile) -> tuple[list[str], dict[str, str]]:
    """Names of tensors that are not equal byte for byte, and what is different about each key."""
    names = sorted({*ours.tensors, *theirs.tensors})
    tensors = [name for name in names if not same_tensor(ours, theirs, name)]
    keys = {}
    for key in sorted({*ours.pairs, *theirs.pairs}):
        if key not in theirs.pairs:
            keys[key] = f"only AION: {shown(ours, key)}"
        elif key not in ours.pairs:
            keys[key] = f"only llama.cpp: {shown(theirs, key)}"
        elif ours.raw_pair(key) != theirs.raw_pair(key):
            keys[key] = differing(ours, theirs, key)
    return tensors, keys


def same_tensor(ours: GgufFile, theirs: GgufFile, name: str) -> bool:
    if name not in ours.tensors or name not in theirs.tensors:
        return False
    a, b = ours.tensors[name], theirs.tensors[name]
    same_form = (a.shape, a.kind) == (b.shape, b.kind)
    return same_form and ours.stored(name).tobytes() == theirs.stored(name).tobytes()


def differing(ours: GgufFile, theirs: GgufFile, key: str) -> str:
    """Both values; of an array how many items, and the first of them."""
    if key in ours.metadata or key in theirs.metadata:
        return f"AION {shown(ours, key)}, llama.cpp {shown(theirs, key)}"
    pairs = list(zip(ours.array(key), theirs.array(key), strict=False))
    unlike = [(i, a, b) for i, (a, b) in enumerate(pairs) if a != b]
    if not unlike:
        return f"AION {len(ours.array(key))} items, llama.cpp {len(theirs.array(key))}"
    at, a, b = unlike[0]
    return f"{len(unlike)} of {len(pairs)} items, the first at {at}: AION {a}, llama.cpp {b}"


def shown(file: GgufFile, key: str) -> str:
    return str(file.metadata[key])[:40] if key in file.metadata else "an array"


def declare_tokenizer(path: Path) -> None:
    """llama.cpp's converter wants the class named for Phi-3."""
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": "LlamaTokenizer"}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", type=Path, required=True, help="llama.cpp's convert_hf_to_gguf.py")
    parser.add_argument("--type", default="f16", choices=["f32", "f16", "bf16", "q8_0"])
    args = parser.parse_args()
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        tokenizer = train_tokenizer(root / "tokenizer.model")
        for family, (name, config) in FAMILIES.items():
            folder = root / family
            save_reference(folder, tokenizer, name, dtype="bfloat16", **config)
            declare_tokenizer(folder / "tokenizer_config.json")
            ours, theirs = root / f"{family}.aion.gguf", root / f"{family}.peer.gguf"
            convert(folder, ours, args.type)
            peer = [
                sys.executable,
                str(args.peer),
                str(folder),
                "--outfile",
                str(theirs),
                "--outtype",
                args.type,
            ]
            done = subprocess.run(peer, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(
                    f"{family:20} llama.cpp's converter failed: {done.stderr.strip().splitlines()[-1][:100]}"
                )
                continue
            tensors, keys = compare(GgufFile(ours), GgufFile(theirs))
            n = len(GgufFile(ours).tensors)
            print(f"{family:20} {n - len(tensors)} of {n} tensors equal; {len(keys)} keys differ  {tensors}")
            for key, difference in keys.items():
                found[key, difference].append(family)
    print()
    for (key, difference), families in sorted(found.items()):
        where = "all" if len(families) == len(FAMILIES) else ", ".join(families)
        print(f"{key}: {difference}  [{where}]")


if __name__ == "__main__":
    main()
