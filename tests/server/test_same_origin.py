from __future__ import annotations

import pytest

from tests.server.live import Live

BODY = {"prompt": "Olá", "max_new_tokens": 1}


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://[::1"])
def test_another_page_cannot_make_aion_do_something(sintra: Live, origin: str) -> None:
    for path in ("/adapter/merge", "/adapter/reload", "/generate"):
        response = sintra.http.post(path, json=BODY, headers={"Origin": origin})
        assert response.status_code == 403
        assert origin in response.json()["error"]["message"]


def test_its_own_page_and_programs_can(sintra: Live) -> None:
    assert sintra.http.post("/generate", json=BODY).status_code == 200
    own = sintra.http.post("/generate", json=BODY, headers={"Origin": sintra.url})
    assert own.status_code == 200
    assert sintra.http.get("/health", headers={"Origin": "https://evil.example"}).status_code == 200
