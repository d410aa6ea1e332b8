"""`.env` read line by line, and one line of it written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.errors import SettingsError
from aion.settings import load_settings
from aion.settings.env_file import Line, lines_of, write_value


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_each_line_has_its_number(file: Path) -> None:
    file.write_text('A=1\n\n# a comment\nexport AION_PORT = 7 # seven\nbad line\nB="two\nlines"\nC=\nD\n')
    named = [(line.name, line.number) for line in lines_of(file)]
    assert named == [("A", 1), ("AION_PORT", 4), ("", 5), ("B", 6), ("C", 8)]


def test_a_file_that_is_not_there_has_no_lines(file: Path) -> None:
    assert lines_of(file) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "AION_TOP_P=0.5\n"),
        ("OTHER=1", "OTHER=1\nAION_TOP_P=0.5\n"),
        ("# mine\n\nAION_TOP_P=0.9 # long\nOTHER=1\n", "# mine\n\nAION_TOP_P=0.5\nOTHER=1\n"),
        ("aion_top_p=1\nOTHER=1\nAION_TOP_P=1\n", "OTHER=1\nAION_TOP_P=0.5\n"),
    ],
)
def test_one_line_is_written_and_the_rest_stays(file: Path, before: str, after: str) -> None:
    file.write_text(before)
    write_value(file, "AION_TOP_P", "0.5")
    assert file.read_text() == after
    assert load_settings().top_p == 0.5


def test_rights_of_the_file_stay(file: Path) -> None:
    file.write_text("A=1\n")
    file.chmod(0o640)
    write_value(file, "AION_TOP_P", "0.5")
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_new_file_is_the_operators_alone(file: Path) -> None:
    write_value(file, "AION_FALLBACK_API_KEY", "sk-1")
    assert file.stat().st_mode & 0o777 == 0o600


@given(st.text(st.characters(exclude_characters="$\r\0", exclude_categories=["Cs"]), max_size=30))
def test_any_value_comes_back_as_it_was(value: str) -> None:
    file = Path("given.env")
    file.write_text("AION_SYSTEM_PROMPT=x\nB=2\n")
    write_value(file, "AION_SYSTEM_PROMPT", value)
    assert [line.name for line in lines_of(file)] == ["AION_SYSTEM_PROMPT", "B"]


def test_a_value_the_file_would_change_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"AION_SYSTEM_PROMPT='\$\{HOME\}' cannot be written"):
        write_value(file, "AION_SYSTEM_PROMPT", "${HOME}")
    assert not file.exists()


def test_a_mark_of_windows_is_no_part_of_a_name(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfAION_PORT=7\r\nAION_CTX=512\r\n")
    assert (load_settings().port, load_settings().ctx) == (7, 512)
    assert lines_of(file) == (Line("AION_PORT", 1), Line("AION_CTX", 2))


def test_a_file_that_is_no_text_is_a_sentence(file: Path) -> None:
    file.write_bytes(b"AION_TENANT=\xe9\n")
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        load_settings()


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aion.conf").write_text("AION_PORT=9\n")
    monkeypatch.setenv("AION_ENV_FILE", str(tmp_path / "aion.conf"))
    assert load_settings().port == 9
    monkeypatch.setenv("AION_ENV_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"AION_ENV_FILE=.*is no file"):
        load_settings()
