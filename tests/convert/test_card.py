from __future__ import annotations

from pathlib import Path

import pytest

from aion.convert.card import Card, read_card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "---\nlicense: mit\nlicense_name: \"M\"\nlanguage:\n- pt\n---\n# T\nauthor: no\n",
            Card(license="mit", license_name="M"),
        ),
        ("# No front matter\nlicense: mit\n", Card()),
        ("---\nlicense: mit", Card(license="mit")),
        ("", Card()),
    ],
)  # fmt: skip
def test_front_matter_is_read(tmp_path: Path, text: str, expected: Card) -> None:
    (tmp_path / "README.md").write_text(text)
    assert read_card(tmp_path) == expected


def test_no_readme_and_no_text_are_an_empty_card(tmp_path: Path) -> None:
    assert read_card(tmp_path) == Card()
    (tmp_path / "README.md").write_bytes(b"\xff\xfe")
    assert read_card(tmp_path) == Card()


def test_what_is_given_goes_before_what_is_read() -> None:
    both = Card(author="A").over(Card(author="B", url="U"))
    assert both.metadata() == {"general.author": "A", "general.source.url": "U"}


def test_what_only_the_converter_knows_is_not_read_from_a_readme(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(
        "---\nsource_hash: forged\nrepository: elsewhere\nlicense: mit\n---\n"
    )
    assert read_card(tmp_path) == Card(license="mit")
    known = Card(repository="https://hub/owner/name", source_hash="abc").over(read_card(tmp_path)).metadata()
    assert known == {
        "general.license": "mit",
        "general.source.repo_url": "https://hub/owner/name",
        "aion.source.hash": "abc",
    }
