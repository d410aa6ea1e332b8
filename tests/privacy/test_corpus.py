from __future__ import annotations

import pytest

from aion.privacy import Kind
from tests.privacy import generate
from tests.privacy.scoring import UNSTRUCTURED, read, scores, shown, total

FILES = ("written", "generated", "held_out", "review")
STRUCTURED = [kind for kind in Kind if kind not in UNSTRUCTURED]


@pytest.mark.parametrize("name", FILES)
def test_personal_data_is_found_and_nothing_else(name: str) -> None:
    table = scores(read(name))
    wrong = [line for score in table.values() for line in score.wrong]
    report = "\n".join([shown(name, table), *wrong])
    print(report)  # noqa: T201 - the table is what this test is for
    assert total(table, STRUCTURED).recall >= 0.98, report
    assert total(table).precision >= 0.95, report
    for kind in UNSTRUCTURED:
        assert table[kind].recall >= 0.9, report
        assert table[kind].precision >= 0.9, report


def test_no_kind_hides_behind_the_others() -> None:
    table = scores(one for name in FILES for one in read(name))
    for kind, score in table.items():
        assert score.n_spans >= 15, kind
        assert score.recall >= 0.95, (kind, score.wrong)
        assert score.precision >= 0.95, (kind, score.wrong)


def test_there_are_enough_lines_of_both_sorts() -> None:
    cases = [one for name in FILES for one in read(name)]
    assert sum(bool(one.spans) for one in cases) >= 400
    assert sum(not one.spans for one in cases) >= 400
    assert len(read("written")) + len(read("held_out")) >= 150


def test_the_generated_lines_are_what_the_generator_makes() -> None:
    assert generate.PATH.read_text(encoding="utf-8").splitlines() == generate.build()
