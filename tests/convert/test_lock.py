from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aion.convert.lock import locked


def test_one_holds_it_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    path, n_inside, most, waited = tmp_path / "lock", 0, 0, threading.Event()
    guard = threading.Lock()

    def work() -> None:
        nonlocal n_inside, most
        for _ in range(50):
            with locked(path, waited.set):
                with guard:
                    n_inside += 1
                    most = max(most, n_inside)
                with guard:
                    n_inside -= 1

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


def test_who_waits_is_told_and_a_failure_releases_it(tmp_path: Path) -> None:
    told, entered = threading.Event(), threading.Event()

    def second() -> None:
        with locked(tmp_path / "lock", told.set):
            entered.set()

    def first() -> None:
        with locked(tmp_path / "lock"):
            thread.start()
            assert told.wait(60)
            assert not entered.is_set()
            raise ValueError("broken")

    thread = threading.Thread(target=second)
    with pytest.raises(ValueError, match="broken"):
        first()
    thread.join()
    assert entered.is_set()


def test_a_lock_file_left_by_a_crash_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.iterdir()) == []
