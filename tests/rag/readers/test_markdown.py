from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aion.rag.readers.markdown import read_markdown
from aion.types import Section


def parts(text: str) -> tuple[str | None, tuple[Section, ...]]:
    """The title and the sections of `text`."""
    content = read_markdown(text)
    return content.title, content.sections


def test_atx_headings_make_paths() -> None:
    title, sections = parts("# A\n\num\n\n## B ##\ndois\n\n### **C**\ntrês\n\n## D\nquatro\n")
    assert title == "A"
    assert sections == (
        Section(("A",), "um", 3),
        Section(("A", "B"), "dois", 6),
        Section(("A", "B", "C"), "três", 9),
        Section(("A", "D"), "quatro", 12),
    )


def test_setext_headings_are_headings() -> None:
    title, sections = parts("Sintra\n======\n\num\n\nPreços\n------\ndois\n")
    assert title == "Sintra"
    assert sections == (Section(("Sintra",), "um", 4), Section(("Sintra", "Preços"), "dois", 8))


def test_a_rule_a_list_and_a_table_are_no_setext_headings() -> None:
    text = "um\ndois\n---\ntrês\n\n- item\n---\n\n| a |\n---"
    assert parts(text) == (None, (Section((), text, 1),))


def test_code_has_no_headings() -> None:
    text = "```sh\n# nada\n~~~\n# nada\n```\n    # recuado\n# A\nfim"
    title, sections = parts(text)
    assert title == "A"
    assert [section.headings for section in sections] == [(), ("A",)]


def test_an_open_fence_ends_with_the_text() -> None:
    assert parts("~~~\n# nada\n")[1] == (Section((), "~~~\n# nada", 1),)


def test_front_matter_gives_the_title_and_goes() -> None:
    title, sections = parts('---\nlang: pt\ntitle: "Horários"\n---\n# Outro\num\n')
    assert title == "Horários"
    assert sections == (Section(("Outro",), "um", 6),)


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    title, sections = parts("---\n\num\n\n---\n")
    assert title is None
    assert sections == (Section((), "---\n\num\n\n---", 1),)


def test_a_heading_with_nothing_below_it_is_kept() -> None:
    _, sections = parts("# A\n## Fecha às segundas\n## Abre às 9h\n")
    assert sections == (
        Section(("A", "Fecha às segundas"), "", 2),
        Section(("A", "Abre às 9h"), "", 3),
    )


def test_a_heading_as_long_as_a_paragraph_is_text() -> None:
    assert parts("# " + "palavra " * 40)[0] is None


def test_words_in_a_heading_keep_their_underscores() -> None:
    assert parts("# `AION_DB` e _isto_\n")[0] == "AION_DB e isto"


def test_front_matter_gives_the_date_and_the_tags() -> None:
    content = read_markdown("---\ndate: 2024-01-31T10:00\ntags: [Sintra, 'meio dia']\n---\num\n")
    assert (content.date, content.tags) == ("2024-01-31", ("Sintra", "meio dia"))
    assert read_markdown("---\ntags:\n  - um\n  - dois\ndate: ontem\n---\num").tags == ("um", "dois")
    assert read_markdown("---\nkeywords: um, dois, um\n---\num").tags == ("um", "dois")


LINES = st.sampled_from(
    ["# A", "## B", "texto", "", "---", "===", "```", "- item", "| a |", "title: x", "    c"]
)


@given(st.lists(LINES, max_size=20))
def test_no_line_of_text_is_lost(lines: list[str]) -> None:
    _, sections = parts("\n".join(["início", *lines]))
    read = [line for section in sections for line in section.text.split("\n")]
    assert read.count("texto") + sum("texto" in s.headings[-1:] for s in sections) <= lines.count("texto")
    assert {"- item", "| a |", "    c"} & {*lines} <= {*read}
    for section in sections:
        if section.text:
            assert ["início", *lines][section.line - 1] == section.text.split("\n")[0]
