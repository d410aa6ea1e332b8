"""What the doctor says of how the model would be held."""

from __future__ import annotations

from pathlib import Path

from aion.machine import memory
from aion.server.upkeep.doctor import Finding, examine
from tests.remote.stand_in import standing_in
from tests.server.live import settings_in
from tests.server.sparse import sparse_model


def findings(folder: Path, **settings: object) -> dict[str, list[Finding]]:
    """By subject."""
    found: dict[str, list[Finding]] = {}
    for finding in examine(settings_in(folder, port=0, **settings)):
        found.setdefault(finding.subject, []).append(finding)
    return found


def test_each_choice_is_explained(tmp_path: Path) -> None:
    found = findings(tmp_path, parallel=0, kv_type="q8_0")
    texts = {subject: of_it[0].text for subject, of_it in found.items()}
    assert texts["threads"].startswith("1 of ")
    assert texts["threads"].endswith("(AION_THREADS)")
    assert texts["sequences"] == "8 at a time (their cache is small beside the free memory)"
    assert texts["context"] == "2048 tokens a sequence (all it was trained for)"
    assert texts["KV cache"].startswith(
        "44.6 MB for 16384 tokens as q8_0 (AION_KV_TYPE), each sequence with its own part, which is faster "
        "on a CPU, with flash attention"
    )
    assert texts["GPU layers"].startswith("0 of 6 ")
    assert texts["weights"].startswith("mapped from the file")
    assert "weights 5.7 MB, KV cache 44.6 MB for 8 x 2048 tokens" in texts["memory"]
    assert not any(finding.level == "problem" for of_it in found.values() for finding in of_it)


def test_what_the_operator_set_is_said_to_be_his(tmp_path: Path) -> None:
    found = findings(tmp_path, parallel=2, ctx=512, flash_attention="off", mmap=False)
    assert found["sequences"][0].text == "2 at a time (AION_PARALLEL)"
    assert found["context"][0].text == "512 tokens a sequence (AION_CTX)"
    assert "without flash attention (AION_FLASH_ATTENTION=off)" in found["KV cache"][0].text
    assert found["weights"][0].text == "read into memory (AION_MMAP=false)"


def test_cells_are_shared_where_fewer_are_wanted(tmp_path: Path) -> None:
    (whole,), (few,) = (
        findings(tmp_path, parallel=4, ctx=512, kv_tokens=kv_tokens)["KV cache"] for kv_tokens in (0, 1024)
    )
    assert "for 2048 tokens as f16 (AION_KV_TYPE), each sequence with its own part" in whole.text
    assert "without flash attention (AION_FLASH_ATTENTION=auto)" in whole.text
    assert "for 1024 tokens as f16 (AION_KV_TYPE), shared by all sequences (AION_KV_TOKENS)" in few.text
    assert "with flash attention" in few.text


def test_a_model_that_does_not_fit_is_a_problem_with_its_remedy(tmp_path: Path) -> None:
    path = sparse_model(tmp_path / "huge.gguf", n_wide=memory().total_bytes // 6144 // 256 * 256, n_layers=2)
    model = findings(tmp_path, base_model=str(path))["chat model"]
    assert [finding.level for finding in model] == ["ok", "problem"]
    assert "what helps: a smaller model or type (q4_k_m)." in model[1].text


def test_settings_that_exclude_each_other_are_a_problem(tmp_path: Path) -> None:
    model = findings(tmp_path, kv_type="q8_0", flash_attention="off")["chat model"]
    assert model[-1].level == "problem"
    assert "AION_KV_TYPE=q8_0 and AION_FLASH_ATTENTION=off" in model[-1].text


def test_a_watched_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, watch_dir=tmp_path)["watched folder"]
    assert found.level == "ok"
    (missing,) = findings(tmp_path, watch_dir=tmp_path / "docs")["watched folder"]
    assert (missing.level, str(tmp_path / "docs") in missing.text) == ("problem", True)
    assert "watched folder" not in findings(tmp_path)


def test_a_model_server_elsewhere_is_asked_whether_it_is_there(tmp_path: Path) -> None:
    with standing_in() as server:
        (there,) = findings(tmp_path, local_llm_url=server.url)["local answers"]
    (gone,) = findings(tmp_path, local_llm_url=server.url)["local answers"]
    assert (there.level, there.text) == ("ok", f"written by stand-in at {server.url}")
    assert gone.level == "problem"
    assert "cannot be reached" in gone.text
    assert "AION_LOCAL_LLM_URL" in gone.text
