from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.rag.web.page import MAX_LINKS, directives, read_page

URL = "https://sintra.pt/pt/"


def test_links_are_absolute_and_once_each() -> None:
    page = read_page(
        '<a href="a">1</a><A HREF="/b#x">2</A><a href="/b">3</a><area href="?c=1"><a href="tel:1">4</a>'
        '<a>5</a><a href="javascript:void(0)">6</a><a href="//other.pt/">7</a><a href=" ">8</a>'
        '<a rel="nofollow" href="/no">9</a>',
        URL, "AION",
    )  # fmt: skip
    assert page.links == (
        "https://sintra.pt/pt/a", "https://sintra.pt/b", "https://sintra.pt/pt/?c=1", "https://other.pt/",
    )  # fmt: skip


def test_a_base_counts() -> None:
    page = read_page(
        '<head><base href="/en/"><link rel=canonical href="x"></head><a href="a">1</a>', URL, "AION"
    )
    assert (page.links, page.canonical) == (("https://sintra.pt/en/a",), "https://sintra.pt/en/x")


def test_a_canonical_link_in_the_body_is_somebody_else_s() -> None:
    page = read_page('<html><body><p>x</p><link rel="canonical" href="/evil"></body>', URL, "AION")
    assert page.canonical is None


def test_a_refresh_is_a_link() -> None:
    assert read_page('<meta http-equiv="Refresh" content="0; URL=\'/b\'">', URL, "AION").links == (
        "https://sintra.pt/b",
    )


@pytest.mark.parametrize(
    ("head", "header", "is_index", "is_follow"),
    [
        ("", "", True, True),
        ('<meta name=robots content="noindex, follow">', "", False, True),
        ('<meta name="AION" content="none">', "", False, False),
        ('<meta name="googlebot" content="none">', "", True, True),
        ("", "noarchive, nofollow", True, False),
        ("", "googlebot: noindex, nofollow", True, True),
        ("", "googlebot: nofollow, aion: noindex", False, True),
        ("", "unavailable_after: 25 Jun 2030 15:00:00 PST, noindex", False, True),
    ],
)
def test_robots_are_told_what_to_keep(head: str, header: str, is_index: bool, is_follow: bool) -> None:
    page = read_page(f"<html><head>{head}</head><body></body></html>", URL, "AION", header)
    assert (page.is_index_allowed, page.is_follow_allowed) == (is_index, is_follow)


def test_directives_are_words() -> None:
    assert directives("NoIndex , nosnippet", "aion") == {"noindex", "nosnippet"}


def test_links_are_limited() -> None:
    text = "".join(f'<a href="/{n}">x</a>' for n in range(MAX_LINKS + 100))
    assert len(read_page(text, URL, "AION").links) == MAX_LINKS


def test_tags_a_hundred_thousand_deep_are_read() -> None:
    assert read_page("<div>" * 100_000 + '<a href="/b">x</a>', URL, "AION").canonical is None


@given(st.text(alphabet=st.sampled_from("<>/!-='\" \0abhref\n&#;metalinkbs\udc80é"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(read_page(text, URL, "AION").links, tuple)
