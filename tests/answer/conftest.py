from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.remote.stand_in import StandIn, standing_in


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server
