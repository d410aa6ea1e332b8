"""`aion config`, as it is run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import Run, command, environment


def test_every_setting_is_listed_with_its_origin(tmp_path: Path, aion: Run) -> None:
    (tmp_path / ".env").write_text("AION_CTX=512\nAION_FALLBACK_API_KEY=sk-secret\nAION_CTXX=1\n")
    ended = aion("config", "--port", "9", AION_TAU_CONFIDENCE="0.7")
    lines = {line.split()[0].rstrip("*"): line for line in ended.out.splitlines() if line.startswith("AION_")}
    assert ended.code == 0
    assert lines["AION_CTX"].split()[1:6] == ["512", ".env", "line", "1", "4096"]
    assert lines["AION_PORT"].split()[1:4] == ["9", "command", "line"]
    assert lines["AION_TAU_CONFIDENCE"].split()[1:4] == ["0.7", "environment", "0.62"]
    assert lines["AION_QUEUE"].split()[1:3] == ["64", "default"]
    assert "AION_CTXX (.env line 3) is no setting of AION; did you mean AION_CTX?" in ended.err
    assert "sk-secret" not in ended.out + ended.err


def test_all_problems_are_told_and_the_exit_code_is_1(aion: Run) -> None:
    wrong = {"AION_PORT": "x", "AION_TOP_P": "7", "AION_FALLBACK_PRICES": "dear", "AION_HOST": "0.0.0.0"}
    ended = aion("config", "--changed", **wrong)
    assert ended.code == 1
    for name in wrong:
        assert f"aion: {name}" in ended.err
    assert "AION_QUEUE" not in ended.out


def test_what_programs_read_has_a_line_a_setting(aion: Run) -> None:
    ended = aion("config", COLUMNS="60")
    assert all(line.startswith(("setting ", "AION_", "PRIMARY_")) for line in ended.out.splitlines())
    (limit,) = [line for line in ended.out.splitlines() if line.startswith("AION_RATE_KEY*")]
    assert limit.rstrip().endswith("requests a minute with one key; 0: any number")


def test_nothing_changed_is_said(tmp_path: Path) -> None:
    kept = {name: value for name, value in environment().items() if name != "AION_THREADS"}
    ended = subprocess.run(
        command("config", "--changed"), cwd=tmp_path, env=kept, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "Every setting has its default.\n")


def test_json_for_programs(aion: Run) -> None:
    ended = aion("config", "--json", "--changed", AION_ALLOWED_HOSTS="aion.empresa.pt")
    told = json.loads(ended.out)
    assert (ended.code, told["problems"], told["unknown"], told["unreadable"]) == (0, [], [], [])
    rows = {each["name"]: each for each in told["settings"]}
    assert set(rows) == {"AION_ALLOWED_HOSTS", "AION_THREADS"}
    assert rows["AION_ALLOWED_HOSTS"]["value"] == "aion.empresa.pt"
    assert (rows["AION_ALLOWED_HOSTS"]["from"], rows["AION_ALLOWED_HOSTS"]["live"]) == ("environment", True)
    assert rows["AION_THREADS"]["live"] is False
