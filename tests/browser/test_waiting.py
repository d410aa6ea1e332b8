"""The page while AION loads: it says so in the reader's language, and opens the real one by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from aion.server.app import create_app
from aion.server.lifecycle.front import Front
from aion.server.lifecycle.start import Start
from tests.browser.conftest import Visit
from tests.server.live import Live, serving_app, settings_in


@dataclass(frozen=True)
class Loading:
    url: str
    front: Front
    start: Start


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[Loading]:
    start = Start()
    front = Front(settings_in(tmp_path), start)
    with serving_app(front) as url:
        yield Loading(url, front, start)


def test_it_waits_and_opens_by_itself(visit: Visit, loading: Loading, sintra: Live) -> None:
    page = visit.page
    page.goto(loading.url)
    expect(page.locator("#waiting")).to_contain_text("O AION está carregando")
    loading.start.converting("blk.0", 7, 40)
    expect(page.locator("#stage")).to_contain_text("Convertendo o modelo, só desta vez: 7 / 40")
    visit.picture(f"waiting-{page.viewport_size['width'] if page.viewport_size else 0}")
    loading.front.hand_over(create_app(sintra.services))
    expect(page.get_by_label("Pergunte aos seus documentos")).to_be_visible()
    assert [each for each in visit.complaints if "503" not in each] == []


def test_it_speaks_english_and_says_why_a_start_failed(browser: Browser, loading: Loading) -> None:
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(loading.url)
        expect(page.locator("#waiting")).to_contain_text("AION is loading")
        loading.start.failure = "The model file <b>x.gguf</b> does not exist."
        expect(page.locator("#waiting")).to_contain_text("could not start")
        expect(page.locator("#stage")).to_have_text("The model file <b>x.gguf</b> does not exist.")


def test_it_goes_on_without_scripts(browser: Browser, loading: Loading, sintra: Live) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(loading.url)
        expect(page.locator("#waiting")).to_contain_text("carregando")
        loading.front.hand_over(create_app(sintra.services))
        expect(page.get_by_label("Pergunte aos seus documentos")).to_be_visible(timeout=30_000)
