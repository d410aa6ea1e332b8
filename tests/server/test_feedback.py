"""`POST /api/feedback` and `GET /api/events/{id}`, over a real server."""

from __future__ import annotations

from typing import Any

import pytest

from aion.rag.evaluate.own import by_item, labelled
from aion.store.judgments import Judgments
from tests.server.live import Live
from tests.server.test_failures import error_of

TOUR = "Quanto custa o tour full-day em Sintra?"


@pytest.fixture
def answer(sintra: Live) -> dict[str, Any]:
    answered: dict[str, Any] = sintra.post("/api/ai/chat", {"message": TOUR, "tau": 1}).json()
    return answered


def say(sintra: Live, answer: dict[str, Any], **what: object) -> int:
    """Give feedback; the number of its event."""
    response = sintra.post("/api/feedback", {"event_id": answer["event_id"], **what})
    assert response.status_code == 201, response.text
    assert set(response.json()) == {"event_id"}
    return int(response.json()["event_id"])


def event(sintra: Live, number: int) -> dict[str, Any]:
    found: dict[str, Any] = sintra.http.get(f"/api/events/{number}").json()
    return found


def judged(sintra: Live, question: str = TOUR) -> dict[str, float]:
    """Sources and grades that feedback gave."""
    found = Judgments(sintra.services.library.store).list("default", question)
    return {judgment.source: judgment.grade for judgment in found if judgment.origin == "feedback"}


def test_a_feedback_is_an_event_about_its_answer(sintra: Live, answer: dict[str, Any]) -> None:
    number = say(sintra, answer, thumb="down", correction="95 €.", comment="São João?")
    told = event(sintra, number)
    assert (told["kind"], told["value"], told["subject"]) == ("feedback", -1.0, answer["event_id"])
    assert told["meta"] == {"thumb": "down", "correction": "95 €.", "comment": "São João?"}
    assert told["conversation"] == answer["conversation_id"]


def test_the_latest_of_each_part_counts(sintra: Live, answer: dict[str, Any]) -> None:
    say(sintra, answer, thumb="up", comment="first")
    say(sintra, answer, correction="95 €.", passages=[{"n": 1, "relevant": True}, {"n": 2, "relevant": True}])
    say(sintra, answer, thumb="down", passages=[{"n": 2, "relevant": False}])
    say(sintra, answer, comment="", passages=[{"n": 1, "relevant": None}])
    told = event(sintra, answer["event_id"])
    assert [each["value"] for each in told["feedback"]] == [1.0, 0.0, -1.0, 0.0]
    assert told["opinion"] == {
        "thumb": "down", "correction": "95 €.", "relevant": [{"n": 2, "relevant": False}],
    }  # fmt: skip
    say(sintra, answer, thumb="none")
    assert "thumb" not in event(sintra, answer["event_id"])["opinion"]


def test_judged_passages_are_what_an_evaluation_asks_for(sintra: Live, answer: dict[str, Any]) -> None:
    passages = {passage["n"]: passage["source"] for passage in answer["passages"]}
    say(sintra, answer, passages=[{"n": 1, "relevant": True}, {"n": 2, "relevant": False}])
    assert judged(sintra) == {passages[1]: 1.0, passages[2]: 0.0}
    questions = labelled(Judgments(sintra.services.library.store).list("default", TOUR))
    retriever = sintra.services.library.retriever
    search = by_item(lambda question: retriever.retrieve("default", question).passages, questions)
    assert search(TOUR)[0] in questions[0].relevance
    say(sintra, answer, passages=[{"n": 1, "relevant": False}])
    assert judged(sintra) == {passages[1]: 0.0, passages[2]: 0.0}
    say(sintra, answer, passages=[{"n": 1, "relevant": None}, {"n": 2, "relevant": None}])
    assert judged(sintra) == {}


def test_of_a_follow_up_what_was_searched_for_is_judged(sintra: Live) -> None:
    first = sintra.post("/api/ai/chat", {"message": TOUR, "tau": 1}).json()
    asked = {"message": "e para crianças?", "tau": 1, "conversation_id": first["conversation_id"]}
    answer = sintra.post("/api/ai/chat", asked).json()
    searched = event(sintra, answer["event_id"])["retrieval"]["meta"]["query"]
    assert searched != "e para crianças?"
    say(sintra, answer, passages=[{"n": 1, "relevant": True}])
    assert set(judged(sintra, searched)) == {answer["passages"][0]["source"]}
    assert judged(sintra, "e para crianças?") == {}


