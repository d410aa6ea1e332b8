"""The hub through a real HTTP server on this machine. Each fetch is a process of its own, because
huggingface_hub reads HF_ENDPOINT and its other variables when it is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aion.convert.hub.hub_id import HubId, hub_id
from aion.convert.hub.selection import configuration_files, gguf_files, weight_files
from aion.errors import HubError
from tests.convert.hub_server import Hub, hub_environment, serving_hub

PROGRAM = """
import json, sys
from aion.convert.hub import download, fetch_checkpoint, fetch_gguf, hub_id, look_up
from aion.errors import HubError
def refuse(folder):
    raise HubError(", ".join(sorted(path.name for path in folder.iterdir())))
download._PAUSE_S = 0.01
answers = []
for source, kind in json.loads(sys.argv[1]):
    steps = []
    try:
        if kind == "checkpoint":
            path = fetch_checkpoint(hub_id(source), lambda *step: steps.append(step))
        elif kind == "pickle":
            path = fetch_checkpoint(hub_id(source), allow_pickle=True)
        elif kind == "refused":
            path = fetch_checkpoint(hub_id(source), check=refuse)
        elif kind == "configuration":
            path = fetch_checkpoint(hub_id(source), weights=False)
        else:
            path, = fetch_gguf(look_up(hub_id(source)), kind)
        answers.append([str(path), steps])
    except HubError as error:
        answers.append([None, error.message])
