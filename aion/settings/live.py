"""Which settings count while AION serves, and what became of them when they were read again."""

from __future__ import annotations

from dataclasses import dataclass

from aion.settings.names import env_name
from aion.settings.settings import Settings

_ANSWERS = ("tau_confidence", "confidence", "system_prompt", "temperature", "top_p", "max_new_tokens")
_WATCHED = ("tau_fallback", "tau_ndcg", "events_days")
_MONEY = ("budget_day", "budget_month", "budget_day_calls", "budget_month_calls")
_PAID = ("base_url", "api_key", "model", "prices", "timeout_s", "retries", "redact")
_LOCAL_LLM = ("local_llm_model", "local_llm_api_key", "local_llm_timeout_s")
_ACCESS = ("allow_anonymous", "allowed_hosts", "cors_origins", "session_hours")
_LIMITS = ("rate_key", "rate_address", "streams", "body_mb", "send_timeout_s", "grace_s")
_LOG = ("log", "log_level", "log_texts")

LIVE = frozenset({
    *_ANSWERS, *_WATCHED, *_MONEY, "fallback", *(f"fallback_{name}" for name in _PAID), *_LOCAL_LLM, *_ACCESS,
    *_LIMITS, *_LOG,
})  # fmt: skip
"""Fields that a running service takes over; all others wait for the next start."""


@dataclass(frozen=True, slots=True)
class Change:
    """Two readings of the settings, compared. `settings` are those to go on with: the new values of what is
    live, the former of what is not. `applied` and `waiting` are fields, in the order of the table."""

    settings: Settings
    applied: tuple[str, ...]
    waiting: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What changed, by the names the operator knows."""
        told = []
        if self.applied:
            told.append(f"Changed: {_names(self.applied)}.")
        if self.waiting:
            told.append(f"Waiting for a restart: {_names(self.waiting)}.")
        return " ".join(told) or "Nothing has changed."


def compare(running: Settings, read: Settings) -> Change:
    """What of `read` a service that runs with `running` takes over."""
    changed = [name for name in Settings.model_fields if getattr(running, name) != getattr(read, name)]
    applied = tuple(name for name in changed if name in LIVE)
    waiting = tuple(name for name in changed if name not in LIVE)
    settings = running.model_copy(update={name: getattr(read, name) for name in applied})
    return Change(settings, applied, waiting)


def _names(fields: tuple[str, ...]) -> str:
    return ", ".join(env_name(field) for field in fields)
