"""Signing in on the page in a real browser: asked for when needed, gone on with, told when it has ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.responses import HTMLResponse

from aion.server.fallback import open_fallback
from aion.server.money import open_budget
from aion.server.services import open_router
from tests.browser.conftest import Scripted, Visit
from tests.server.guarded import Guarded, guarded
from tests.server.live import SINTRA, live, serving_app

QUESTION = "Quanto dura o tour full-day?"
SIGN_IN = "key => fetch('api/session', {method: 'POST', body: JSON.stringify({key})})"
WHO = "fetch('api/session').then(response => response.json())"
READ = "url => fetch(url, {credentials: 'include'}).then(() => 'read', () => 'refused')"
POST_FORM = """url => {
    const form = document.createElement("form");
    Object.assign(form, {method: "post", enctype: "text/plain", action: url});
    document.body.append(form);
    form.submit();
}"""
FRAME = "url => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))"
WRONG = "aion_aaaaaaaaaa_" + "a" * 43


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The examples behind a key, answered by `Scripted`."""
    with guarded(tmp_path_factory.mktemp("locked"), tau_confidence=0.0) as opened:
        services, generator = opened.services, Scripted()
        assert not services.library.ingester.ingest([SINTRA], services.settings.tenant).failed
        fallback = open_fallback(services.settings, open_budget(services.settings, services.library.store))
        router = open_router(services.settings, services.library, generator, fallback)
        with live(dataclasses.replace(services, generator=generator, router=router)) as running:
            yield Guarded(running.url, running.services, running.http, opened.token)


@pytest.fixture(scope="module")
def neighbour() -> Iterator[str]:
    """A page of somebody else on another port of this machine."""
    with serving_app(HTMLResponse("<!doctype html><title>x</title>")) as url:
        yield f"{url}/"


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("Chave").fill(key)
    page.get_by_role("button", name="Entrar").click()


def width_of(page: Page) -> int:
    assert page.viewport_size is not None
    return page.viewport_size["width"]


def assert_only_refusals(visit: Visit) -> None:
    """The browser's console names requests that were refused, and nothing else went wrong."""
    assert [each for each in visit.complaints if "401 (Unauthorized)" not in each] == []


def test_signed_in_one_asks_and_signs_out(visit: Visit, locked: Guarded) -> None:
    visit.open(locked)
    page = visit.page
    dialog = page.get_by_role("dialog", name="Entrar no AION")
    expect(dialog).to_contain_text("Este AION só responde a quem tem uma chave")
    expect(page.get_by_label("Chave")).to_be_focused()
    visit.picture(f"sign-in-{width_of(page)}")
    sign_in(page, WRONG)
    expect(page.get_by_role("alert")).to_contain_text("Esta chave não vale")
    expect(dialog).to_be_visible()
    sign_in(page, f" {locked.token} ")
    expect(dialog).to_be_hidden()
    expect(page.locator("#who")).to_contain_text("maria")
    expect(page.locator("#notice")).to_contain_text("aion pull mistralai/Mistral-7B-Instruct-v0.3")
    assert page.evaluate("document.cookie") == ""
    visit.ask(QUESTION)
    expect(page.locator("#facts")).to_contain_text("C = ")
    visit.picture(f"signed-in-{width_of(page)}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.reload()
    expect(page.locator("#who")).to_contain_text("maria")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Sair").click()
    expect(dialog).to_be_visible()
    expect(page.locator("#who")).to_be_hidden()
    assert page.context.cookies() == []
    assert_only_refusals(visit)


def test_a_revoked_key_is_told_and_the_question_goes_on(visit: Visit, locked: Guarded) -> None:
    token = locked.new_key("joana")
    visit.open(locked)
    page = visit.page
    sign_in(page, token)
    expect(page.locator("#who")).to_contain_text("joana")
    locked.revoke("joana")
    visit.ask(QUESTION)
    dialog = page.get_by_role("dialog", name="Entrar no AION")
    expect(dialog).to_contain_text("A sessão terminou")
    sign_in(page, token)
    expect(page.get_by_role("alert")).to_contain_text("Esta chave não vale")
    sign_in(page, locked.token)
    expect(page.locator("#facts")).to_contain_text("C = ")
    expect(page.locator("#answer")).to_contain_text("O tour full-day dura 8 horas")
    expect(page.locator("#who")).to_contain_text("maria")
    assert_only_refusals(visit)


def test_whoever_gives_no_key_is_asked_again_with_the_question(visit: Visit, locked: Guarded) -> None:
    visit.open(locked)
    page = visit.page
    dialog = page.get_by_role("dialog", name="Entrar no AION")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    visit.ask(QUESTION)
    expect(dialog).to_be_visible()
    page.get_by_role("button", name="Cancelar").click()
    expect(page.locator("#facts")).to_contain_text("interrompida")
    visit.ask(QUESTION)
    sign_in(page, locked.token)
    expect(page.locator("#facts")).to_contain_text("C = ")
    assert_only_refusals(visit)


def test_whoever_guesses_is_told_to_wait(browser: Browser, tmp_path: Path) -> None:
    with guarded(tmp_path, rate_address=120) as server, browser.new_context(locale="pt-BR") as context:
        page = context.new_page()
        page.goto(f"{server.url}/")
        for _ in range(5):
            with page.expect_response("**/api/session"):
                sign_in(page, WRONG)
        expect(page.get_by_role("alert")).to_contain_text("Foram tentativas demais; espere")
        expect(page.get_by_role("dialog")).to_be_visible()


def test_in_english_too(browser: Browser, locked: Guarded) -> None:
    with browser.new_context(locale="en-GB", color_scheme="dark") as context:
        page = context.new_page()
        page.goto(f"{locked.url}/")
        dialog = page.get_by_role("dialog", name="Sign in to AION")
        expect(dialog).to_have_attribute("lang", "en")
        page.get_by_label("Key").fill(WRONG)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("This key is not valid")
        page.get_by_label("Key").fill(locked.token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_page_of_another_port_can_have_the_browser_change_nothing(
    browser: Browser, locked: Guarded, neighbour: str
) -> None:
    """The same site to a browser, which sends the cookie along, however strict it is."""
    with browser.new_context() as context:
        page, evil = context.new_page(), context.new_page()
        page.goto(f"{locked.url}/")
        page.evaluate(SIGN_IN, locked.token)
        assert page.evaluate(WHO)["signed_in"] is True
        evil.goto(neighbour)
        assert evil.evaluate(READ, f"{locked.url}/v1/models") == "refused"
        assert evil.evaluate(READ, f"{locked.url}/health") == "refused"
        with evil.expect_navigation() as sent:
            evil.evaluate(POST_FORM, f"{locked.url}/api/ai/chat")
        assert sent.value is not None
        assert "aion_session=" in sent.value.request.all_headers()["cookie"]
        assert sent.value.status == 403
        assert "may not ask AION" in evil.inner_text("body")
        evil.goto(neighbour)
        with evil.expect_navigation():
            evil.evaluate(POST_FORM, f"{locked.url}/api/session")
        assert page.evaluate(WHO)["signed_in"] is True


def test_no_page_frames_it(browser: Browser, locked: Guarded, neighbour: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(neighbour)
        with page.expect_console_message(lambda message: "frame" in message.text.lower()):
            page.evaluate(FRAME, f"{locked.url}/")
