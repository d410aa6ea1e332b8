from __future__ import annotations

import re
from pathlib import Path

from aion.privacy import Finding, Kind, Masks, Restorer, find, mask, redact

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


def test_the_page_names_every_label() -> None:
    assert {kind.value for kind in Kind} <= set(re.findall(r"`([A-Z]+)`", PAGE))


def test_the_example_of_the_page_runs_as_it_says() -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    names: dict[str, object] = {"deltas": ["O seu [CP", "F_1]"], "Finding": Finding, "Kind": Kind}
    exec(code[1], names)
    n_said = 0
    for call, said in re.findall(r"^([^#\n]+\))\s+# ([(\"].*?)(?:, for good)?$", code[1], re.MULTILINE):
        if "masks)" not in call:  # those that change the conversation have run already
            assert eval(call, names) == eval(said, names), call
            n_said += 1
    assert n_said == 3


def test_the_masks_of_the_page() -> None:
    masks = Masks()
    assert mask("CPF 526.018.159-06, ou 52601815906", masks) == "CPF [CPF_1], ou [CPF_1B]"
    assert masks.restore("O seu cpf_1 confere.") == "O seu 526.018.159-06 confere."
    restorer = Restorer(masks)
    assert "".join([*map(restorer.push, ["O seu [CP", "F_1]"]), restorer.finish()]) == "O seu 526.018.159-06"
    assert find("NIF 263387500")[0].value == "263387500"
    assert redact("Sou a Ana Lima, ana@example.com") == "Sou a [NOME], [E-MAIL]"
