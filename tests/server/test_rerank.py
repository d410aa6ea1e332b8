"""`/v1/rerank` over a real server, with a random cross encoder that AION converted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.convert import convert
from aion.rag.evaluate.folder import LabelledPassage, LabelledQuestion, QuestionSet
from aion.server.evaluation.retrieval import evaluate_folder
from aion.server.services import open_services
from tests.engine.test_reranker import make
from tests.server.described import check
from tests.server.live import Live, live, settings_in
from tests.server.test_doctor import findings

TEXTS = ["O tour half-day custa 55 €.", "O Palácio da Pena abre às 9h30.", "a", "b c d"]
QUERY = "Quanto custa?"


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make("bert", tmp_path_factory.mktemp("rerank") / "bert")
    return convert(folder, folder.with_suffix(".gguf"), "f32", "tiny reranker")


@pytest.fixture(scope="module")
def ranking(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = settings_in(tmp_path_factory.mktemp("ranking"), rerank_model=model_path)
    with open_services(settings) as services, live(services) as running:
        yield running


def test_the_best_comes_first(ranking: Live) -> None:
    answer = ranking.post("/v1/rerank", {"model": "any", "query": QUERY, "documents": TEXTS}).json()
    reranker = ranking.services.library.reranker
    assert reranker is not None
    scores, n_tokens = reranker.judge(QUERY, TEXTS)
    found = [(each["index"], each["relevance_score"]) for each in answer["results"]]
    assert sorted(found) == [(i, pytest.approx(float(s), abs=1e-5)) for i, s in enumerate(scores)]
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert answer["model"] == "tiny reranker"
    assert answer["usage"]["total_tokens"] == n_tokens


def test_few_are_returned_with_their_texts(ranking: Live) -> None:
    body = {"query": QUERY, "documents": [{"text": text} for text in TEXTS]}
    whole = ranking.post("/v1/rerank", body).json()["results"]
    wanted = body | {"top_n": 2, "return_documents": True}
    short = check(ranking.post("/v1/rerank", wanted), "post", "/v1/rerank")["results"]
    assert [each["index"] for each in short] == [each["index"] for each in whole[:2]]
    assert [each["document"]["text"] for each in short] == [TEXTS[each["index"]] for each in short]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"documents": []}, "documents"), ({"documents": [1]}, "documents.0"), ({"top_n": 0}, "top_n"),
        ({"documents": [{"title": "x"}]}, "documents.0"), ({"query": None}, "query"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(ranking: Live, change: dict[str, object], param: str) -> None:
    answer = ranking.post("/v1/rerank", {"query": QUERY, "documents": TEXTS} | change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_without_a_reranker_the_setting_is_named(sintra: Live) -> None:
    answer = sintra.post("/v1/rerank", {"query": QUERY, "documents": TEXTS})
    assert answer.status_code == 501
    assert "AION_RERANK_MODEL" in answer.json()["error"]["message"]


def test_the_doctor_says_what_it_found(model_path: Path, tmp_path: Path) -> None:
    (found,) = findings(tmp_path, rerank_model=model_path)["reranker"]
    assert found.level == "ok"
    assert "tiny reranker, bert" in found.text
    assert found.text.endswith("pairs of 64 tokens at most")
    (missing,) = findings(tmp_path, rerank_model=tmp_path / "none.gguf")["reranker"]
    assert (missing.level, "AION_RERANK_MODEL" in missing.text) == ("problem", True)
    (none,) = findings(tmp_path)["reranker"]
    assert (none.level, none.text) == ("ok", "none is set (AION_RERANK_MODEL)")


def test_an_evaluation_measures_what_answers(model_path: Path, tmp_path: Path) -> None:
    texts = {f"p{n}": f"O tour {n} custa {n + 10} €." for n in range(12)}
    passages = tuple(LabelledPassage(id_, "", text) for id_, text in texts.items())
    asked = tuple(LabelledQuestion(f"Quanto custa o tour {n}?", {f"p{n}": 1.0}) for n in range(12))
    settings = settings_in(tmp_path, rerank_model=model_path)
    report = evaluate_folder(
        settings, QuestionSet(passages, asked), k=10, progress=lambda _what, _done, _total: None
    )
    assert report.reranker == "tiny reranker"
    assert report.figures["lexical"].mrr == 1
    assert report.figures["hybrid"].mrr < 1  # its weights are random
