"""The page in a real browser, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ATTACK, Scripted, Visit
from tests.server.live import Live, Narrow, wait_until

QUESTION = "Explique a diferença entre o tour full-day e o half-day em Sintra"


def test_a_question_is_answered_with_passages_to_open(visit: Visit, scripted: Live) -> None:
    visit.open(scripted)
    visit.ask(QUESTION)
    page = visit.page
    expect(page.locator("#facts")).to_contain_text("C = ")
    answer = page.locator("#answer")
    expect(answer).to_contain_text("Fontes: [1] sintra/")
    expect(answer).not_to_contain_text("[9]")
    passages = page.locator("#passages li")
    expect(passages).to_have_count(8)
    expect(page.locator("#passages li.cited")).to_have_count(2)
    second = page.locator("#passage-2 details p")
    expect(second).to_be_hidden()
    answer.get_by_role("link", name="[2]").first.click()
    expect(second).to_be_visible()
    expect(second).to_be_in_viewport()
    name = "panel-phone" if (page.viewport_size or {"width": 0})["width"] < 500 else "panel-desktop"
    visit.picture(name)
    assert visit.complaints == []


def test_the_embedded_model_answers_and_says_what_it_is(visit: Visit, sintra: Live) -> None:
    visit.open(sintra)
    expect(visit.page.locator("#notice")).to_contain_text("aion pull mistralai/Mistral-7B-Instruct-v0.3")
    expect(visit.page.locator("#notice")).to_contain_text("AION_BASE_MODEL")
    expect(visit.page.locator("#status")).to_contain_text("23 documentos")
    visit.ask(QUESTION)
    expect(visit.page.locator("#facts")).to_contain_text("C = ")
    expect(visit.page.locator("#answer")).not_to_be_empty()
    assert visit.complaints == []


def test_nothing_is_wider_than_the_screen(visit: Visit, scripted: Live) -> None:
    visit.open(scripted)
    visit.ask("palavra" * 60)
    expect(visit.page.locator("#facts")).to_contain_text("C = ")
    for link in visit.page.locator("#passages summary").all():
        link.click()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_what_documents_and_models_write_stays_text(visit: Visit, scripted: Live) -> None:
    visit.open(scripted)
    visit.ask("Onde fica a zarabatana?")
    page = visit.page
    expect(page.locator("#facts")).to_contain_text("C = ")
    expect(page.locator("#answer")).to_contain_text(ATTACK)
    hostile = page.locator("#passages li", has_text="zarabatana")
    expect(hostile.locator("summary")).to_contain_text("a <img src=x onerror=alert(1)>.txt")
    expect(hostile.locator("summary")).to_contain_text(ATTACK)
    hostile.locator("summary").click()
    expect(hostile.locator("p")).to_contain_text(f"A zarabatana {ATTACK} fica")
    assert page.locator("#result img").count() == 0
    assert page.evaluate("window.attacked") is None
    assert visit.complaints == []


def test_sentences_the_sources_do_not_bear_out_are_marked(
    visit: Visit, scripted: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    invented = "O almoço custa 777 € [1]."
    monkeypatch.setattr(Scripted, "text", f"\N{HERB} O tour full-day dura 8 horas [1]. {invented}")
    visit.open(scripted)
    visit.ask(QUESTION)
    expect(visit.page.locator("#facts")).to_contain_text("as fontes não confirmam o que está marcado")
    expect(visit.page.locator("#answer mark")).to_have_text([invented])
    expect(visit.page.locator("#answer mark a")).to_have_count(1)
    assert visit.complaints == []


def test_stop_ends_the_generation(visit: Visit, endless: Narrow) -> None:
    endless.tap.shut()
    n_before = len(endless.engine.submitted)
    visit.open(endless)
    visit.ask(QUESTION)
    wait_until(lambda: len(endless.engine.submitted) > n_before, "the question to reach the engine")
    stop = visit.page.get_by_role("button", name="Parar")
    expect(visit.page.get_by_role("button", name="Perguntar")).to_be_disabled()
    stop.click()
    expect(visit.page.locator("#facts")).to_contain_text("interrompida")
    expect(stop).to_be_hidden()
    wait_until(lambda: endless.engine.submitted[-1] in endless.engine.aborted, "the abort")
    assert visit.complaints == []


def test_the_servers_sentence_is_shown_and_one_can_ask_again(visit: Visit, endless: Narrow) -> None:
    endless.tap.shut()
    n_before = len(endless.engine.submitted)
    body = {"prompt": "Fale", "max_new_tokens": 8}
    with endless.connect("/generate", body), endless.connect("/generate", body):
        wait_until(lambda: len(endless.engine.submitted) == n_before + 2, "the queue to be full")
        visit.open(endless)
        visit.ask(QUESTION)
        expect(visit.page.locator("#answer.failed")).to_contain_text("AION_QUEUE")
    endless.tap.open()
    endless.wait_idle()
    visit.ask(QUESTION)
    expect(visit.page.locator("#facts")).to_contain_text("C = ")
    expect(visit.page.locator("#answer.failed")).to_have_count(0)
