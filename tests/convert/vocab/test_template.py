from __future__ import annotations

from pathlib import Path

import gguf
import llama_cpp
import pytest

from aion.convert import Checkpoint
from aion.convert.vocab.read import read_vocabulary
from aion.convert.vocab.template import chat_templates
from aion.errors import CheckpointError
from tests.convert.tiny import write_json
from tests.convert.vocab.compared import vocabulary, write_vocabulary

LISTED = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]


def test_the_default_template_is_found_where_it_lies(folder: Path) -> None:
    assert chat_templates(Checkpoint(folder)) == (None, {})
    write_json(folder / "chat_template.json", {"chat_template": "P"})
    assert chat_templates(Checkpoint(folder)) == ("P", {})
    for value, expected in (("S", ("S", {})), (LISTED, ("D", {"tool_use": "T"}))):
        write_json(folder / "tokenizer_config.json", {"chat_template": value})
        assert chat_templates(Checkpoint(folder)) == expected
    (folder / "chat_template.jinja").write_text("J")
    assert chat_templates(Checkpoint(folder)) == ("J", {"tool_use": "T"})
    assert read_vocabulary(Checkpoint(folder), "given").chat_template == "given"


def test_files_of_their_own_folder_are_named_templates(folder: Path) -> None:
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "rag-é 1.jinja").write_text("R")
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("U")
    write_json(folder / "tokenizer_config.json", {"chat_template": LISTED})
    assert chat_templates(Checkpoint(folder)) == ("D", {"rag___1": "R", "tool_use": "U"})


def test_llama_cpp_reads_a_named_template(folder: Path) -> None:
    write_json(folder / "tokenizer_config.json", {"chat_template": LISTED})
    with vocabulary(folder) as model:
        assert llama_cpp.llama_model_chat_template(model.model, None) == b"D"
        assert llama_cpp.llama_model_chat_template(model.model, b"tool_use") == b"T"
    field = gguf.GGUFReader(write_vocabulary(folder)).get_field("tokenizer.chat_templates")
    assert field is not None
    assert field.contents() == ["tool_use"]


@pytest.mark.parametrize("value", [1, {"name": "x"}, ["x"], [{"name": "x"}], [{"name": 1, "template": "T"}]])
def test_what_is_no_text_is_refused(folder: Path, value: object) -> None:
    write_json(folder / "tokenizer_config.json", {"chat_template": value})
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json has a chat_template that is no text"):
        chat_templates(Checkpoint(folder))


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(CheckpointError, match=r"chat_template\.jinja is not readable text"):
        chat_templates(Checkpoint(folder))
