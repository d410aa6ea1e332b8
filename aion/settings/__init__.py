"""Every AION_* setting, its default, its meaning, and where its value came from. The only room that reads the
environment and `.env`."""

from aion.settings.load import load_settings
from aion.settings.settings import DEFAULT_BASE_MODEL, SYSTEM_PROMPT, Settings

__all__ = ["DEFAULT_BASE_MODEL", "SYSTEM_PROMPT", "Settings", "load_settings"]
