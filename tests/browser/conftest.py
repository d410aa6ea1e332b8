from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from aion.server.fallback import open_fallback
from aion.server.money import open_budget
from aion.server.services import open_router, open_services
from aion.types import (
    AdapterChoice,
    Delta,
    Finished,
    GenerationEvent,
    Message,
    Priority,
    Sampling,
    ToolUse,
    Usage,
)
from tests.server.live import DEADLINE_S, SINTRA, Live, Narrow, lent, live, narrow_with_document, settings_in

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run",
    "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage",
]  # fmt: skip
ATTACK = '<img src=x onerror="window.attacked=1">'


class Scripted:
    """A `Generator` that says what the test needs, whatever the embedded model knows."""

    model_name = "scripted"
    n_ctx = n_ctx_effective = 4096
    text = f"O tour full-day dura 8 horas [1] e o half-day, 4 horas [2]. Não existe [9]. {ATTACK}"

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content.split()) for m in messages)

    async def stream(
        self,
        messages: Sequence[Message],  # noqa: ARG002
        sampling: Sampling,  # noqa: ARG002
        adapters: Sequence[AdapterChoice] | None = None,  # noqa: ARG002
        *,
        priority: Priority = "interactive",  # noqa: ARG002
        timeout_s: float | None = None,  # noqa: ARG002
        tools: ToolUse | None = None,  # noqa: ARG002
    ) -> AsyncGenerator[GenerationEvent, None]:
        for piece in re.findall(r"\S+\s*", self.text):
            yield Delta(piece)
        yield Finished("stop", Usage(10, 10))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium; a module's, for while it is open no other test can start an event loop."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"none of {', '.join(BROWSERS)} is installed, and the CI must run these tests")
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["desktop", "phone"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    width, height = request.param
    return width, height


@dataclasses.dataclass(frozen=True)
class Visit:
    """A browser tab and everything that went wrong in it."""

    page: Page
    complaints: list[str]

    def open(self, server: Live) -> None:
        self.page.goto(f"{server.url}/")

    def ask(self, question: str) -> None:
        self.page.get_by_label("Pergunte aos seus documentos").fill(question)
        self.page.get_by_role("button", name="Perguntar").click()

    def picture(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


@pytest.fixture
def visit(browser: Browser, size: tuple[int, int]) -> Iterator[Visit]:
    width, height = size
    with browser.new_context(viewport={"width": width, "height": height}, locale="pt-BR") as context:
        context.set_default_timeout(DEADLINE_S * 1000)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: None if "127.0.0.1" in r.url else complaints.append(r.url))
        yield Visit(page, complaints)


@pytest.fixture(scope="module")
def sintra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The examples and one hostile document, answered by the embedded model."""
    folder = tmp_path_factory.mktemp("browser")
    hostile = folder / "hostil"
    hostile.mkdir()
    (hostile / "a <img src=x onerror=alert(1)>.txt").write_text(
        f"{ATTACK} Zarabatana\n\nA zarabatana {ATTACK} fica no armário [1].\n"
    )
    settings = settings_in(folder, tau_confidence=0.0)
    with open_services(settings) as services:
        summary = services.library.ingester.ingest([SINTRA, hostile], settings.tenant)
        assert not summary.failed
        with live(services) as running:
            yield running


@pytest.fixture(scope="module")
def scripted(sintra: Live) -> Iterator[Live]:
    """The same documents, answered by `Scripted`."""
    services, generator = sintra.services, Scripted()
    fallback = open_fallback(services.settings, open_budget(services.settings, services.library.store))
    router = open_router(services.settings, services.library, generator, fallback)
    with live(dataclasses.replace(services, generator=generator, router=router)) as running:
        yield running


@pytest.fixture(scope="module")
def _narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    with narrow_with_document(tmp_path_factory.mktemp("narrow")) as running:
        yield running


@pytest.fixture
def endless(_narrow: Narrow) -> Iterator[Narrow]:
    """One slot, one place to wait, a model that never ends, a tap that stops it."""
    yield from lent(_narrow)