@pytest.mark.parametrize("event_id", [999_999, 2**62])
def test_an_answer_that_is_not_there(sintra: Live, event_id: int) -> None:
    error = error_of(sintra.post("/api/feedback", {"event_id": event_id, "thumb": "up"}), 404)
    assert error["param"] == "event_id"
    assert str(event_id) in str(error["message"])


def test_an_event_that_is_no_answer(sintra: Live, answer: dict[str, Any]) -> None:
    number = say(sintra, answer, thumb="up")
    error = error_of(sintra.post("/api/feedback", {"event_id": number, "thumb": "up"}), 404)
    assert "of kind feedback" in str(error["message"])


def test_a_tenant_that_is_not_there(sintra: Live, answer: dict[str, Any]) -> None:
    body = {"event_id": answer["event_id"], "thumb": "up", "tenant": "nobody"}
    assert error_of(sintra.post("/api/feedback", body), 404)["param"] == "tenant"


@pytest.mark.parametrize(
    ("what", "param"),
    [
        ({}, "thumb"),
        ({"thumb": None}, "thumb"),
        ({"passages": []}, "thumb"),
        ({"thumb": "great"}, "thumb"),
        ({"thumb": 1}, "thumb"),
        ({"correction": 5}, "correction"),
        ({"comment": "x" * 100_001}, "comment"),
        ({"passages": [{"n": 0, "relevant": True}]}, "passages.0.n"),
        ({"passages": [{"n": 1, "relevant": True}, {"n": 9, "relevant": True}]}, "passages.1.n"),
        ({"passages": [{"n": 1, "relevant": "yes"}]}, "passages.0.relevant"),
        ({"passages": [{"n": "1", "relevant": True}]}, "passages.0.n"),
        ({"passages": [{"n": 1}]}, "passages.0.relevant"),
        ({"passages": {"n": 1}}, "passages"),
        ({"event_id": 0, "thumb": "up"}, "event_id"),
        ({"event_id": "1", "thumb": "up"}, "event_id"),
        ({"event_id": 2**63, "thumb": "up"}, "event_id"),
    ],
)
def test_a_wrong_field_is_named(
    sintra: Live, answer: dict[str, Any], what: dict[str, object], param: str
) -> None:
    body = {"event_id": answer["event_id"], **what}
    assert error_of(sintra.post("/api/feedback", body), 400)["param"] == param
    assert "feedback" not in event(sintra, answer["event_id"])


def test_half_a_character_becomes_a_question_mark(sintra: Live, answer: dict[str, Any]) -> None:
    body = f'{{"event_id": {answer["event_id"]}, "comment": "oi \\ud800"}}'
    number = sintra.http.post("/api/feedback", content=body).json()["event_id"]
    assert event(sintra, number)["meta"] == {"comment": "oi ?"}


def test_an_answer_tells_why_it_was_given(sintra: Live, answer: dict[str, Any]) -> None:
    told = event(sintra, answer["event_id"])
    assert (told["kind"], told["value"]) == ("answer", 1.0)
    assert (told["meta"]["prompt"], told["meta"]["reply"]) == (TOUR, answer["text"])
    assert {"C", "tau", "reason", "model", "source", "rank", "ms"} <= set(told["meta"])
    assert told["retrieval"]["meta"]["query"] == TOUR
    assert {"lexical", "dense"} <= set(told["retrieval"]["meta"]["stages"])
    assert [passage["n"] for passage in told["passages"]] == list(range(1, 9))
    first = told["passages"][0]
    assert first["source"] == "sintra/tour-full-day.md"
    assert first["why"]["lexical_rank"] == 1
    assert first["why"]["stems"]
    assert {"sent", "cited", "score", "cosine", "bm25", "text"} <= set(first)


def test_any_event_is_shown(sintra: Live, answer: dict[str, Any]) -> None:
    told = event(sintra, answer["event_id"])
    retrieval = event(sintra, told["retrieval"]["id"])
    assert (retrieval["kind"], retrieval["subject"]) == ("retrieval", told["id"])
    assert len(retrieval["passages"]) == 8
    assert event(sintra, 1)["kind"] == "document.added"


@pytest.mark.parametrize("number", ["0", "999999", "9" * 30, "x", "-1", "1.5", "٣"])
def test_an_event_that_is_not_there(sintra: Live, number: str) -> None:
    message = error_of(sintra.http.get(f"/api/events/{number}"), 404)["message"]
    assert "There is no event" in str(message)
