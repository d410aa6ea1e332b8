from __future__ import annotations

from collections.abc import Iterator

import pytest

from aion.server.services import Services, open_services
from tests.server.access.keyed import Keyed, keyed_server
from tests.server.guarded import Guarded, guarded
from tests.server.live import settings_in


@pytest.fixture(scope="session")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("guard")) as running:
        yield running


@pytest.fixture(scope="session")
def keyed_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A store of its own with the embedded models; no limits, which these tests would come to."""
    settings = settings_in(tmp_path_factory.mktemp("keyed"), rate_key=0, rate_address=0, streams=0)
    with open_services(settings) as services:
        yield services


@pytest.fixture
def keyed(keyed_services: Services) -> Iterator[Keyed]:
    """A server without a key at first."""
    with keyed_server(keyed_services) as running:
        yield running


@pytest.fixture
def anonymous(keyed_services: Services) -> Iterator[Keyed]:
    """The same with AION_ALLOW_ANONYMOUS=true."""
    with keyed_server(keyed_services, allow_anonymous=True) as running:
        yield running
