from __future__ import annotations

import json
from pathlib import Path

import pytest

from aion.cli.metrics import shades, sparkline
from aion.store.connection import Store
from tests.cli.conftest import Run
from tests.events.logged import Log, passage

DAYS = ("--from", "2026-03-09", "--to", "2026-03-11", "--tz", "UTC")


@pytest.fixture
def logged(tmp_path: Path) -> None:
    with Store(tmp_path / "aion.db") as store:
        log = Log(store, "default")
        first = log.answer(passages=[passage(1, score=0.95), passage(2, 2, 0.5)])
        log.answer("2026-03-11T12:00:00.000Z", reason="low_confidence", C=0.3)
        log.feedback(first, thumb="up")


@pytest.mark.usefixtures("logged")
def test_the_log_is_one_page(aion: Run) -> None:
    done = aion("metrics", *DAYS, "--lines", "1")
    assert done.code == 0
    page = done.out.splitlines()
    assert page[0] == "2026-03-09 to 2026-03-11 (UTC)"
    told = {line.split("  ")[0]: line for line in page}
    assert "2  ▁██" in told["questions"]
    assert "1 here, 0 by the paid API, 1 declined" in told["answers"]
    assert "50.0%" in told["fallback share"]
    assert "1.000  1 answers judged" in told["nDCG@10"]
    assert any("^ tau 0.62" in line for line in page)
    assert "|  █| 3" not in done.out
    (document,) = [line for line in page if line.startswith("d1.md")]
    assert "| ▒█| 4, score 0.61" in document
    assert "and 1 more documents" in done.out


@pytest.mark.usefixtures("logged")
def test_json_is_what_the_service_answers(aion: Run) -> None:
    printed = json.loads(aion("metrics", *DAYS, "--json").out)
    assert (printed["from"], printed["summary"]["questions"]) == ("2026-03-09", 2)
    assert [day["questions"] for day in printed["questions"]["days"]] == [0, 1, 1]
    assert printed["heatmap"]["n_documents"] == 2


def test_no_questions_and_wrong_days(aion: Run, tmp_path: Path) -> None:
    missing = aion("metrics")
    assert (missing.code, "does not exist" in missing.err) == (1, True)
    assert not (tmp_path / "aion.db").exists()
    Store(tmp_path / "aion.db").close()
    done = aion("metrics")
    assert (done.code, "Nothing was asked" in done.err) == (0, True)
    done = aion("metrics", "--from", "10/03/2026")
    assert (done.code, done.err.startswith("aion: from is '10/03/2026'; write a date")) == (1, True)


def test_bars_and_shades() -> None:
    assert sparkline([0, 1, 2]) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert shades([0, 1, 50, 100], 100) == " ░▒█"
