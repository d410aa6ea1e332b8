from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from aion.server.services import open_services
from tests.server.live import DEADLINE_S, SINTRA, Live, Narrow, lent, live, narrow_with_document, settings_in


@pytest.fixture(scope="session")
def sintra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """AION as `make run` starts it, the example documents in its store."""
    settings = settings_in(tmp_path_factory.mktemp("sintra"))
    with open_services(settings) as services:
        summary = services.library.ingester.ingest([SINTRA], settings.tenant)
        assert not summary.failed
        with live(services) as running:
            yield running


@pytest.fixture(scope="session")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = settings_in(tmp_path_factory.mktemp("desk"), max_file_mb=1)
    with open_services(settings) as services, live(services) as running:
        yield running


@pytest.fixture
def desk(_desk: Live) -> Live:
    """A server whose store is empty, and which takes files of up to one megabyte."""
    library, tenant = _desk.services.library, _desk.services.settings.tenant
    for listed in library.listing.page(tenant, 1000):
        assert library.documents.delete(tenant, listed.source)
    return _desk


@pytest.fixture(scope="session")
def _narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    with narrow_with_document(tmp_path_factory.mktemp("narrow")) as running:
        yield running


@pytest.fixture
def endless(_narrow: Narrow) -> Iterator[Narrow]:
    """The narrow server, idle before and after."""
    yield from lent(_narrow)


@pytest.fixture(scope="session")
def client(sintra: Live) -> Iterator[openai.OpenAI]:
    """The official client, told nothing but the address."""
    with openai.OpenAI(
        base_url=f"{sintra.url}/v1", api_key="none", max_retries=0, timeout=DEADLINE_S
    ) as made:
        yield made
