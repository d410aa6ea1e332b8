"""The page at `/`: its files, its headers, nothing of others."""

from __future__ import annotations

import re

import pytest

from tests.server.live import Live

FILES = ("/", "/panel/ask.js", "/panel/session.js", "/panel/style.css", "/panel/icon.svg")


@pytest.mark.parametrize("path", FILES)
def test_each_file_comes_with_the_headers(sintra: Live, path: str) -> None:
    response = sintra.http.get(path)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_has_no_inline_script_or_style(sintra: Live) -> None:
    page = sintra.http.get("/").text
    assert re.findall(r"<script[^>]*>\s*[^<\s]", page) == []
    assert re.findall(r"<style|\son\w+=|\sstyle=|javascript:", page) == []
    assert page.lower().startswith("<!doctype html>")


@pytest.mark.parametrize("path", FILES)
def test_no_other_host_is_named(sintra: Live, path: str) -> None:
    text = sintra.http.get(path).text.replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w-]+\.\w+", text) == []


def test_what_the_page_links_is_there(sintra: Live) -> None:
    links = re.findall(r'(?:href|src)="([^"]+)"', sintra.http.get("/").text)
    assert len(links) == 3
    assert all(sintra.http.get(f"/{link}").status_code == 200 for link in links)


@pytest.mark.parametrize("path", ["/", "/health"])
def test_head_is_get_without_a_body(sintra: Live, path: str) -> None:
    response = sintra.http.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) > 0
