"""The description of the interface in a real browser, wide and narrow, light and dark."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.server.live import Live

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_interface_is_read_in_the_readers_language(
    visit: Visit, sintra: Live, scheme: Literal["light", "dark"]
) -> None:
    page = visit.page
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{sintra.url}/docs")
    expect(page.locator("main").get_by_role("heading", name="Respostas")).to_be_visible()
    page.get_by_role("link", name="POST /api/ai/chat").click()
    expect(page.locator("#chat h3")).to_be_in_viewport()
    page.locator("#chat").get_by_text("ChatAnswer").first.click()
    expect(page.locator("#chat .fields").last).to_contain_text("conversation_id")
    assert page.evaluate(OVERFLOW) == 0
    assert visit.complaints == []
