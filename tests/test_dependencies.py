"""What pyproject.toml asks to be installed is what the package imports, and nothing less."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Used without an import here: uvicorn takes the first, trafilatura the second.
NOT_IMPORTED = {"uvloop", "lxml-html-clean"}
OF_EXTRAS = {"safetensors", "torch"}


def imported() -> set[str]:
    """The top-level names of other packages that any module of aion imports, anywhere in it."""
    found: set[str] = set()
    for path in (ROOT / "aion").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"aion"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_asked_for_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in project["dependencies"]}
    providers = packages_distributions()
    used = {normal(providers[name][0]) for name in imported() - OF_EXTRAS}
    assert asked - NOT_IMPORTED == used
    assert asked >= NOT_IMPORTED
