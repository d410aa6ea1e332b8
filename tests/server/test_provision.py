"""What AION_BASE_MODEL stands for: a file, a folder converted once, a hub id, or the embedded model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aion.convert.gguf_header import read_header
from aion.engine.catalog import CHAT_FILE, ModelChoice
from aion.errors import CheckpointError, ModelError
from aion.server.model_files.make_gguf import Recipe, make_gguf, obtain, plain_type, source_hash
from aion.server.model_files.provision import Conversion, find_base_model, provide_base_model
from tests.convert.hub_server import hub_environment, serving_hub
from tests.server.checkpoints import write_checkpoint
from tests.server.live import settings_in

HUB_ID = "mistralai/Mistral-7B-Instruct-v0.3"
OBTAIN = """
import sys
from pathlib import Path
from aion.server.model_files.make_gguf import Recipe, obtain
steps = []
out = obtain(Path(sys.argv[1]), Path(sys.argv[2]), Recipe(sys.argv[3]), lambda *step: steps.append(step))
print(out.name, sum(step[2] > 1 for step in steps))
"""
KILLED = """
import os, sys
from pathlib import Path
from aion.server.model_files.make_gguf import Recipe, obtain
left = int(sys.argv[4])
def step(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)
obtain(Path(sys.argv[1]), Path(sys.argv[2]), Recipe(sys.argv[3]), step)
"""
PROVIDE = """
import sys
from pathlib import Path
from aion.server.model_files.provision import provide_base_model
from aion.settings import load_settings
print(provide_base_model(load_settings(base_model="owner/tiny", models_dir=Path(sys.argv[1]))).path)
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("hf") / "tiny")


@pytest.fixture
def own(tmp_path: Path, checkpoint: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(checkpoint, tmp_path / "tiny"))


def process(code: str, *arguments: str | Path, **more: str) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | more
    words = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_converted_once(checkpoint: Path, tmp_path: Path) -> None:
    settings, steps = settings_in(tmp_path, base_model=str(checkpoint), load_in_4bit=False), []
    first = provide_base_model(settings, lambda *step: steps.append(step))
    assert (first.path, first.is_embedded) == (settings.models_dir / "tiny-BF16.gguf", False)
    assert read_header(first.path).metadata["general.name"] == "tiny"
    written, n_steps = first.path.stat().st_mtime_ns, len(steps)
    assert n_steps > 0
    assert provide_base_model(settings, lambda *step: steps.append(step)) == first
    assert (first.path.stat().st_mtime_ns, len(steps)) == (written, n_steps)
    assert names_in(settings.models_dir) == ["tiny-BF16.gguf"]


def test_four_bits_are_quantised_by_llama_cpp(checkpoint: Path, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, base_model=str(checkpoint))
    choice = provide_base_model(settings)
    assert choice.path.name == "tiny-Q4_K_M.gguf"
    kinds = {tensor.kind.name for tensor in read_header(choice.path).tensors.values()}
    assert "Q4_K" in kinds
    assert names_in(settings.models_dir) == ["tiny-Q4_K_M.gguf"]
    assert provide_base_model(settings) == choice


