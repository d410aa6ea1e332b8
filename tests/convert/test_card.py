from __future__ import annotations

from pathlib import Path

import pytest

from aion.convert.card import Card, read_card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "---\nlicense: mit\nlicense_name: \"M\"\nlanguage:\n- pt\n---\n# T\nauthor: no\n",
            Card(license="mit", license_name="M", languages=("pt",)),
        ),
        (
            "---\ntags:\n- a # why\n- 'b: c'\npipeline_tag: t\nlanguage: [pt, 'en', ]\n---\n",
            Card(tags=("a", "b: c", "t"), languages=("pt", "en")),
        ),
        (
            "---\nbase_model:\n  - A/B\n  - https://x.y/z\ndatasets: d\n"
            "model-index:\n- name: n\n  results: []\n---\n",
            Card(base_models=("A/B", "https://x.y/z"), datasets=("d",)),
        ),
        (
            "---\ndescription: >-\n  folded\nauthor: |\nlicense:\n- mit\n- gpl\n---\n",
            Card(license="mit, gpl"),
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
        "general.author": "owner",
        "general.organization": "owner",
        "general.license": "mit",
        "general.source.repo_url": "https://hub/owner/name",
        "aion.source.hash": "abc",
    }


def test_what_a_model_is_made_of_is_listed_as_llama_cpps_converter_does() -> None:
    card = Card(
        base_models=("Qwen/Qwen3-0.6B", "https://huggingface.co/A/B", "C"), datasets=("https://x.y/",)
    )
    assert card.metadata() == {
        "general.base_model.count": 3,
        "general.base_model.0.name": "Qwen3-0.6B",
        "general.base_model.0.organization": "Qwen",
        "general.base_model.0.repo_url": "https://huggingface.co/Qwen/Qwen3-0.6B",
        "general.base_model.1.name": "B",
        "general.base_model.1.organization": "A",
        "general.base_model.1.repo_url": "https://huggingface.co/A/B",
        "general.base_model.2.name": "C",
        "general.dataset.count": 1,
        "general.dataset.0.repo_url": "https://x.y/",
    }


def test_an_author_that_the_readme_names_is_not_the_owner() -> None:
    card = Card(repository="https://huggingface.co/owner/name", author="A").metadata()
    assert (card["general.author"], card["general.organization"]) == ("A", "owner")
