"""Convert a LoRA adapter of PEFT or mlx-lm to GGUF, and have a running AION load it.

    python scripts/convert_lora.py --adapter DIR --base DIR|HUB_ID|FILE.gguf [--out F] [--reload URL [--key-file F]]

The base is only looked at, not converted: a GGUF file's header is enough. Exit code 1 when the adapter
cannot be converted or is not loaded, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from aion.convert.hub import cached_checkpoint, fetch_checkpoint, hub_id
from aion.convert.lora import ADAPTER_TYPES, ConvertedAdapter, convert_lora
from aion.errors import AionError, CheckpointError

RELOAD_TIMEOUT_S = 120


def main() -> int:
    args = parse()
    out = args.out or args.adapter / f"{args.adapter.resolve().name}.gguf"
    try:
        base = resolve_base(args.base, args.allow_pickle)
        converted = convert_lora(
            args.adapter, base, out, args.type, overwrite=args.overwrite or not args.out, progress=show, name=args.name,
            allow_pickle=args.allow_pickle,
        )  # fmt: skip
        report(converted)
        if args.reload:
            reload(args.reload, out.resolve(), args.key_file)
            print(f"{args.reload} has loaded it.")
    except AionError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--adapter",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with adapter_config.json and tensors",
    )
    add(
        "--base", required=True, metavar="BASE", help="the base: a GGUF file, a checkpoint folder or a hub id"
    )
    add(
        "--out",
        type=Path,
        metavar="F",
        help="the GGUF to write; otherwise NAME.gguf in the adapter's folder, made anew",
    )
    add("--type", choices=ADAPTER_TYPES, default="f16", help="type of the matrices (f16)")
    add("--name", help="name of the adapter in its metadata; its folder's otherwise")
    add("--reload", metavar="URL", type=address, help="a running AION that is asked to load the adapter")
    add("--key-file", type=Path, metavar="F", help="a file that holds an admin's key of that AION")
    add("--allow-pickle", action="store_true", help="read .bin files too, running nothing of them")
    add("--overwrite", action="store_true", help="replace the file if it exists")
    return parser.parse_args()


def address(text: str) -> str:
    """An http(s) address without a slash at its end."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no http:// or https:// address")
    return text.rstrip("/")


def resolve_base(given: str, allow_pickle: bool) -> Path:
    """A path as it is; a hub id as its folder, of which the weights are used only when they are here."""
    path, wanted = Path(given), hub_id(given)
    try:
        if path.exists() or (path.suffix == ".gguf" and wanted is None):
            return path
    except OSError as error:  # a name too long, a folder that may not be read
        raise CheckpointError(f"{given:.200} cannot be read ({error.strerror}); check the path.") from error
    if wanted is None:
        raise CheckpointError(f"{given} is no file, no folder and no hub id (owner/name); name the base.")
    return cached_checkpoint(wanted, allow_pickle=allow_pickle) or fetch_checkpoint(wanted, weights=False)


def show(tensor: str, number: int, count: int) -> None:
    """A line for each tenth of the tensors."""
    if number * 10 // count > (number - 1) * 10 // count:
        print(f"{number:>5}/{count} {tensor}", file=sys.stderr, flush=True)


def report(converted: ConvertedAdapter) -> None:
    for warning in converted.warnings:
        print(warning, file=sys.stderr)
    size = converted.path.stat().st_size / 2**20
    print(f"{converted.path}: {converted.n_modules} modules, rank {converted.rank}, {size:.1f} MiB.")


def reload(url: str, path: Path, key_file: Path | None) -> None:
    """Ask the AION at `url` to load `path`, with the key in that file. CheckpointError when it does not."""
    kept = f"{path} is written, but"
    headers = {"Content-Type": "application/json"}
    if key_file is not None:
        headers["Authorization"] = f"Bearer {key_of(key_file, kept)}"
    try:
        request = urllib.request.Request(  # noqa: S310  the scheme was checked
            f"{url}/adapter/reload",
            json.dumps({"path": str(path)}).encode(),
            headers,
        )
        with urllib.request.build_opener(NoRedirect).open(request, timeout=RELOAD_TIMEOUT_S) as response:
            answer = json.loads(response.read())
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace").strip() or error.reason
        raise CheckpointError(f"{kept} {url}/adapter/reload answers {error.code}: {said}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise CheckpointError(
            f"{kept} no AION answers at {url} ({reason}); start it or correct it."
        ) from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        why = answer.get("error") if isinstance(answer, dict) else answer
        raise CheckpointError(f"{kept} {url} did not load it: {why}")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key goes to the address that was named and to no other."""

    def redirect_request(self, *_request: object) -> None:
        return None


def key_of(file: Path, kept: str) -> str:
    """The key a file holds. CheckpointError, which quotes nothing of it, for a file that holds none."""
    try:
        key = file.read_text().strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CheckpointError(f"{kept} {file} cannot be read ({reason}); correct --key-file.") from error
    if not key.startswith("aion_") or not key.isascii() or not key.isprintable() or " " in key:
        raise CheckpointError(
            f"{kept} {file} does not hold one key and nothing else; write what `aion keys add` printed into it."
        )
    return key


if __name__ == "__main__":
    sys.exit(main())
