"""A setting changed while AION serves, written down so that the next start has it too."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from aion.errors import SettingsError
from aion.settings.env_file import env_file, write_value
from aion.settings.live import LIVE
from aion.settings.load import load_settings
from aion.settings.names import env_name
from aion.settings.origin import origins


def keep(field: str, value: object, given: Mapping[str, object]) -> None:
    """Write `value` of `field` into the file of the settings. `given` are those of the command line.

    Raises SettingsError for a field that a running service cannot take over, a value that cannot be used, a
    place that wins over the file, and a file that cannot be written.
    """
    name = env_name(field)
    if field not in LIVE:
        raise SettingsError(
            f"{name} cannot be changed while AION serves; set it and start again.", param=name
        )
    checked = load_settings(**{**given, field: value})
    place = origins(given)[field]
    if place.kind in ("command line", "environment"):
        raise SettingsError(
            f"{name} is set in the {place.kind}, which wins over {env_file()}; change it there.", param=name
        )
    file = env_file()
    try:
        write_value(file, name, _text(getattr(checked, field)))
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written ({error.strerror}); check its rights.", param=name
        ) from error


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)
