"""The rules of a grammar, and what makes them unusable: endless, empty in circles, or too large.

Knows nothing of how a grammar is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_MAX_ELEMENTS = 200_000
_MAX_LEFT_PATHS = 100_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters (neither `ref` nor `options`), a rule by name, or a group of alternatives;
    repeated `least` to `most` times (None: without end); `n_elements` is what llama.cpp makes of it once."""

    ref: str = ""
    options: tuple[tuple[Piece, ...], ...] | None = None
    least: int = 1
    most: int | None = 1
    n_elements: int = 1


Alternatives = tuple[tuple[Piece, ...], ...]


def check_rules(rules: dict[str, Alternatives]) -> None:
    """Raises ValueError when a rule is missing, cannot end, begins with itself, or is too large."""
    if "root" not in rules:
        raise ValueError("it has no rule named 'root'")
    missing = {ref for options in rules.values() for ref in _refs(options)} - set(rules)
    if missing:
        raise ValueError(f"the rule {min(missing)!r} is used but not there")
    n_elements = sum(map(_size, rules.values()))
    if n_elements > _MAX_ELEMENTS:
        raise ValueError(f"its repetitions make {n_elements} elements of it, more than {_MAX_ELEMENTS}")
    ending = _closure(rules, lambda options, known: any(all(_ends(p, known) for p in o) for o in options))
    if endless := set(rules) - ending:
        raise ValueError(f"the rule {min(endless)!r} can never come to an end")
    nullable = _closure(rules, _is_nullable)
    for name, options in rules.items():
        _check_loops(name, options, nullable)
    _count_left_paths({name: _left_refs(options, nullable) for name, options in rules.items()})


def _refs(options: Alternatives) -> list[str]:
    pieces = [piece for option in options for piece in option]
    return [p.ref for p in pieces if p.ref] + [r for p in pieces if p.options for r in _refs(p.options)]


def _size(options: Alternatives) -> int:
    pieces = [piece for option in options for piece in option]
    return 1 + sum(p.n_elements + (_size(p.options) if p.options else 0) for p in pieces)


def _closure(rules: dict[str, Alternatives], holds: Callable[[Alternatives, set[str]], bool]) -> set[str]:
    """The rules for which `holds(alternatives, rules known to hold)`, found to a fixed point."""
    users: dict[str, list[str]] = {name: [] for name in rules}
    for name, options in rules.items():
        for ref in set(_refs(options)):
            users[ref].append(name)
    known: set[str] = set()
    todo = list(rules)
    while todo:
        name = todo.pop()
        if name not in known and holds(rules[name], known):
            known.add(name)
            todo += users[name]
    return known


def _ends(piece: Piece, known: set[str]) -> bool:
    if piece.least == 0:
        return True
    if piece.ref:
        return piece.ref in known
    return piece.options is None or any(all(_ends(p, known) for p in o) for o in piece.options)


def _is_nullable(options: Alternatives, known: set[str]) -> bool:
    return any(all(p.least == 0 or _is_body_nullable(p, known) for p in option) for option in options)


def _is_body_nullable(piece: Piece, known: set[str]) -> bool:
    if piece.ref:
        return piece.ref in known
    return piece.options is not None and _is_nullable(piece.options, known)


def _check_loops(name: str, options: Alternatives, nullable: set[str]) -> None:
    for piece in (piece for option in options for piece in option):
        if piece.most is None and _is_body_nullable(piece, nullable):
            raise ValueError(f"the rule {name!r} repeats without end what may be empty")
        if piece.options:
            _check_loops(name, piece.options, nullable)


def _left_refs(options: Alternatives, nullable: set[str]) -> list[str]:
    """The rules that may stand first, once for each way they do."""
    found: list[str] = []
    for option in options:
        for piece in option:
            if piece.ref:
                found.append(piece.ref)
            elif piece.options:
                found += _left_refs(piece.options, nullable)
            if piece.least > 0 and not _is_body_nullable(piece, nullable):
                break
    return found


def _count_left_paths(left: dict[str, list[str]]) -> None:
    """llama.cpp walks every path of first rules: there must be no circle, and not too many paths."""
    n_paths: dict[str, int] = {}
    for root in left:
        todo, open_rules = [root], set[str]()
        while todo:
            name = todo[-1]
            unknown = [ref for ref in left[name] if ref not in n_paths]
            if name in n_paths:
                todo.pop()
            elif not unknown:
                n_paths[name] = 1 + sum(n_paths[ref] for ref in left[name])
                open_rules.discard(name)
                todo.pop()
            elif name in open_rules or unknown[0] == name:
                raise ValueError(f"the rule {name!r} begins with itself (left recursion)")
            else:
                open_rules.add(name)
                todo += dict.fromkeys(unknown)
            if n_paths.get(name, 0) > _MAX_LEFT_PATHS:
                raise ValueError(f"the rule {name!r} can begin in over {_MAX_LEFT_PATHS} ways")
