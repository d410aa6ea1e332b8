from __future__ import annotations

from pathlib import Path

from aion.answer.confidence.judges import Calibrated
from aion.answer.confidence.logistic import Logistic
from aion.store.calibrations import Calibrations
from aion.store.connection import Store
from tests.store.copying import back_up, put_back


def test_a_calibration_of_the_same_number_is_read_anew_after_a_restore(tmp_path: Path) -> None:
    for name, bias in (("a", 3.0), ("b", -3.0)):
        with Store(tmp_path / f"{name}.db") as store:
            model = Logistic((), (), (), (), bias).to_json()
            Calibrations(store).add(
                "t", "e", "", origin="test", n_answerable=1, n_unanswerable=1, model=model, figures={}
            )
    back_up(tmp_path / "b.db", tmp_path / "backup.db")
    with Store(tmp_path / "a.db") as store:
        judge = Calibrated(Calibrations(store))
        assert judge.model("t", "e", "").bias == 3.0
        put_back(tmp_path / "backup.db", store.path)
        assert judge.model("t", "e", "").bias == -3.0
