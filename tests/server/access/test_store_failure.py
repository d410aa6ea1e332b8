"""A file that cannot be read lets nobody in, and strangers learn nothing of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from aion.server.access.tokens import add_key
from aion.server.services import open_services
from aion.store.keys import Keys
from tests.server.live import live, settings_in
from tests.server.test_failures import error_of


def test_nobody_is_let_in_while_keys_cannot_be_looked_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_services(settings_in(tmp_path)) as services, live(services) as server:
        token = str(add_key(Keys(services.library.store), "ana", ["admin"], ["*"])[1])
        with services.library.store.write() as db:
            db.execute("ALTER TABLE keys RENAME TO hidden")
        with caplog.at_level(logging.ERROR):
            for headers in (dict[str, str](), {"Authorization": f"Bearer {token}"}):
                refused = server.http.get("/api/budget", headers=headers)
                assert error_of(refused, 503)["type"] == "server_error"
                assert refused.headers["Retry-After"] == "5"
                assert str(tmp_path) not in refused.text
        assert str(services.library.store.path) in caplog.text
