"""Imports go one way, and a few things have one place. The order is DESIGN.md's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = (
    {"", "types", "errors", "partial", "machine", "fair_lock"}, {"settings"}, {"store", "privacy"},
    {"engine", "convert", "rag", "events", "remote"}, {"answer", "train"}, {"server"}, {"cli"}, {"__main__"},
)  # fmt: skip
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
ENVIRONMENT = {"environ", "environb", "getenv"}
OWNERS = {
    "llama_cpp": "engine",
    "apsw": "store",
    "sqlite3": "store",
    "sqlite_vec": "store",
    "openai": "remote",
}


def violations(module: str, source: str) -> list[str]:
    """What `source`, the module of that dotted name, imports or calls and may not."""
    tree = ast.parse(source)
    room = room_of(module)
    return [*bad_imports(room, imports_of(module, tree)), *misplaced(room, tree)]


def bad_imports(room: str, names: Iterator[str]) -> Iterator[str]:
    for name in names:
        top = name.partition(".")[0]
        if name.removeprefix("os.") in ENVIRONMENT and room != "settings":
            yield f"{room} imports {name}; only settings may"
        if top == "aion" and not may_import(room, room_of(name)):
            yield f"{room} imports {name}"
        elif OWNERS.get(top, room) != room:
            yield f"{room} imports {name}; only {OWNERS[top]} may"


def may_import(room: str, other: str) -> bool:
    return room == other or RANK[other] < RANK[room]


def misplaced(room: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in ENVIRONMENT:
                if room != "settings":
                    yield f"{room} reads os.{name}; only settings may"
            case ast.Call(func=ast.Name(id="print")) if room != "cli":
                yield f"{room} prints; only cli may"


def imports_of(module: str, tree: ast.Module) -> Iterator[str]:
    """The full names of what is imported, anywhere in the module, relative ones made whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str:
    """`aion.engine.model` is in room engine; `aion` itself, with its version, in room ""."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANK else _unknown(parts)


def _unknown(parts: list[str]) -> str:
    if len(parts) == 1 or parts[1].startswith("__"):
        return ""
    raise AssertionError(f"{'.'.join(parts)} is in no room of DESIGN.md; name its place in ORDER")


def modules() -> dict[str, Path]:
    paths = (ROOT / "aion").rglob("*.py")
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in paths}


@pytest.mark.parametrize(("module", "path"), modules().items())
def test_a_module_keeps_to_the_order(module: str, path: Path) -> None:
    assert violations(module, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("aion.store.events", "import aion.engine.model"),
        ("aion.store.events", "from aion import server"),
        ("aion.engine.engine", "from aion.rag.retrieve import Retriever"),
        ("aion.rag.load", "from ..convert import convert"),
        ("aion.events.log", "def f():\n    from aion.answer import router"),
        ("aion.settings", "from aion.store.connection import Store"),
        ("aion.answer.router", "from aion.train.loop import Loop"),
        ("aion.types", "from aion.errors import AionError\nfrom aion.settings import Settings"),
        ("aion.rag.load", "import llama_cpp.llama_cpp as lib"),
        ("aion.events.log", "from apsw import Connection"),
        ("aion.server.app", "import os\nhome = os.environ['HOME']"),
        ("aion.engine.model", "from os import getenv"),
        ("aion.engine.model", "print('loaded')"),
    ],
)
def test_the_checker_catches_a_bad_module(module: str, source: str) -> None:
    assert violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("aion.events.log", "from aion.store.events import Events\nfrom aion.types import Event"),
        (
            "aion.server.app",
            "from aion import __version__\nfrom .chat import chat\nimport aion.engine.engine",
        ),
        ("aion.settings", "import os\nos.environ"),
        ("aion.cli", "print(1)"),
        ("aion.engine.library", "import llama_cpp"),
    ],
)
def test_the_checker_lets_a_good_module_pass(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_a_new_room_must_be_given_its_place() -> None:
    with pytest.raises(AssertionError, match="in no room"):
        violations("aion.utils.text", "")
