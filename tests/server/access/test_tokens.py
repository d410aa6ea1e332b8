"""Tokens: made once, taken apart, compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from aion.errors import InvalidRequest
from aion.server.access.tokens import Token, add_key, holds, is_ours, parsed
from aion.store.connection import Store
from aion.store.keys import Keys


@pytest.mark.parametrize(
    ("name", "roles", "tenants", "days", "param", "told"),
    [
        ("", ["chat"], ["a"], None, "name", "name is ''"),
        ("x" * 101, ["chat"], ["a"], None, "name", "1 to 100 characters"),
        ("a\tb", ["chat"], ["a"], None, "name", "on one line"),
        ("ana", ["boss"], ["a"], None, "role", "'boss' is no role"),
        ("ana", [], ["a"], None, "tenant", "needs a role"),
        ("ana", ["chat"], [], None, "tenant", "1 to 100 tenants"),
        ("ana", ["chat"], [f"t{n}" for n in range(101)], None, "tenant", "1 to 100 tenants"),
        ("ana", ["chat"], [" a"], None, "tenant", "tenant is ' a'"),
        ("ana", ["chat"], ["a"], 0, "days", "days is 0; give 1 to 36500"),
    ],
)
def test_what_no_key_can_be(
    tmp_path: Path, name: str, roles: list[str], tenants: list[str], days: int | None, param: str, told: str
) -> None:
    with Store(tmp_path / "aion.db") as store, pytest.raises(InvalidRequest) as caught:
        add_key(Keys(store), name, roles, tenants, days)
    assert caught.value.param == param
    assert told in caught.value.message


def test_a_token_is_its_keys_and_no_others(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        ana, token = add_key(Keys(store), "ana", ["chat", "chat"], ["a", "a"], 1)
        rui, other = add_key(Keys(store), "rui", ["chat"], ["*"])
    assert (ana.roles, ana.tenants, rui.expires_at) == (("chat",), ("a",), None)
    assert ana.expires_at is not None
    assert parsed(str(token)) == token
    assert holds(ana, token)
    assert not holds(ana, other)
    assert not holds(None, token)
    assert token.secret not in repr(token)


@pytest.mark.parametrize("text", ["", "aion", "aion_", "aion_a", "aion_a_", "aion__b", "sk-a_b", "AION_a_b"])
def test_what_is_no_token(text: str) -> None:
    assert parsed(text) is None


def test_a_secret_may_hold_anything() -> None:
    assert parsed("aion_a_b_c") == Token("a", "b_c")
    assert not holds(None, Token("a", "\udce9"))
    assert is_ours("aion_")
