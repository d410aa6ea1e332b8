from __future__ import annotations

import pytest

from aion.errors import DocumentError, SettingsError
from aion.rag.web.domains import Domains


@pytest.mark.parametrize(
    ("whitelist", "url", "is_allowed"),
    [
        ("sintra.pt", "https://sintra.pt/a", True),
        ("sintra.pt", "http://www.sintra.pt/", True),
        ("sintra.pt", "https://loja.sintra.pt/", False),
        ("sintra.pt", "https://evilsintra.pt/", False),
        ("sintra.pt", "https://sintra.pt.evil.test/", False),
        ("sintra.pt", "https://sintra.pt:8443/", False),
        ("sintra.pt", "https://sintra.pt:80/", True),
        ("*.sintra.pt", "https://a.b.sintra.pt/", True),
        ("*.sintra.pt", "https://sintra.pt/", False),
        ("sintra.pt:8443", "https://sintra.pt:8443/", True),
        ("sintra.pt:8443", "https://sintra.pt/", False),
        ("sintra.pt:80", "http://sintra.pt/", True),
        (" Sintra.PT., turísmo.pt ", "https://xn--tursmo-5va.pt/", True),
        (" Sintra.PT., turísmo.pt ", "https://sintra.pt/", True),
        ("", "https://sintra.pt/", False),
    ],
)
def test_only_what_is_named_is_allowed(whitelist: str, url: str, is_allowed: bool) -> None:
    assert Domains.parse(whitelist).allows(url) is is_allowed


@pytest.mark.parametrize(
    "name", ["https://sintra.pt", "*", "*.pt", "sintra.pt/a", "a@b.pt", "a b..pt", "x:y"]
)
def test_what_is_no_domain_is_quoted(name: str) -> None:
    with pytest.raises(SettingsError, match="AION_CRAWL_DOMAINS has"):
        Domains.parse(name)


def test_a_refusal_says_what_to_set() -> None:
    with pytest.raises(
        DocumentError, match=r"AION_CRAWL_DOMAINS is empty; set AION_CRAWL_DOMAINS=sintra\.pt "
    ):
        Domains.parse("").check("https://sintra.pt/")
    with pytest.raises(DocumentError, match=r"set AION_CRAWL_DOMAINS=a\.pt,b\.pt,c\.pt:81 to"):
        Domains.parse("a.pt b.pt").check("http://c.pt:81/")
