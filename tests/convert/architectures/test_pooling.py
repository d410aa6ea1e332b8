from __future__ import annotations

from pathlib import Path

import pytest

from aion.convert import Checkpoint
from aion.convert.architectures.pooling import pooling
from aion.errors import CheckpointError
from tests.convert.tiny import write_json

TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "p", "type": "sentence_transformers.models.Pooling"}
NORMALIZE = {"idx": 2, "name": "2", "path": "2_N", "type": "sentence_transformers.models.Normalize"}


@pytest.mark.parametrize(
    ("settings", "number"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, 1),
        ({"pooling_mode_cls_token": True}, 2),
        ({"pooling_mode_lasttoken": True}, 3),
        ({"pooling_mode": "mean"}, 1),
        ({"pooling_mode": "lasttoken"}, 3),
    ],
)
def test_pooling_of_sentence_transformers(folder: Path, settings: dict[str, object], number: int) -> None:
    assert pooling(Checkpoint(folder)) is None
    write_json(folder / "1_Pooling" / "config.json", settings)
    assert pooling(Checkpoint(folder)) == number


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
            "asks for mean and pooling_mode_max_tokens",
        ),
        ({"pooling_mode_weightedmean_tokens": True}, "asks for pooling_mode_weightedmean_tokens"),
        ({"pooling_mode": ["mean", "cls"]}, "asks for ['mean', 'cls']"),
    ],
)
def test_a_pooling_that_llama_cpp_has_not_is_refused(
    folder: Path, settings: dict[str, object], says: str
) -> None:
    write_json(folder / "1_Pooling" / "config.json", settings)
    with pytest.raises(CheckpointError) as raised:
        pooling(Checkpoint(folder))
    assert says in raised.value.message


def test_the_settings_are_where_the_list_of_modules_says(folder: Path) -> None:
    write_json(folder / "modules.json", [TRANSFORMER, POOLING, NORMALIZE])
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    write_json(folder / "p" / "config.json", {"pooling_mode_lasttoken": True})
    assert pooling(Checkpoint(folder)) == 3


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        ([TRANSFORMER, POOLING, {"path": "2_D", "type": "x.Dense"}], "has a step 'Dense' after the model"),
        ([POOLING | {"path": "../p"}], "'../p', outside its folder"),
        ([POOLING | {"path": "/p"}], "'/p', outside its folder"),
        (["Pooling"], "is no list of modules"),
        ({"a": 1}, "is no list of modules"),
        (3, "is no list of modules"),
    ],
)
def test_modules_that_cannot_be_run_are_refused(folder: Path, modules: object, says: str) -> None:
    write_json(folder / "modules.json", modules)
    with pytest.raises(CheckpointError) as raised:
        pooling(Checkpoint(folder))
    assert says in raised.value.message


def test_a_list_of_modules_that_is_no_json_is_named(folder: Path) -> None:
    for content, says in (
        ("{", r"modules\.json is not readable JSON"),
        ("[" * 100_000, "nested more than 64 levels deep"),
    ):
        (folder / "modules.json").write_text(content)
        with pytest.raises(CheckpointError, match=says):
            pooling(Checkpoint(folder))