print(json.dumps(answers))
"""
WEIGHTS = bytes(range(256)) * 4000
MODEL = {
    "config.json": b"{}", "tokenizer_config.json": b"{}", "tokenizer.model": b"pieces", "README.md": b"card",
    "model.safetensors": WEIGHTS, "pytorch_model.bin": b"pickle", "consolidated.safetensors": b"again",
    "onnx/model.onnx": b"other", "1_Pooling/config.json": b"{}",
}  # fmt: skip
NEEDED = ["1_Pooling/config.json", "README.md", "config.json", "model.safetensors", "tokenizer.model",
          "tokenizer_config.json"]  # fmt: skip
ID = HubId("owner", "model")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving_hub() as served:
        served.repositories["owner/model"] = dict(MODEL)
        yield served


def started(hub: Hub | None, home: Path, *asked: tuple[str, str], **more: str) -> subprocess.Popen[str]:
    environment = os.environ | hub_environment(hub, home) | more
    arguments = [sys.executable, "-c", PROGRAM, json.dumps(asked)]
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)


def fetched(hub: Hub | None, home: Path, *asked: tuple[str, str], **more: str) -> list[Any]:
    """(path, progress) or (None, message) for each (source, kind) asked of one process."""
    process = started(hub, home, *asked, **more)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return list(json.loads(out))


def files_in(folder: str) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file())


def test_only_the_files_needed_are_fetched_and_counted(hub: Hub, tmp_path: Path) -> None:
    ((folder, steps),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"), HF_TOKEN="hf_secret")
    assert files_in(folder) == NEEDED
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    total = sum(len(MODEL[name]) for name in NEEDED)
    assert {step[2] for step in steps} == {total}
    assert [step[1] for step in steps] == sorted(step[1] for step in steps)
    assert steps[-1] == ["model.safetensors", total, total]
    assert hub.authorized
    assert not [path for path in hub.authorized if path.startswith("/cdn/")]


def test_a_second_call_and_one_without_network_take_the_cache(hub: Hub, tmp_path: Path) -> None:
    ((folder, _),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    hub.requests.clear()
    ((again, _),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    assert (again, hub.fetched("/resolve/")) == (folder, [])
    ((offline, _),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"), HF_HUB_OFFLINE="1")
    ((away, _),) = fetched(None, tmp_path, ("owner/model", "checkpoint"))
    assert offline == away == folder


def test_a_busy_hub_and_a_dropped_connection_are_got_over(hub: Hub, tmp_path: Path) -> None:
    hub.busy["model.safetensors"] = [503]
    hub.cut["model.safetensors"] = 400_000
    ((folder, steps),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    asked = [where for _, where in hub.fetched("/cdn/owner/model/model.safetensors")]
    assert asked == ["", "", "bytes=400000-"]
    assert steps[-1][1] == steps[-1][2]


PAGE = b"<html>please log in</html>"


@pytest.mark.parametrize(
    ("headers", "n_before"),
    [({"Content-Length": str(len(PAGE))}, 0), ({"Content-Length": str(len(PAGE))}, 400_000),
     ({"Content-Type": "text/html; charset=utf-8"}, 0), ({}, 0)],
)  # fmt: skip
def test_a_page_of_a_proxy_in_the_place_of_a_file_ends_in_a_sentence(
    hub: Hub, tmp_path: Path, headers: dict[str, str], n_before: int
) -> None:
    if n_before:
        hub.cut["model.safetensors"] = n_before
    hub.pages["model.safetensors"] = (PAGE, headers, n_before > 0)
    ((path, message),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    assert path is None
    assert message.startswith(f"Something between here and {hub.url.removeprefix('http://')} answers for mod")
    assert len(hub.fetched("/cdn/owner/model/model.safetensors")) <= 7
    hub.pages.clear()
    hub.requests.clear()
    if not headers:  # nothing told the page from the file: its bytes go when they do not fit
        assert "came with other bytes" in fetched(hub, tmp_path, ("owner/model", "checkpoint"))[0][1]
    ((folder, _),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    if n_before:  # what had come before was kept
        assert hub.fetched("/cdn/owner/model/model.safetensors")[0][1] == f"bytes={n_before}-"


def test_what_is_refused_by_its_configuration_costs_no_weights(hub: Hub, tmp_path: Path) -> None:
    ((path, message),) = fetched(hub, tmp_path, ("owner/model", "refused"))
    assert path is None
    assert message == "1_Pooling, README.md, config.json, tokenizer.model, tokenizer_config.json"
    assert hub.fetched("model.safetensors") == []
    ((_, message),) = fetched(hub, tmp_path, ("owner/model", "configuration"), HF_HUB_OFFLINE="1")
    assert "is not whole in" in message  # nothing is said to be whole yet


@pytest.mark.parametrize("n_shards", [0, 2])
def test_pickles_in_the_cache_are_found_without_network(hub: Hub, tmp_path: Path, n_shards: int) -> None:
    names = [f"pytorch_model-0000{n + 1}-of-00002.bin" for n in range(n_shards)] or ["pytorch_model.bin"]
    weights = dict.fromkeys(names, b"pickle")
    if n_shards:
        index = {"weight_map": {str(number): name for number, name in enumerate(names)}}
        weights["pytorch_model.bin.index.json"] = json.dumps(index).encode()
    hub.repositories["owner/model"] = {"config.json": b"{}"} | weights
    ((folder, _),) = fetched(hub, tmp_path, ("owner/model", "pickle"))
    asked = [("owner/model", "pickle"), ("owner/model", "checkpoint")]
    (offline, _), (without, message) = fetched(hub, tmp_path, *asked, HF_HUB_OFFLINE="1")
    assert (offline, without) == (folder, None)
    assert "is not whole in" in message


def test_an_index_that_nests_too_deep_is_no_whole_checkpoint(hub: Hub, tmp_path: Path) -> None:
    ((folder, _),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    (Path(folder) / "model.safetensors").unlink()
    (Path(folder) / "model.safetensors.index.json").write_text("[" * 200_000)
    ((path, message),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"), HF_HUB_OFFLINE="1")
    assert path is None
    assert "is not whole in" in message


def test_a_killed_process_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.stuck["model.safetensors"] = 400_000
    process = started(hub, tmp_path, ("owner/model", "checkpoint"))
    give_up = time.monotonic() + 60
    while not hub.fetched("model.safetensors")[2:]:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    process.kill()
    process.communicate()
    hub.stuck.clear()
    hub.requests.clear()
    ((folder, _),) = fetched(hub, tmp_path, ("owner/model", "checkpoint"))
    assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.fetched("/cdn/owner/model/model.safetensors")[0][1] == "bytes=400000-"
    assert not list(tmp_path.rglob("*.part"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Any]]:
    """What one process got for many questions, and the address of the hub under "hub"."""
    asked = [
        ("owner/model@main", "configuration"), ("owner/gguf", "q8_0"), ("owner/gguf", "f16"),
        *((f"owner/{name}", "checkpoint") for name in REFUSED),
    ]  # fmt: skip
    with serving_hub() as hub:
        hub.repositories["owner/model"] = dict(MODEL)
        hub.repositories["owner/gguf"] = {"m-Q4_K_M.gguf": b"GGUF four", "m-Q8_0.gguf": b"GGUF eight"}
        hub.repositories["owner/huge"] = {"config.json": b"{}", "model-00001-of-00001.safetensors": b"0"}
        hub.repositories["owner/huge"]["model.safetensors.index.json"] = b"{}"
        hub.n_claimed["model-00001-of-00001.safetensors"] = 10**18
        hub.repositories["owner/lying"] = {"config.json": b"{}", "model.safetensors": WEIGHTS}
        hub.sha256_claimed["model.safetensors"] = "0" * 64
        hub.refusals = {"owner/gated": (403, "GatedRepo"), "owner/down": (503, "")}
        home = tmp_path_factory.mktemp("hub")
        found = fetched(hub, home, *asked)
        yield dict(zip(asked, found, strict=True)) | {("hub", ""): hub.url, ("home", ""): home}


REFUSED = {
    "gated": ("accept its licence", "/owner/gated, log in", "hf auth login", "HF_TOKEN"),
    "absent": ("owner/absent is not on the hub, or is private", "check the name"),
    "model@nonsense": ("has no revision 'nonsense'",),
    "down": ("answered 503", "try again later"),
    "huge": ("needs 1000000000.0 GB more", "GB free", "HF_HOME"),
    "a--b": ("not a name the hub can have",),
    "lying": ("model.safetensors came with other bytes than the hub announces", "fetch it again"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_is_a_sentence_with_its_remedy(answers: dict[tuple[str, str], Any], name: str) -> None:
    path, message = answers[f"owner/{name}", "checkpoint"]
    assert path is None
    assert [part for part in REFUSED[name] if part not in message] == [], message
    assert "\n" not in message


def test_bytes_that_were_not_announced_are_not_kept(answers: dict[tuple[str, str], Any]) -> None:
    files = [path for path in answers["home", ""].rglob("*") if path.is_file()]
    assert len(files) > 1
    assert not [path for path in files if path.stat().st_size == len(WEIGHTS)]


def test_configuration_alone_brings_no_weights(answers: dict[tuple[str, str], Any]) -> None:
    folder, _ = answers["owner/model@main", "configuration"]
    assert files_in(folder) == [name for name in NEEDED if name != "model.safetensors"]


def test_a_gguf_is_chosen_by_its_type(answers: dict[tuple[str, str], Any]) -> None:
    assert Path(answers["owner/gguf", "q8_0"][0]).read_bytes() == b"GGUF eight"
    assert answers["owner/gguf", "f16"] == [
        None, "owner/gguf has no GGUF file for F16; name one with --file: m-Q4_K_M.gguf, m-Q8_0.gguf.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "says"),
    [({}, "cannot be reached for owner/model"), ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids")],
)
def test_no_network_and_nothing_here_is_a_sentence(tmp_path: Path, more: dict[str, str], says: str) -> None:
    ((path, message),) = fetched(None, tmp_path, ("owner/model", "checkpoint"), **more)
    assert path is None
    assert says in message
    assert "copy the model's folder here" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mistralai/Mistral-7B-Instruct-v0.3", HubId("mistralai", "Mistral-7B-Instruct-v0.3")),
        ("a/b@refs/pr/1", HubId("a", "b", "refs/pr/1")),
        ("a/b/c", None), ("a", None), ("/a/b", None), ("./a", None), ("../a/b", None), ("~/a", None),
        ("a/b@", None), ("a /b", None), ("", None), ("ç/b", None),
    ],
)  # fmt: skip
def test_a_hub_id_has_one_form(text: str, expected: HubId | None) -> None:
    assert hub_id(text) == expected


def test_shards_and_their_index_are_the_weights() -> None:
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    names = [*shards, "model.safetensors.index.json", "consolidated.safetensors", "model.fp16.safetensors"]
    assert weight_files(names, ID) == ["model.safetensors.index.json", *shards]
    assert weight_files([*names, "model.safetensors"], ID) == ["model.safetensors"]


def test_pickles_are_taken_only_when_allowed() -> None:
    names = ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json", "training_args.bin"]
    with pytest.raises(HubError, match=r"only as pickles \(pytorch_model-00001.*--allow-pickle"):
        weight_files(names, ID)
    assert weight_files(names, ID, allow_pickle=True) == [names[1], names[0]]
    assert weight_files([*names, "model.safetensors"], ID, allow_pickle=True) == ["model.safetensors"]
    with pytest.raises(HubError, match=r"holds no model\.safetensors"):
        weight_files(["config.json"], ID)
    with pytest.raises(HubError, match=r"holds only consolidated\.safetensors, .* and no model\.safetensors"):
        weight_files(["params.json", "consolidated.safetensors"], ID)


def test_what_describes_a_model_is_known_by_name() -> None:
    taken = [
        "tokenizer.json",
        "additional_chat_templates/tool_use.jinja",
        "tokenizer.model.v3",
        "sentencepiece.bpe.model",
        "tekken.json",
        "chat_template.jinja",
        "vocab.txt",
    ]
    left = ["params.json", "tf_model.h5", "evil/config.json", "train.py", ".gitattributes"]
    assert configuration_files(taken + left) == sorted(taken)


@pytest.mark.parametrize(
    ("wanted", "file", "expected"),
    [
        ("q4_k_m", None, ["M.Q4_K_M.gguf"]),
        ("q4_k", "M.Q4_K_S.gguf", ["M.Q4_K_S.gguf"]),
        ("q8_0", None, ["sub/M-q8_0-00001-of-00002.gguf", "sub/M-q8_0-00002-of-00002.gguf"]),
        ("f16", None, ["M-f16.gguf"]),
        ("f32", None, ["M-fp32.gguf"]),
    ],
)
def test_a_type_is_found_in_a_files_name(wanted: str, file: str | None, expected: list[str]) -> None:
    names = ["M.Q4_K_M.gguf", "M.Q4_K_S.gguf", "M-f16.gguf", "mmproj-M-f16.gguf", "M-bf16.gguf",
             "M-fp32.gguf", "sub/M-q8_0-00002-of-00002.gguf", "sub/M-q8_0-00001-of-00002.gguf"]  # fmt: skip
    assert gguf_files(names, ID, wanted, file) == expected


def test_two_that_fit_are_named() -> None:
    with pytest.raises(HubError, match=r"several GGUF files for Q4_0.*a-q4_0\.gguf, b-q4_0\.gguf"):
        gguf_files(["a-q4_0.gguf", "b-q4_0.gguf"], ID, "q4_0")
