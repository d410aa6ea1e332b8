"""Where each value came from, and names that nobody reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aion.settings import Settings
from aion.settings.live import LIVE
from aion.settings.names import unknown_names
from aion.settings.origin import MASK, Explained, explain


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith(("AION_", "PRIMARY_")):
            monkeypatch.delenv(name)


def row(name: str, **overrides: object) -> Explained:
    return next(each for each in explain(**overrides).rows if each.name == name)


def test_the_origin_is_what_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(row("AION_PORT").origin) == "default"
    Path(".env").write_text("# first\n\naion_port=1\nAION_PORT=2\n")
    assert (str(row("AION_PORT").origin), row("AION_PORT").value) == (".env line 4", 2)
    monkeypatch.setenv("aion_port", "3")
    assert (str(row("AION_PORT").origin), row("AION_PORT").value) == ("environment", 3)
    assert (str(row("AION_PORT", port=4).origin), row("AION_PORT", port=4).value) == ("command line", 4)
    assert row("AION_PORT", port=4).default == 8008


@pytest.mark.parametrize("name", ["PRIMARY_TENANT_ID", "AION_TENANT"])
def test_the_tenant_has_two_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "sintra")
    tenant = row("PRIMARY_TENANT_ID")
    assert (tenant.value, tenant.origin.kind) == ("sintra", "environment")
    assert explain().unknown == ()


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert row("AION_FALLBACK_API_KEY").value == ""
    monkeypatch.setenv("AION_FALLBACK_API_KEY", "sk-secret")
    assert row("AION_FALLBACK_API_KEY").value == MASK
    assert "sk-secret" not in repr(explain().rows)


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("AION_TOP_P=7\nAION_CTX=512\n")
    monkeypatch.setenv("AION_PORT", "x")
    rows = {each.name: each for each in explain(queue=-1).rows if each.problem}
    assert {name: each.value for name, each in rows.items()} == {
        "AION_TOP_P": "7", "AION_PORT": "x", "AION_QUEUE": "-1",
    }  # fmt: skip
    assert rows["AION_PORT"].problem.startswith("AION_PORT='x' cannot be used: ")
    assert row("AION_CTX").value == 512


def test_names_that_are_none_are_pointed_out_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AION_TAU_CONFIDENSE", "0.5")
    monkeypatch.setenv("UNRELATED", "1")
    Path(".env").write_text("AIO_PORT=1\nPORT=2\nAION_ZZZZ=3\nPRIMARY_TENANT=x\n")
    told = [name.sentence for name in explain().unknown]
    assert told == [
        "AION_TAU_CONFIDENSE (environment) is no setting of AION; did you mean AION_TAU_CONFIDENCE?",
        "AIO_PORT (.env line 1) is no setting of AION; did you mean AION_PORT?",
        "AION_ZZZZ (.env line 3) is no setting of AION; `aion config` lists those there are.",
        "PRIMARY_TENANT (.env line 4) is no setting of AION; did you mean PRIMARY_TENANT_ID?",
    ]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("AION_PROT", "AION_PORT"), ("AION_MODEL", "AION_BASE_MODEL"), ("AION_FOO", "")],
)
def test_that_all_begin_alike_makes_no_name_near(name: str, nearest: str) -> None:
    assert [each.nearest for each in unknown_names([name], [])] == [nearest]


def test_the_environment_may_have_names_that_only_look_alike() -> None:
    assert unknown_names(["AIO_PORT", "ION_PORT", "PORT"], []) == ()


def test_lines_that_count_for_nothing_are_told() -> None:
    Path(".env").write_text("what is this\nAION_ENV_FILE=other.env\n")
    assert explain().unreadable == (
        ".env line 1 cannot be read; write NAME=VALUE.",
        ".env line 2: AION_ENV_FILE counts in the environment only.",
    )


def test_what_is_live_is_a_setting() -> None:
    assert LIVE.issubset(Settings.model_fields)
    assert {"tau_confidence", "fallback_api_key", "budget_day", "allowed_hosts"} <= LIVE
    assert LIVE.isdisjoint({"port", "host", "db", "base_model", "ctx", "tenant"})