def test_a_changed_checkpoint_is_converted_again(own: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    before = obtain(own, models, Recipe("f16")).read_bytes()
    write_checkpoint(own, seed=1)
    assert obtain(own, models, Recipe("f16")).read_bytes() != before


def test_a_folder_that_changes_beside_its_checkpoint_is_converted_once(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    settings = settings_in(tmp_path, base_model=".", load_in_4bit=False, models_dir=Path("models"))
    first = provide_base_model(settings).path
    written = first.stat().st_mtime_ns
    for name in ("aion.db", "trainer.log", "model.onnx_data", "runs/events.bin", ".git/index", ".git/lfs/x"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("changed")
    assert provide_base_model(settings).path == first
    assert first.stat().st_mtime_ns == written


def test_a_source_file_that_cannot_be_read_is_named(own: Path, tmp_path: Path) -> None:
    (own / "tokenizer.model.v1").symlink_to("/proc/self/mem")  # its first byte can be read by nobody
    with pytest.raises(CheckpointError, match=r"tiny/tokenizer\.model\.v1 cannot be read \(.*; check its"):
        obtain(own, tmp_path / "models", Recipe("f16"))


def test_sources_of_one_name_do_not_take_each_others_place(
    checkpoint: Path, own: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    write_checkpoint(own, seed=1)
    firsts = [obtain(folder, models, Recipe("f16")) for folder in (checkpoint, own)]
    contents = [path.read_bytes() for path in firsts]
    assert firsts[0].name == "tiny-F16.gguf"
    assert re.fullmatch(r"tiny-[0-9a-f]{8}-F16\.gguf", firsts[1].name)
    assert contents[0] != contents[1]
    found = find_base_model(settings_in(tmp_path, base_model=str(own), load_in_4bit=False, models_dir=models))
    assert isinstance(found, Conversion)
    firsts[0].unlink()
    assert [obtain(folder, models, Recipe("f16")) for folder in (own, checkpoint)] == firsts[::-1]
    assert [path.read_bytes() for path in firsts] == contents


@pytest.mark.parametrize("name", ["../esc", "a/b", "/etc/x", "..", "a\0b"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    file = Recipe("f16", name).file_name(tmp_path)
    assert (tmp_path / file).parent == tmp_path
    assert Path(file).name == file
    assert file.endswith("-F16.gguf")
    assert file[0] != "."


def test_the_hash_sees_every_file(own: Path) -> None:
    seen = {source_hash(own)}
    (own / "config.json").write_text((own / "config.json").read_text() + " ")
    seen.add(source_hash(own))
    os.utime(own / "model.safetensors", ns=(1, 1))
    seen.add(source_hash(own))
    (own / "chat_template.jinja").write_text("{{ messages }}")
    assert len(seen | {source_hash(own)}) == 4


def test_two_processes_at_once_convert_once(checkpoint: Path, tmp_path: Path) -> None:
    both = [process(OBTAIN, checkpoint, tmp_path / "models", "q8_0") for _ in range(2)]
    outs = [p.communicate(timeout=60)[0].split() for p in both]
    assert [name for name, _ in outs] == ["tiny-Q8_0.gguf"] * 2
    n_tensors = len(read_header(tmp_path / "models" / "tiny-Q8_0.gguf").tensors)
    assert sorted(int(count) for _, count in outs) == [0, n_tensors]


@pytest.mark.parametrize("n_steps", [1, 13], ids=["converting", "quantising"])
def test_a_killed_conversion_is_done_again(checkpoint: Path, tmp_path: Path, n_steps: int) -> None:
    models = tmp_path / "models"
    killed = process(KILLED, checkpoint, models, "q4_k_m", str(n_steps))
    killed.communicate(timeout=60)
    assert killed.returncode == -9
    assert "tiny-Q4_K_M.gguf" not in names_in(models)
    assert obtain(checkpoint, models, Recipe("q4_k_m")).exists()
    assert names_in(models) == ["tiny-Q4_K_M.gguf"]


def test_a_file_of_the_operator_is_left_alone(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny-F16.gguf").write_bytes(b"mine")
    with pytest.raises(CheckpointError, match=r"tiny-F16\.gguf exists and was not made from .*tiny; move"):
        obtain(checkpoint, tmp_path, Recipe("f16"))
    assert (tmp_path / "tiny-F16.gguf").read_bytes() == b"mine"
    assert names_in(tmp_path) == ["tiny-F16.gguf"]


def test_a_models_folder_that_cannot_be_written_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(CheckpointError, match=r"models cannot be written .*AION_MODELS_DIR"):
        obtain(checkpoint, tmp_path / "models", Recipe("f16"))


def test_an_existing_output_and_a_useless_matrix_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"mine")
    with pytest.raises(CheckpointError, match="exists already"):
        make_gguf(checkpoint, tmp_path / "m.gguf", Recipe())
    with pytest.raises(CheckpointError, match="f16 uses no importance matrix"):
        make_gguf(checkpoint, tmp_path / "n.gguf", Recipe("f16", imatrix=tmp_path / "imatrix.gguf"))
    assert names_in(tmp_path) == ["m.gguf"]


def test_the_plain_type_is_that_of_the_tensors(own: Path) -> None:
    assert plain_type(own) == "bf16"
    config = json.loads((own / "config.json").read_text())
    (own / "config.json").write_text(json.dumps(config | {"dtype": "float32"}))
    assert plain_type(own) == "bf16"
    write_checkpoint(own, dtype="float32")
    (own / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    assert plain_type(own) == "f16"


def test_a_hub_id_in_the_models_folder_is_used(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, base_model=HUB_ID)
    settings.models_dir.mkdir()
    path = settings.models_dir / "Mistral-7B-Instruct-v0.3.Q4_K_M.gguf"
    path.touch()
    assert find_base_model(settings) == ModelChoice(path, is_embedded=False)


def test_a_file_of_another_owner_or_precision_does_not_answer_in_silence(
    checkpoint: Path, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, base_model="owner/tiny", load_in_4bit=False)
    recipe = Recipe("q4_k_m", "tiny", "https://huggingface.co/owner/tiny")
    path = obtain(checkpoint, settings.models_dir, recipe)
    other = find_base_model(settings)
    assert isinstance(other, ModelChoice)
    assert other.path == path
    assert "AION_LOAD_IN_4BIT=false asks for 16 bits, and of owner/tiny only tiny-Q4_K_M.gguf" in other.notice
    as_asked = settings_in(tmp_path, base_model="Owner/Tiny")
    assert find_base_model(as_asked) == ModelChoice(path, is_embedded=False)
    stranger = find_base_model(settings_in(tmp_path, base_model="someone-else/tiny"))
    assert isinstance(stranger, ModelChoice)
    assert stranger.is_embedded


def test_an_absent_hub_id_gives_the_embedded_model_and_the_command(tmp_path: Path) -> None:
    found = find_base_model(settings_in(tmp_path, base_model="owner/not-here"))
    assert isinstance(found, ModelChoice)
    assert (found.path.name, found.is_embedded) == (CHAT_FILE, True)
    assert "`aion pull owner/not-here`" in found.notice


def test_a_checkpoint_in_the_hubs_cache_is_converted_without_a_network(
    checkpoint: Path, tmp_path: Path
) -> None:
    code = "from aion.convert.hub import *; fetch_checkpoint(hub_id('owner/tiny'))"
    with serving_hub() as hub:
        hub.add_folder("owner/tiny", checkpoint)
        assert process(code, **hub_environment(hub, tmp_path)).communicate(timeout=60)[0] == ""
    nowhere = hub_environment(None, tmp_path) | {"AION_LOAD_IN_4BIT": "false"}
    out, _ = process(PROVIDE, tmp_path / "models", **nowhere).communicate(timeout=60)
    path = Path(out.strip())
    assert path.name == "tiny-BF16.gguf"
    in_4bit, _ = process(PROVIDE, tmp_path / "models", **nowhere | {"AION_LOAD_IN_4BIT": "true"}).communicate(
        timeout=60
    )
    assert Path(in_4bit.strip()).name == "tiny-Q4_K_M.gguf"
    assert read_header(path).metadata["general.source.repo_url"] == "https://huggingface.co/owner/tiny"


def test_an_empty_name_is_the_embedded_model(tmp_path: Path) -> None:
    found = find_base_model(settings_in(tmp_path, base_model=""))
    assert isinstance(found, ModelChoice)
    assert (found.path.name, found.is_embedded, found.notice) == (CHAT_FILE, True, "")


def test_a_folder_is_found_before_a_hub_id(checkpoint: Path, tmp_path: Path) -> None:
    found = find_base_model(settings_in(tmp_path, base_model=str(checkpoint)))
    assert isinstance(found, Conversion)
    assert (found.folder, found.file_name) == (checkpoint, "tiny-Q4_K_M.gguf")


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "/no/such/folder", "~/model", "x" * 5000, "a\0b"])
def test_nonsense_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"neither a GGUF file.*hub id"):
        find_base_model(settings_in(tmp_path, base_model=name))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.gguf does not exist"):
        find_base_model(settings_in(tmp_path, base_model=str(tmp_path / "absent.gguf")))
