"""How long events are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aion.store.connection import Store
from aion.store.event_removal import EventRemoval


def expire(store: Store, days: int) -> int:
    """Delete the events of all tenants that are more than `days` old, by this machine's clock; returns how
    many there were. What it deleted is on record by numbers only. Raises StoreError."""
    return EventRemoval(store).expire(_ago(days), {"days": days})


def expired(store: Store, days: int) -> int:
    """How many events `expire` would find too old. Raises StoreError."""
    return EventRemoval(store).n_before(_ago(days))


def _ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
