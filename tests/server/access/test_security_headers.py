"""Every response tells browsers to keep their hands off."""

from __future__ import annotations

import pytest

from tests.server.guarded import Guarded
from tests.server.live import Live

ANSWERS = {
    "the page": ("GET", "/", {}),
    "its script": ("GET", "/panel/session.js", {}),
    "data": ("GET", "/health", {}),
    "nothing there": ("GET", "/absent", {}),
    "a wrong method": ("PUT", "/generate", {}),
    "a wrong host": ("GET", "/health", {"Host": "evil.example"}),
    "a foreign page": ("POST", "/generate", {"Origin": "https://evil.example"}),
    "no key": ("GET", "/api/documents", {}),
    "a wrong key": ("GET", "/api/documents", {"Authorization": "Bearer aion_a_b"}),
}


@pytest.mark.parametrize(("method", "path", "headers"), ANSWERS.values(), ids=ANSWERS)
def test_every_response_has_them(guard: Guarded, method: str, path: str, headers: dict[str, str]) -> None:
    sent = guard.http.request(method, path, headers=headers).headers
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Referrer-Policy"] == "no-referrer"
    assert sent["Cross-Origin-Resource-Policy"] == "same-origin"
    assert sent["Cache-Control"] == ("no-cache" if path in ("/", "/panel/session.js") else "no-store")
    assert "frame-ancestors 'none'" in sent["Content-Security-Policy"]
    assert "unsafe" not in sent["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in sent
    assert "Cross-Origin-Opener-Policy" not in sent


def test_a_stream_has_them_and_keeps_its_own(sintra: Live) -> None:
    body = {"message": "Quanto custa o tour?", "stream": True}
    with sintra.http.stream("POST", "/api/ai/chat", json=body) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert len(response.headers.get_list("Cache-Control")) == 1
        assert response.read()


def test_https_is_kept_to_once_a_proxy_told_of_it(guard: Guarded) -> None:
    told = guard.http.get("/health", headers={"X-Forwarded-Proto": "https"})
    assert told.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Cross-Origin-Opener-Policy" not in told.headers
    page = guard.http.get("/", headers={"X-Forwarded-Proto": "https"})
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_page_that_has_not_changed_keeps_what_it_had(guard: Guarded) -> None:
    etag = guard.http.get("/").headers["ETag"]
    again = guard.http.get("/", headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert "Content-Security-Policy" not in again.headers
