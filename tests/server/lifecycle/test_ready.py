"""Ready is who has made a token and can make another."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.errors import EngineFailed
from aion.server.lifecycle.ready import makes_tokens, warm_up
from aion.server.services import open_services
from tests.engine.runners import failing_once
from tests.server.live import live, settings_in


def test_warming_up_makes_one_token(chat_model: Model) -> None:
    with closing(Engine(chat_model, EngineConfig(256, 1, 1))) as engine:
        warm_up(engine)
        assert engine.status().n_tokens == 1
        assert makes_tokens(engine)
        assert engine.status().n_tokens == 1


@pytest.mark.parametrize("rebuilds", [True, False])
def test_an_engine_is_ready_when_it_makes_a_token_again(chat_model: Model, rebuilds: bool) -> None:
    runner = failing_once(EngineFailed("llama.cpp gave up."), rebuilds=rebuilds)
    with closing(Engine(chat_model, EngineConfig(256, 1, 1), runner_type=runner)) as engine:
        with pytest.raises(EngineFailed):
            warm_up(engine)
        assert makes_tokens(engine) is rebuilds


def test_ready_asks_for_a_token_and_tells_of_a_failure(tmp_path: Path) -> None:
    with open_services(settings_in(tmp_path, base_model="")) as services, live(services) as running:
        assert services.engine.status().n_tokens == 0
        assert running.http.get("/ready").json() == {"status": "ready"}
        assert services.engine.status().n_tokens == 1
        services.engine.failure = "The engine has stopped (no memory); restart AION."
        answer = running.http.get("/ready")
        assert (answer.status_code, answer.json()["error"]["message"]) == (503, services.engine.failure)
        assert answer.headers["retry-after"]
