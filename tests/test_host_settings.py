"""Lists of hosts and origins: a slip is told, not taken for something else."""

from __future__ import annotations

import pytest

from aion.errors import SettingsError
from aion.server.access.browser.origins import opened_origins
from aion.settings import load_settings

HOSTS = ("", " aion.empresa.pt , *.empresa.pt,", "*", "aion", "aion.empresa.pt.", "10.0.0.1")
NO_HOSTS = (
    "https://aion.empresa.pt",
    "aion.empresa.pt:443",
    "aion empresa",
    "*.*.pt",
    "empresa.*",
    "a/b",
    "-a",
)
ORIGINS = (
    "",
    "https://app.empresa.pt, http://localhost:3000",
    "https://app.empresa.pt/",
    "http://[::1]:3000",
)
NO_ORIGINS = ("*", "null", "app.empresa.pt", "https://*.empresa.pt", "https://app.empresa.pt/x", "ftp://a.pt")


@pytest.mark.parametrize("value", HOSTS)
def test_hosts(value: str) -> None:
    assert load_settings(allowed_hosts=value).allowed_hosts == value


@pytest.mark.parametrize("value", NO_HOSTS)
def test_what_is_no_host_is_told(value: str) -> None:
    with pytest.raises(
        SettingsError, match=r"AION_ALLOWED_HOSTS=.* is no host name; write aion\.empresa\.pt"
    ):
        load_settings(allowed_hosts=f"ok.pt,{value}")


@pytest.mark.parametrize("value", ORIGINS)
def test_origins(value: str) -> None:
    assert load_settings(cors_origins=value).cors_origins == value


@pytest.mark.parametrize("value", NO_ORIGINS)
def test_what_is_no_origin_is_told(value: str) -> None:
    with pytest.raises(SettingsError, match=r"AION_CORS_ORIGINS=.* is no origin; write scheme"):
        load_settings(cors_origins=value)


def test_origins_are_compared_as_browsers_write_them() -> None:
    opened = opened_origins("https://App.empresa.pt:443/, http://localhost:3000,")
    assert opened == {"https://app.empresa.pt", "http://localhost:3000"}
