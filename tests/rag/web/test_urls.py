from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.errors import DocumentError
from aion.rag.web.urls import canonical, host_of, likely_same, shown


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://Sintra.PT", "https://sintra.pt/"),
        ("HTTP://sintra.pt:80/a#top", "http://sintra.pt/a"),
        ("https://sintra.pt.:443/a/../b/./c", "https://sintra.pt/b/c"),
        ("https://sintra.pt/%7Ejo%c3%a3o/pre%C3%A7os?", "https://sintra.pt/~jo%C3%A3o/pre%C3%A7os"),
        ("https://sintra.pt/preços e mais", "https://sintra.pt/pre%C3%A7os%20e%20mais"),
        ("https://sintra.pt/100%", "https://sintra.pt/100%25"),
        ("https://sintra.pt/a?b=2&utm_source=x&a=1&fbclid=y&a=0", "https://sintra.pt/a?b=2&a=1&a=0"),
        ("https://sintra.pt/a;jsessionid=12AF?PHPSESSID=9", "https://sintra.pt/a"),
        ("https://turísmo.pt/", "https://xn--tursmo-5va.pt/"),
        ("http://[2606:4700:0:0::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("\n https://sintra.pt/a\tb ", "https://sintra.pt/ab"),
        ("https://sintra.pt/../../etc/passwd", "https://sintra.pt/etc/passwd"),
        ("https://sintra.pt/a?x=1&&y", "https://sintra.pt/a?x=1&y"),
    ],
)
def test_a_url_has_one_form(url: str, form: str) -> None:
    assert canonical(url) == form


@pytest.mark.parametrize(
    "url",
    [
        "ftp://sintra.pt/", "javascript:alert(1)", "mailto:a@b.pt", "file:///etc/passwd", "/a", "",
        "https://user:secret@sintra.pt/", "https://sintra.pt\\@evil.test/", "https:///a", "http://[::1",
        "https://sintra.pt:99999/", "https://sintra.pt:0/", "http://127.1/", "http://2130706433/",
        "http://0x7f000001/", "http://0177.0.0.1/", "http://[fe80::1%25eth0]/", "http://a b/", "http://-a-.%2f/",
        "https://sintra.pt/" + "a" * 2000, "http://" + "a" * 64 + ".pt/", "http://\ud800.pt/",
    ],
)  # fmt: skip
def test_what_is_not_fetched_is_refused(url: str) -> None:
    with pytest.raises(DocumentError):
        canonical(url)


def test_full_width_digits_are_the_address_they_look_like() -> None:
    assert host_of(canonical("http://１２７．０．０．１/")) == "127.0.0.1"


@given(
    st.sampled_from(["http", "https", "HTTP"]),
    st.from_regex(r"[a-zA-Z0-9á-ú]{1,8}\.[a-z]{2,3}\.?(:[0-9]{1,4})?", fullmatch=True),
    st.text(alphabet=st.sampled_from("/.%;=&?#+~ 0aF2éjsessionidutm_\\[]@:|'"), max_size=40),
)
def test_the_form_of_a_form_is_itself(scheme: str, host: str, rest: str) -> None:
    try:
        once = canonical(f"{scheme}://{host}/{rest}")
    except DocumentError:
        return
    assert canonical(once) == once
    assert canonical(shown(once) if "://" in shown(once) else f"https://{shown(once)}") == once


@given(st.text(max_size=60), st.text(max_size=60))
def test_anything_is_a_url_or_refused(url: str, base: str) -> None:
    for text, root in ((url, None), (url, "https://sintra.pt/a/b"), (f"https://{url}", base)):
        try:
            found = canonical(text, root)
        except DocumentError:
            continue
        assert canonical(found) == found
        assert found.isascii()
        assert found.isprintable()


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://sintra.pt/", "sintra.pt"),
        ("http://sintra.pt/", "http://sintra.pt"),
        ("https://www.sintra.pt/pre%C3%A7os/?q=caf%C3%A9", "www.sintra.pt/preços/?q=café"),
        ("https://xn--tursmo-5va.pt:8443/a%2Fb%20c", "turísmo.pt:8443/a%2Fb%20c"),
        ("https://sintra.pt/%E2%80%AEgpj.exe", "sintra.pt/%E2%80%AEgpj.exe"),
        ("https://sintra.pt/%E7os", "sintra.pt/%E7os"),
    ],
)
def test_people_read_it_without_its_scheme(url: str, form: str) -> None:
    assert shown(url) == form


def test_the_order_of_parameters_is_likely_nothing() -> None:
    assert likely_same("https://a.pt/?b=1&a=2") == likely_same("https://a.pt/?a=2&b=1")
    assert likely_same("https://a.pt/?a=1&a=2") != likely_same("https://a.pt/?a=2&a=1")
