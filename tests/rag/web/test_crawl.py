"""Crawls of real sites on this machine."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Literal

import pytest

from aion.errors import SettingsError, StoreError
from aion.types import LoadedDocument
from tests.rag.web.conftest import Documents, Web
from tests.rag.web.site import Answer

FIRST = "O passeio de dia inteiro dura oito horas e custa 95 euros por adulto."
SECOND = "O Palácio da Pena abre às nove e meia e fecha às seis e meia da tarde."
THIRD = "A Quinta da Regaleira fica a dez minutos a pé do centro histórico de Sintra."


def reasons(notes: list[tuple[str, str]]) -> str:
    return "\n".join(f"{url} {reason}" for url, reason in notes)


def test_a_page_and_what_it_leads_to_are_documents(web: Web) -> None:
    web.site.page(
        "/", FIRST, links=("/pena", "regaleira", "mailto:a@b.pt", "#top", "https://elsewhere.test/")
    )
    web.site.page("/pena", SECOND, links=("/",))
    web.site.page("/regaleira", THIRD)
    summary = web.crawl()
    assert (summary.added, summary.failed, summary.skipped) == (3, [], [])
    assert web.paths == ["/", "/pena", "/regaleira"]
    document = web.documents.by_location[web.site.url("/pena")]
    assert document.source == web.site.url("/pena")
    assert document.title == SECOND[:30].strip()
    assert SECOND in document.sections[0].text


def test_an_empty_whitelist_names_the_setting_and_the_value(web: Web) -> None:
    with pytest.raises(SettingsError, match=r"AION_CRAWL_DOMAINS is empty.*AION_CRAWL_DOMAINS=sintra.test"):
        web.crawl(domains="")
    assert web.site.asked == []


def test_what_is_not_whitelisted_is_not_asked_for(web: Web) -> None:
    web.site.page("/", FIRST, links=(web.site.url("/", "other.test"),))
    summary = web.crawl(web.site.url(), web.site.url("/", "evil.test"))
    assert web.paths == ["/"]
    assert f"set AION_CRAWL_DOMAINS=sintra.test:{web.site.port},evil.test:" in reasons(summary.failed)
    assert {told["host"] for told in web.site.asked_with} == {f"sintra.test:{web.site.port}"}


def test_the_depth_counts_links(web: Web) -> None:
    for number in range(4):
        web.site.page(f"/{number}", f"{FIRST} Página {number}.", links=(f"/{number + 1}",))
    web.crawl(web.site.url("/0"), depth=1)
    assert web.paths == ["/0", "/1"]


def test_no_more_pages_than_allowed_are_asked_for(web: Web) -> None:
    web.site.page("/", FIRST, links=tuple(f"/{n}" for n in range(10)))
    for number in range(10):
        web.site.page(f"/{number}", f"{SECOND} Página {number}.")
    summary = web.crawl(n_pages=4)
    assert len(web.site.pages) == summary.n_pages == summary.added == 4
    assert summary.n_left == 7


def test_robots_txt_is_obeyed(web: Web) -> None:
    web.site.text("/robots.txt", "User-agent: *\nDisallow: /\n\nUser-agent: aion\nDisallow: /privado/\n")
    web.site.page("/", FIRST, links=("/privado/precos", "/pena"))
    web.site.page("/privado/precos", SECOND)
    web.site.page("/pena", THIRD)
    summary = web.crawl()
    assert web.paths == ["/", "/pena"]
    assert "robots.txt of sintra.test disallows it" in reasons(summary.skipped)
    assert web.site.asked[0] == "/robots.txt"
    assert web.site.asked.count("/robots.txt") == 1
    assert web.site.asked_with[0]["user-agent"] == "AION/0.1 (test)"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_site_whose_robots_txt_fails_is_left_alone(web: Web, status: int) -> None:
    web.site.answers["/robots.txt"] = Answer(status=status)
    web.site.page("/", FIRST)
    summary = web.crawl()
    assert web.site.asked == ["/robots.txt"]
    assert f"robots.txt of sintra.test cannot be had (HTTP {status})" in reasons(summary.failed)
    assert summary.n_left == 0


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_site_without_robots_txt_allows_all(web: Web, status: int) -> None:
    web.site.answers["/robots.txt"] = Answer(status=status)
    web.site.page("/", FIRST)
    assert web.crawl().added == 1


def test_the_longer_delay_is_kept_between_requests(web: Web) -> None:
    web.site.text("/robots.txt", "User-agent: *\nCrawl-delay: 7\n")
    web.site.page("/", FIRST, links=("/pena",))
    web.site.page("/pena", SECOND)
    web.crawl(delay_s=2)
    assert web.site.asked == ["/robots.txt", "/", "/sitemap.xml", "/pena"]
    assert web.clock.slept == [7.0, 7.0, 7.0]


def test_the_setting_is_kept_where_robots_txt_asks_for_less(web: Web) -> None:
    web.site.text("/robots.txt", "User-agent: *\nCrawl-delay: 1\n")
    web.site.page("/", FIRST)
    web.crawl(delay_s=3, depth=0)
    assert web.clock.slept == [3.0]


def test_a_delay_of_an_hour_is_not_waited_for(web: Web) -> None:
    web.site.text("/robots.txt", "User-agent: *\nCrawl-delay: 3600\n")
    web.site.page("/", FIRST)
    summary = web.crawl()
    assert web.site.asked == ["/robots.txt"]
    assert "asks for 3,600 s between two requests" in reasons(summary.failed)


def test_a_host_is_asked_one_thing_at_a_time(web: Web) -> None:
    web.site.page("/", FIRST, links=tuple(f"/{n}" for n in range(8)))
    for number in range(8):
        web.site.page(f"/{number}", f"{SECOND} Página {number}.")
    assert web.crawl().added == 9
    assert web.site.most_at_once == 1


def test_a_busy_server_is_asked_again_when_it_says(web: Web) -> None:
    statuses = [503, 429]

    def busy(_: object) -> Answer:
        if statuses:
            return Answer(status=statuses.pop(), headers={"Retry-After": "30"})
        return Answer(f"<html><body><p>{FIRST}</p></body></html>".encode())

    web.site.answers["/"] = busy
    summary = web.crawl(depth=0)
    assert (summary.added, summary.n_pages) == (1, 1)
    assert web.clock.slept == [1.0, 31.0, 31.0]


def test_a_server_that_stays_busy_is_left(web: Web) -> None:
    web.site.page("/", FIRST, links=("/busy", "/pena"))
    web.site.answers["/busy"] = Answer(status=503)
    web.site.page("/pena", SECOND)
    summary = web.crawl()
    assert web.site.asked.count("/busy") == 3
    assert "answered HTTP 503 3 times" in reasons(summary.failed)
    assert web.paths == ["/", "/pena"]


def test_a_server_that_wants_hours_is_left_at_once(web: Web) -> None:
    web.site.page("/", FIRST, links=("/busy", "/pena"))
    web.site.answers["/busy"] = Answer(status=429, headers={"Retry-After": "7200"})
    web.site.page("/pena", SECOND)
    summary = web.crawl()
    assert web.site.pages == ["/", "/busy"]
    assert "asks to come back in 7,200 s" in reasons(summary.failed)
    assert summary.n_left == 1


def test_the_second_run_asks_only_whether_pages_changed(web: Web) -> None:
    def pena(told: object) -> Answer:
        assert isinstance(told, dict)
        if told.get("if-none-match") == '"v1"':
            return Answer(status=304)
        return Answer(f"<p>{SECOND}</p>".encode(), headers={"Content-Type": "text/html", "ETag": '"v1"'})

    def root(told: object) -> Answer:
        assert isinstance(told, dict)
        if told.get("if-modified-since") == "Sun, 01 Nov 2026 10:00:00 GMT":
            return Answer(status=304)
        return Answer(
            f"<p>{FIRST}</p><a href=/pena>Pena</a>".encode(),
            headers={"Content-Type": "text/html", "Last-Modified": "Sun, 01 Nov 2026 10:00:00 GMT"},
        )

    web.site.answers |= {"/": root, "/pena": pena}
    assert web.crawl().added == 2
    n_before = len(web.site.asked)
    summary = web.crawl()
    assert (summary.added, summary.changed, summary.unchanged) == (0, 0, 2)
    again = [
        told
        for path, told in zip(web.site.asked[n_before:], web.site.asked_with[n_before:], strict=True)
        if path in ("/", "/pena")
    ]
    assert len(again) == 2
    assert all("if-none-match" in told or "if-modified-since" in told for told in again)


def test_a_document_that_was_deleted_is_fetched_again(web: Web) -> None:
    web.site.page("/", FIRST, ETag='"v1"')
    web.crawl(depth=0)
    web.documents.forget(web.site.url())
    assert web.crawl(depth=0).added == 1
    assert "if-none-match" not in web.site.asked_with[-1]


def test_a_changed_page_is_changed_and_a_new_script_is_not(web: Web) -> None:
    web.site.page("/", FIRST)
    web.crawl()
    web.site.page("/", FIRST, head="<script>var nonce = 17</script>")
    assert web.crawl().unchanged == 1
    web.site.page("/", FIRST.replace("95", "99"))
    assert web.crawl().changed == 1


def test_an_interrupted_crawl_goes_on(web: Web) -> None:
    web.site.page("/", FIRST, links=("/pena", "/regaleira"), ETag='"1"')
    web.site.page("/pena", SECOND)
    web.site.page("/regaleira", THIRD)

    def stop(_done: int, _total: int, what: str) -> None:
        if what.endswith("/regaleira"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        web.crawl(progress=stop)
    assert web.paths == ["/", "/pena"]
    not_modified = Answer(status=304)
    page = web.site.answers["/"]
    assert isinstance(page, Answer)
    web.site.answers["/"] = lambda told: not_modified if "if-none-match" in told else page
    summary = web.crawl()
    assert (summary.added, summary.unchanged) == (1, 2)
    assert web.paths == ["/", "/pena", "/regaleira"]


def test_a_page_that_is_gone_is_reported_then_pruned(web: Web) -> None:
    web.site.page("/", FIRST, links=("/pena",))
    web.site.page("/pena", SECOND)
    web.crawl()
    web.site.page("/", FIRST)  # nothing leads to it any more
    del web.site.answers["/pena"]
    for _ in range(2):
        summary = web.crawl()
        assert reasons(summary.gone) == f"{web.site.url('/pena')} it is not there any more (HTTP 404)."
        assert (summary.removed, web.paths) == (0, ["/", "/pena"])
    summary = web.crawl(prune=True)
    assert (summary.removed, web.paths) == (1, ["/"])
    assert web.crawl(prune=True).gone == []


def test_only_the_named_part_is_looked_after(web: Web) -> None:
    web.site.page("/", FIRST, links=("/tours/pena", "/blog/regaleira"))
    web.site.page("/tours/pena", SECOND)
    web.site.page("/blog/regaleira", THIRD)
    web.site.page("/tours", FIRST.replace("95", "90"))
    web.crawl()
    n_before = len(web.site.asked)
    web.crawl(web.site.url("/tours"))
    assert "/blog/regaleira" not in web.site.asked[n_before:]
    assert "/tours/pena" in web.site.asked[n_before:]


def test_noindex_is_not_kept_and_nofollow_not_followed(web: Web) -> None:
    web.site.page("/", FIRST, links=("/a", "/b", "/c"))
    web.site.page("/a", SECOND, head='<meta name="ROBOTS" content="NoIndex">', links=("/d",))
    web.site.page("/b", THIRD, head='<meta name="aion" content="nofollow">', links=("/e",))
    web.site.page(
        "/c", FIRST.replace("95", "97"), X_Robots_Tag="otherbot: noindex, AION: none", links=("/e",)
    )
    web.site.page("/d", SECOND.replace("nove", "dez"))
    web.site.answers["/d"].body += b'<a rel="nofollow ugc" href="/e">x</a>'  # type: ignore[union-attr]
    web.site.page("/e", FIRST.replace("95", "98"))
    summary = web.crawl(depth=4)
    assert web.paths == ["/", "/b", "/d"]
    assert "/e" not in web.site.asked
    assert reasons(summary.skipped).count("asks not to be kept") == 2


def test_a_page_that_asks_not_to_be_kept_any_more_is_gone(web: Web) -> None:
    web.site.page("/", FIRST)
    web.crawl()
    web.site.page("/", FIRST, X_Robots_Tag="noindex")
    assert web.crawl(prune=True).removed == 1
    assert web.paths == []


def test_the_canonical_page_stands_for_its_copies(web: Web) -> None:
    canonical = '<link rel="canonical" href="/pena">'
    web.site.page("/", FIRST, links=("/pena?cor=azul&utm_source=x", "/p/17"))
    web.site.page("/pena?cor=azul", SECOND, head=canonical)
    web.site.page("/p/17", SECOND, head=canonical)
    web.site.page("/pena", SECOND, head=canonical)
    summary = web.crawl()
    assert web.paths == ["/", "/pena"]
    assert "/p/17 it is a copy of" in reasons(summary.skipped)
    assert web.crawl().unchanged == 2


def test_pages_that_call_each_other_the_original_lose_nothing(web: Web) -> None:
    web.site.page("/", FIRST, head='<link rel="canonical" href="/b">')
    web.site.page("/b", FIRST, head='<link rel="canonical" href="/">')
    web.crawl()
    assert web.paths == ["/b"]


def test_a_canonical_link_elsewhere_is_not_believed(web: Web) -> None:
    web.site.page("/", FIRST, head='<link rel="canonical" href="https://evil.test/">')
    web.crawl()
    assert web.paths == ["/"]


def test_the_same_text_is_in_once(web: Web) -> None:
    web.site.page("/", FIRST, links=("/a", "/b"))
    web.site.page("/a", SECOND)
    web.site.page("/b", SECOND)
    summary = web.crawl()
    assert web.paths == ["/", "/a"]
    assert f"/b it has the same text as {web.site.url('/a')}" in reasons(summary.skipped)


def test_redirects_are_followed_within_the_whitelist(web: Web) -> None:
    web.site.redirect("/", "/pt/", 302)
    web.site.redirect("/pt/", "/pt/inicio?utm_campaign=x", 308)
    web.site.page("/pt/inicio", FIRST)
    summary = web.crawl(n_pages=1)
    assert (web.paths, summary.failed) == (["/pt/inicio"], [])


def test_a_redirect_off_the_whitelist_is_not_followed(web: Web) -> None:
    web.site.redirect("/", f"http://evil.test:{web.site.port}/")
    summary = web.crawl(depth=0)
    assert web.site.asked == ["/robots.txt", "/"]
    assert "redirects to where AION may not go: evil.test" in reasons(summary.failed)


@pytest.mark.parametrize("target", ["/", "/loop"])
def test_redirects_in_a_circle_end(web: Web, target: str) -> None:
    web.site.redirect("/", target)
    web.site.redirect("/loop", "/")
    summary = web.crawl(depth=0)
    assert web.paths == []
    assert len(web.site.asked) <= 3
    assert len(summary.failed) + len(summary.skipped) == 1


def test_endless_redirects_end(web: Web) -> None:
    for number in range(20):
        web.site.redirect(f"/{number}", f"/{number + 1}")
    summary = web.crawl(web.site.url("/0"), depth=0)
    assert web.site.pages == [f"/{n}" for n in range(6)]
    assert "goes no further" in reasons(summary.failed)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_a_private_address_is_never_asked(web: Web, address: str) -> None:
    web.site.page("/", FIRST)
    web.site.redirect("/", f"http://inside.test:{web.site.port + 1}/")
    web.addresses["inside.test"] = [address]
    domains = f"sintra.test:{web.site.port},inside.test:{web.site.port + 1}"
    summary = web.crawl(domains=domains, depth=0)
    assert f"inside.test is at {address}, which is not public" in reasons(summary.failed)
    assert web.site.pages == ["/"]


def test_a_calendar_without_end_is_left(web: Web) -> None:
    def day(number: int) -> None:
        links = (f"/agenda?dia={number + 1}", f"/{2000 + number}/05/")
        web.site.page(f"/agenda?dia={number}", f"Nada no dia {number}. {FIRST}", links=links)
        web.site.page(f"/{2000 + number}/05/", f"Arquivo de {2000 + number}. {SECOND}")

    for number in range(60):
        day(number)
    summary = web.crawl(web.site.url("/agenda?dia=0"), depth=40)
    assert 24 <= sum("agenda" in path for path in web.site.pages) <= 26
    assert "pages of a calendar like it are enough" in reasons(summary.skipped)


def test_paths_that_grow_are_left(web: Web) -> None:
    def deeper(path: str, left: int) -> None:
        web.site.page(path, f"{FIRST} {path}", links=(f"{path}x/",))
        if left:
            deeper(f"{path}x/", left - 1)

    deeper("/", 10)
    summary = web.crawl(depth=20)
    assert web.site.pages[-1] == "/x/x/x/"
    assert "grows as a loop of links does" in reasons(summary.skipped)


def test_a_site_that_does_not_answer_is_left_after_a_while(web: Web) -> None:
    web.site.page("/", FIRST, links=tuple(f"/{n}" for n in range(9)))
    for number in range(9):
        web.site.answers[f"/{number}"] = Answer(headers={"Content-Length": "10"}, pieces=lambda: iter([b"x"]))
    summary = web.crawl()
    assert len(web.site.pages) == 4
    assert (len(summary.failed), summary.n_left) == (3, 6)


def test_progress_tells_what_is_waited_for(web: Web) -> None:
    web.site.page("/", FIRST, links=("/pena",))
    web.site.page("/pena", SECOND)
    told: list[tuple[int, int, str]] = []
    web.crawl(progress=lambda *what: told.append(what))
    assert any(what == "waiting 1.0 s for sintra.test" for *_, what in told)
    assert told[-1] == (2, 2, "")


def test_several_hosts_are_asked_at_once(web: Web) -> None:
    both = threading.Barrier(2)

    def page(told: Mapping[str, str]) -> Answer:
        both.wait(10)
        return Answer(f"<html><body><p>{FIRST} {told['host']}</p></body></html>".encode())

    web.site.answers["/"] = page
    hosts = ("sintra.test", "mafra.test")
    summary = web.crawl(
        *(web.site.url("/", host) for host in hosts),
        domains=",".join(f"{host}:{web.site.port}" for host in hosts),
        depth=0,
    )
    assert (summary.added, summary.failed) == (2, [])


class FullDisk(Documents):
    def store(self, document: LoadedDocument) -> Literal["added"]:
        raise StoreError(f"no room for {document.source}")


def test_an_error_of_the_store_is_not_a_page_s(web: Web) -> None:
    web.site.page("/", FIRST)

    web.documents = FullDisk()
    with pytest.raises(StoreError, match="no room for"):
        web.crawl()
    assert web.pages.find("default", web.site.url()) is None


def test_a_site_that_moved_to_another_name_goes_in_again(web: Web) -> None:
    web.site.page("/", FIRST)
    web.crawl()
    summary = web.crawl(web.site.url("/", "mafra.test"), domains=f"mafra.test:{web.site.port}")
    assert (summary.added, summary.skipped) == (1, [])
