from __future__ import annotations

import gzip

import pytest

from aion.errors import DocumentError
from aion.rag.web.sitemap import read_sitemap
from tests.rag.web.conftest import Web
from tests.rag.web.site import Answer
from tests.rag.web.test_crawl import FIRST, SECOND, THIRD, reasons

XMLNS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*urls: str) -> bytes:
    entries = "".join(f"<url>\n<loc> {url} </loc><lastmod>2026-01-01</lastmod></url>" for url in urls)
    return f'<?xml version="1.0"?><urlset {XMLNS}>{entries}</urlset>'.encode()


def index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex {XMLNS}>{entries}</sitemapindex>".encode()


def test_pages_and_sitemaps_are_told_apart() -> None:
    assert read_sitemap(urlset("https://a.pt/?a=1&amp;b=2"), "s").pages == ("https://a.pt/?a=1&b=2",)
    assert read_sitemap(index("https://a.pt/1.xml"), "s").sitemaps == ("https://a.pt/1.xml",)
    assert read_sitemap(b"\xef\xbb\xbfhttps://a.pt/\nhttps://a.pt/b\n", "s").pages[1] == "https://a.pt/b"
    assert read_sitemap(gzip.compress(urlset("https://a.pt/")), "s").pages == ("https://a.pt/",)


def test_a_sitemap_with_images_lists_its_pages_alone() -> None:
    image = b'<image:image xmlns:image="i"><image:loc>https://a.pt/x.jpg</image:loc></image:image></url>'
    assert read_sitemap(urlset("https://a.pt/").replace(b"</url>", image), "s").pages == ("https://a.pt/",)


@pytest.mark.parametrize(
    "data",
    [b"", b"<html><body>Nada</body></html>", b"<", b"nada", b"\x1f\x8bnada", b"<?a b?><url><loc/></url>"],
)
def test_what_is_no_sitemap_is_told(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"^https://a.pt/sitemap.xml "):
        read_sitemap(data, "https://a.pt/sitemap.xml")


def test_a_bomb_is_met_by_the_limit() -> None:
    with pytest.raises(DocumentError, match="unpacks to more than 1,000,000 bytes"):
        read_sitemap(gzip.compress(urlset("https://a.pt/") + b" " * 5_000_000), "s", max_bytes=1_000_000)


def test_entities_are_not_expanded() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE urlset [<!ENTITY l0 "ha"><!ENTITY f SYSTEM "file:///etc/passwd">{laughs}]>'

    def listing(loc: str) -> bytes:
        return f"{head}<urlset {XMLNS}><url><loc>{loc}</loc></url></urlset>".encode()

    assert read_sitemap(listing("https://a.pt/&f;"), "s").pages == ("https://a.pt/",)
    with pytest.raises(DocumentError):
        read_sitemap(listing("https://a.pt/&l11;"), "s")


def test_the_sitemaps_of_robots_txt_are_read_through_an_index(web: Web) -> None:
    web.site.text("/robots.txt", f"Sitemap: {web.site.url('/maps/index.xml')}\n")
    web.site.answers["/maps/index.xml"] = Answer(
        index(web.site.url("/maps/1.xml.gz"), "https://evil.test/2.xml")
    )
    pages = [web.site.url("/pena"), "/regaleira", web.site.url("/", "evil.test"), "nonsense://"]
    web.site.answers["/maps/1.xml.gz"] = Answer(gzip.compress(urlset(*pages)))
    web.site.page("/", FIRST)
    web.site.page("/pena", SECOND)
    web.site.page("/regaleira", THIRD)
    summary = web.crawl(depth=1)
    assert (web.paths, summary.failed) == (["/", "/pena", "/regaleira"], [])
    assert "/sitemap.xml" not in web.site.asked


def test_indexes_of_each_other_end(web: Web) -> None:
    web.site.page("/", FIRST)
    for number in range(9):
        links = [web.site.url(f"/map{n}.xml") for n in range(9)]
        web.site.answers[f"/map{number}.xml"] = Answer(index(*links))
    web.site.answers["/sitemap.xml"] = Answer(index(web.site.url("/map0.xml")))
    web.crawl(max_sitemaps=4)
    assert sum("map" in path for path in web.site.asked) <= 4


def test_only_the_named_part_of_a_sitemap_is_taken(web: Web) -> None:
    web.site.answers["/sitemap.xml"] = Answer(urlset(*map(web.site.url, ["/pt/a", "/en/a", "/pt2"])))
    web.site.page("/pt/", FIRST)
    web.site.page("/pt/a", SECOND)
    web.site.page("/en/a", THIRD)
    web.crawl(web.site.url("/pt/"))
    assert web.paths == ["/pt/", "/pt/a"]


def test_depth_0_is_the_named_page_alone(web: Web) -> None:
    web.site.answers["/sitemap.xml"] = Answer(urlset(web.site.url("/pena")))
    web.site.page("/", FIRST)
    web.crawl()
    web.site.asked.clear()
    web.crawl(depth=0)
    assert web.site.asked == ["/robots.txt", "/"]


def test_a_sitemap_that_is_named_gives_its_pages(web: Web) -> None:
    web.site.answers["/tours.xml"] = Answer(urlset(web.site.url("/pena")))
    web.site.page("/pena", SECOND)
    web.crawl(web.site.url("/tours.xml"))
    assert web.paths == ["/pena"]
    summary = web.crawl(web.site.url("/none.xml"))
    assert "HTTP 404" in reasons(summary.failed)
