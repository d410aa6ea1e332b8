"""`aion pull` from a hub on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aion.convert.gguf_header import read_header
from tests.cli.conftest import Run
from tests.convert.hub_server import Hub, hub_environment, serving_hub
from tests.server.checkpoints import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("hf") / "tiny")


def test_the_list_names_models_with_size_and_memory(aion: Run) -> None:
    done = aion("pull", "--list", AION_CTX="512", AION_PARALLEL="1")
    assert (done.code, done.err) == (0, "")
    for name in ("mistralai/Mistral-7B-Instruct-v0.3", "Qwen/Qwen2-1.5B-Instruct", "BAAI/bge-m3",
                 "microsoft/Phi-3-mini-4k-instruct", "intfloat/multilingual-e5-small"):  # fmt: skip
        assert f"{name}\n" in done.out
    assert "download 14.5 GB, file 4.4 GB (q4_k_m), memory " in done.out
    assert "1 sequences of 512 tokens" in done.out


def test_a_checkpoint_is_fetched_converted_and_found_again(
    aion: Run, tmp_path: Path, checkpoint: Path
) -> None:
    with serving_hub() as hub:
        hub.add_folder("owner/tiny", checkpoint)
        hub.cut["model.safetensors"] = 100_000
        variables = hub_environment(hub, tmp_path / "hf") | {"AION_BASE_MODEL": "owner/tiny"}
        done = aion("pull", **variables)
        path = tmp_path / "models" / "tiny-Q4_K_M.gguf"
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("models/tiny-Q4_K_M.gguf: ")
        assert "bytes=100000-" in [asked for _, asked in hub.fetched("model.safetensors")]
        written = path.stat().st_mtime_ns
        assert aion("pull", **variables).out == done.out
        assert path.stat().st_mtime_ns == written
    assert read_header(path).metadata["general.source.repo_url"] == "https://huggingface.co/owner/tiny"
    seen = aion("doctor", AION_PORT="0", **variables)
    assert "models/tiny-Q4_K_M.gguf: tiny, llama" in seen.out
    assert [p.name for p in (tmp_path / "models").iterdir()] == [path.name]


def ready(hub: Hub, checkpoint: Path) -> None:
    files = {f"tiny-{kind}.gguf": f"GGUF {kind}".encode() for kind in ("Q4_K_M", "Q8_0", "odd")}
    hub.repositories["owner/tiny-GGUF"] = files | {"README.md": b"card", "config.json": b"{}"}


def test_a_ready_gguf_is_taken_as_it_is(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    with serving_hub() as hub:
        ready(hub, checkpoint)
        variables = hub_environment(hub, tmp_path / "hf")
        assert aion("pull", "owner/tiny-GGUF", **variables).code == 0
        assert aion("pull", "owner/tiny-GGUF", "--file", "tiny-odd.gguf", **variables).code == 0
        assert not [path for path, _ in hub.fetched("README.md")]
    found = {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()}
    assert found == {f"tiny-{k}.gguf": f"GGUF {k}".encode() for k in ("Q4_K_M", "odd")}


def test_a_model_under_licence_says_how_to_accept_it(aion: Run, tmp_path: Path) -> None:
    with serving_hub() as hub:
        hub.refusals["owner/gated"] = (403, "GatedRepo")
        done = aion("pull", "owner/gated", **hub_environment(hub, tmp_path / "hf"))
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            f"aion: owner/gated asks you to accept its licence: do it at {hub.url}/owner/gated, log in with "
            "`hf auth login`, or set HF_TOKEN, and run this again.\n"
        )


def test_without_a_network_it_is_one_sentence(aion: Run, tmp_path: Path) -> None:
    done = aion("pull", "Qwen2-1.5B-Instruct", **hub_environment(None, tmp_path / "hf"))
    assert (done.code, done.out) == (1, "")
    assert "cannot be reached for Qwen/Qwen2-1.5B-Instruct" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_name_that_is_no_hub_id_is_explained(aion: Run) -> None:
    done = aion("pull", "nonsense")
    assert (done.code, done.out) == (1, "")
    assert "'nonsense' is not a hub id such as owner/name; see `aion pull --list`" in done.err


def test_what_cannot_be_converted_is_refused_before_its_weights_come(
    aion: Run, tmp_path: Path, checkpoint: Path
) -> None:
    with serving_hub() as hub:
        hub.add_folder("owner/tiny", checkpoint)
        hub.repositories["owner/tiny"]["config.json"] = b'{"architectures": ["MixtralForCausalLM"]}'
        variables = hub_environment(hub, tmp_path / "hf")
        for words in (["pull", "owner/tiny"], ["convert", "owner/tiny"]):
            done = aion(*words, **variables)
            assert (done.code, done.out) == (1, "")
            assert "names the architecture 'MixtralForCausalLM', a mixture of experts" in done.err
        assert hub.fetched("model.safetensors") == []


def test_a_pulled_gguf_needs_no_network_again(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    asked = [["owner/tiny-GGUF"], ["owner/tiny-GGUF", "--file", "tiny-odd.gguf"]]
    with serving_hub() as hub:
        ready(hub, checkpoint)
        first = [aion("pull", *words, **hub_environment(hub, tmp_path / "hf")).out for words in asked]
    again = [aion("pull", *words, **hub_environment(None, tmp_path / "hf")) for words in asked]
    assert [done.out for done in again] == first
    other = aion("pull", "owner/tiny-GGUF", "--type", "q8_0", **hub_environment(None, tmp_path / "hf"))
    assert (other.code, other.out) == (1, "")
    assert "cannot be reached" in other.err


def test_models_of_one_name_and_two_owners_are_both_kept(aion: Run, tmp_path: Path, checkpoint: Path) -> None:
    with serving_hub() as hub:
        for owner in ("first", "second"):
            hub.add_folder(f"{owner}/tiny", checkpoint)
            done = aion("pull", f"{owner}/tiny", "--type", "f16", **hub_environment(hub, tmp_path / "hf"))
            assert (done.code, done.err) == (0, "")
    pages = {
        str(read_header(path).metadata["general.source.repo_url"]): path.name
        for path in (tmp_path / "models").iterdir()
    }
    assert pages["https://huggingface.co/first/tiny"] == "tiny-F16.gguf"
    assert re.fullmatch(r"tiny-[0-9a-f]{8}-F16\.gguf", pages["https://huggingface.co/second/tiny"])
