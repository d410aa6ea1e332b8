from __future__ import annotations

import pytest

from aion.rag.web.client import Client
from aion.rag.web.domains import Domains
from aion.rag.web.pace import Pace, retry_after_s
from aion.rag.web.robots import Robots
from aion.rag.web.rules import Rules
from tests.rag.web.site import Answer, FakeClock, Site


def robots_of(site: Site, more: str = "") -> Robots:
    rules = Rules(Domains.parse(f"sintra.test:{site.port}{more}"), "AION/0.1 (a private assistant)")
    return Robots(Client(site.network(), rules.user_agent), Pace(FakeClock()), rules)


def test_only_the_product_token_is_addressed(site: Site) -> None:
    site.text("/robots.txt", "User-agent: private\nDisallow: /\n\nUser-agent: AION\nDisallow: /x\n")
    rules = robots_of(site).of(site.url())
    assert rules.why_not(site.url("/a")) == ""
    assert rules.why_not(site.url("/x/y")) == "robots.txt of sintra.test disallows it."


def test_a_mark_at_the_beginning_and_old_encodings_do_no_harm(site: Site) -> None:
    body = "\ufeffUser-agent: *\nDisallow: /privado\n".encode() + b"Disallow: /pre\xe7os\n"
    site.answers["/robots.txt"] = Answer(body)
    assert robots_of(site).of(site.url()).why_not(site.url("/privado"))


def test_what_is_beyond_the_limit_does_not_count(site: Site) -> None:
    body = b"User-agent: *\nDisallow: /a\n" + b"# filling\n" * 60_000 + b"Disallow: /b\n"
    site.answers["/robots.txt"] = Answer(body)
    rules = robots_of(site).of(site.url())
    assert rules.why_not(site.url("/a"))
    assert not rules.why_not(site.url("/b"))


def test_its_redirects_are_followed_within_the_whitelist(site: Site) -> None:
    site.redirect("/robots.txt", "/r/1")
    site.redirect("/r/1", "/r/2", 307)
    site.text("/r/2", "User-agent: *\nDisallow: /a\n")
    assert robots_of(site).of(site.url()).why_not(site.url("/a"))


@pytest.mark.parametrize("target", ["http://evil.test/robots.txt", "/robots.txt", "gopher://a/"])
def test_its_redirects_elsewhere_or_without_end_forbid_all(site: Site, target: str) -> None:
    site.redirect("/robots.txt", target)
    assert "cannot be had" in robots_of(site).of(site.url()).why_not(site.url("/a"))
    assert len(site.asked) <= 6


def test_a_request_rate_is_a_delay(site: Site) -> None:
    site.text("/robots.txt", "User-agent: *\nRequest-rate: 2/1m\nCrawl-delay: 5\n")
    assert robots_of(site).of(site.url()).delay_s == 30


def test_it_is_fetched_once_an_origin(site: Site) -> None:
    robots = robots_of(site)
    assert robots.of(site.url("/a")) is robots.of(site.url("/b"))
    assert site.asked == ["/robots.txt"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), (" 0 ", 0.0), ("Sun, 22 Nov 2026 10:00:30 GMT", 30.0), ("soon", None), ("", None),
     ("Sun, 22 Nov 2020 10:00:30 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, 1795341600.0) == seconds
