"""Documents sent, listed, read and deleted over HTTP, and what is refused with a word for each."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Iterator
from urllib.parse import quote

import docx
import httpx
import pytest
from starlette.types import Message, Scope

from aion.server.app import create_app
from aion.server.documents.intake import MAX_WAITING
from tests.rag.readers.pdf_file import lines, pdf
from tests.server.live import Live, wait_until
from tests.server.test_failures import error_of

TOUR = "# Tour\n\nO tour half-day dura quatro horas.\n\n## Preço\n\nCusta 55 €.\n"


def upload(desk: Live, *files: tuple[str, bytes | str], **fields: str | list[str]) -> httpx.Response:
    return desk.http.post("/api/documents", files=[("file", file) for file in files], data=fields)


def sources(desk: Live) -> list[str]:
    return [each["source"] for each in desk.http.get("/api/documents").json()["documents"]]


def test_a_file_is_stored_once_and_replaced_when_it_changes(desk: Live) -> None:
    first = upload(desk, ("tour.md", TOUR))
    assert first.status_code == 200
    (stored,) = first.json()["documents"]
    assert (stored["source"], stored["status"], stored["chunks"]) == ("tour.md", "added", 2)
    assert upload(desk, ("tour.md", TOUR)).json()["documents"] == [stored | {"status": "unchanged"}]
    changed = upload(desk, ("tour.md", TOUR.replace("55", "60"))).json()["documents"]
    assert changed == [stored | {"status": "changed"}]
    assert sources(desk) == ["tour.md"]


def test_what_fails_is_told_file_by_file_and_the_rest_is_in(desk: Live) -> None:
    answer = upload(
        desk, ("a.md", TOUR), ("b.exe", b"MZ\0"), ("vazio.txt", b" "), ("grande.txt", b"x " * 600_000),
        ("pasta/a.md", "outro"),
    )  # fmt: skip
    assert answer.status_code == 200
    told = [(each["source"], each["status"], each.get("error", "")) for each in answer.json()["documents"]]
    assert told[0] == ("a.md", "added", "")
    assert [(source, status) for source, status, _ in told[1:]] == [
        ("b.exe", "failed"), ("vazio.txt", "failed"), ("grande.txt", "failed"), ("a.md", "failed"),
    ]  # fmt: skip
    for (_, _, error), words in zip(
        told[1:], ("unknown kind", "no text", "limit is 1,048,576", "twice"), strict=True
    ):
        assert words in error
    assert sources(desk) == ["a.md"]


def test_pages_that_were_not_read_are_told(desk: Live) -> None:
    (stored,) = upload(desk, ("guia.pdf", pdf([lines("A Pena."), []], picture=True))).json()["documents"]
    assert (stored["status"], stored["note"][:30]) == ("added", "1 of 2 pages is only a picture")


def test_when_nothing_could_be_stored_it_is_an_error_that_says_why(desk: Live) -> None:
    one = upload(desk, ("b.exe", b"MZ"))
    assert (one.status_code, one.json()["documents"][0]["status"]) == (422, "failed")
    assert one.json()["error"]["message"] == one.json()["documents"][0]["error"]
    two = upload(desk, ("b.exe", b"MZ"), ("c.exe", b"MZ"))
    assert (two.status_code, len(two.json()["documents"])) == (422, 2)


@pytest.mark.parametrize(
    "name", ["../../etc/tour.md", "C:\\Users\\Ana\\tour.md", "/tmp/tour.md", "a/tour.md"]
)
def test_a_clients_path_is_not_kept(desk: Live, name: str) -> None:
    assert upload(desk, (name, TOUR)).json()["documents"][0]["source"] == "tour.md"


def test_the_same_words_are_stored_once_and_shown_for_both(desk: Live) -> None:
    first, second = upload(desk, ("a.md", TOUR), ("copia.md", TOUR)).json()["documents"]
    shown = [desk.http.get(f"/api/documents/{each['document']}").json() for each in (first, second)]
    texts = [[chunk["text"] for chunk in each["passages"]] for each in shown]
    assert texts[0] == texts[1]
    assert "Custa 55 €." in texts[0][1]
    twins = [chunk["twin_of"] for chunk in shown[1]["passages"]]
    assert twins == [chunk["chunk"] for chunk in shown[0]["passages"]]
    desk.http.delete(f"/api/documents/{first['document']}")
    left = desk.http.get(f"/api/documents/{second['document']}").json()["passages"]
    assert [chunk["text"] for chunk in left] == texts[0]
    assert not any("twin_of" in chunk for chunk in left)


def test_a_word_file_is_read(desk: Live) -> None:
    document, file = docx.Document(), io.BytesIO()
    document.add_heading("Tour full-day", level=1)
    document.add_paragraph("O tour full-day custa 95 €.")
    document.save(file)
    (stored,) = upload(desk, ("tour.docx", file.getvalue())).json()["documents"]
    assert stored["status"] == "added"
    shown = desk.http.get(f"/api/documents/{stored['document']}").json()
    assert shown["title"] == "Tour full-day"
    assert "custa 95 €" in shown["passages"][0]["text"]
    (broken,) = upload(desk, ("mau.docx", file.getvalue()[:900])).json()["documents"]
    assert broken["status"] == "failed"
    assert broken["error"].startswith("mau.docx ")


def test_a_passage_of_a_pdf_says_its_page_everywhere(desk: Live) -> None:
    pages = [lines("Preços\n\nO tour custa 95 euros."), lines("Regras\n\nO guia usa crachá.")]
    (stored,) = upload(desk, ("regras.pdf", pdf(pages))).json()["documents"]
    shown = desk.http.get(f"/api/documents/{stored['document']}").json()["passages"]
    assert [chunk["page"] for chunk in shown] == [1, 2]
    question = "O guia usa crachá?"
    found = desk.post("/api/search", {"query": question}).json()["passages"]
    asked = desk.post("/api/ai/chat", {"message": question, "tau": 1}).json()["passages"]
    assert [passage["page"] for passage in (found[0], asked[0])] == [2, 2]


def test_a_file_sent_bare_is_told_how(desk: Live) -> None:
    sent = desk.http.post("/api/documents", content=b"%PDF-", headers={"Content-Type": "application/pdf"})
    assert "curl -F file=@NAME" in str(error_of(sent, 400)["message"])


def test_tags_are_kept_and_listed_by(desk: Live) -> None:
    upload(desk, ("a.md", TOUR), tags=["preços, 2026", "preços"])
    upload(desk, ("b.md", "# Outro\n\nTexto."))
    (found,) = desk.http.get("/api/documents", params={"tag": "preços"}).json()["documents"]
    assert (found["source"], sorted(found["tags"])) == ("a.md", ["2026", "preços"])
    assert error_of(upload(desk, ("c.md", TOUR), tags="x" * 101), 400)["param"] == "tags"
    assert sources(desk) == ["a.md", "b.md"]


def test_a_text_by_itself(desk: Live) -> None:
    body = {
        "text": "Abre às 9h30.",
        "title": "Pena",
        "source": "nota/pena",
        "date": "2026-01-02",
        "language": "pt",
    }
    answer = desk.post("/api/documents", body | {"tags": ["horários"]})
    assert answer.status_code == 200
    (stored,) = answer.json()["documents"]
    assert (stored["source"], stored["status"]) == ("nota/pena", "added")
    shown = desk.http.get(f"/api/documents/{stored['document']}").json()
    told = ("Pena", "2026-01-02", "pt", ["horários"])
    assert (shown["title"], shown["date"], shown["language"], shown["tags"]) == told
    assert "Abre às 9h30." in shown["passages"][0]["text"]
    again = desk.post("/api/documents", body | {"date": "2026-02-02"}).json()["documents"]
    assert [each["status"] for each in again] == ["changed"]


def test_a_text_without_a_name_is_named_by_its_words(desk: Live) -> None:
    statuses = []
    for text in ("Abre às 9h30.\nFecha às 18h.", "Outro texto.", "Abre às 9h30.\nFecha às 18h."):
        (stored,) = desk.post("/api/documents", {"text": text}).json()["documents"]
        statuses.append(stored["status"])
    assert statuses == ["added", "added", "unchanged"]
    assert sorted(each["title"] for each in desk.http.get("/api/documents").json()["documents"]) == [
        "Abre às 9h30.", "Outro texto.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", " \n"), ("text", 1), ("title", ""), ("title", "a\nb"), ("source", "x" * 301),
        ("tags", "a"), ("tags", [""]), ("tags", ["a"] * 51), ("date", "ontem"), ("date", "20260102"),
        ("date", "2026-13-01"), ("language", "fr"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(desk: Live, field: str, value: object) -> None:
    param = error_of(desk.post("/api/documents", {"text": "Texto."} | {field: value}), 400)["param"]
    assert param is not None
    assert param.split(".")[0] == field
    assert sources(desk) == []


def test_documents_come_in_pages(desk: Live) -> None:
    for name in ("a/1", "a/2", "b/1", "b/2", "c"):
        desk.post("/api/documents", {"text": f"Texto {name}.", "source": name})
    seen, after = [], ""
    while after is not None:
        page = desk.http.get("/api/documents", params={"limit": 2, "after": after}).json()
        seen.append([each["source"] for each in page["documents"]])
        after = page["next"]
    assert seen == [["a/1", "a/2"], ["b/1", "b/2"], ["c"]]
    only = desk.http.get("/api/documents", params={"prefix": "b/"}).json()
    assert ([each["source"] for each in only["documents"]], only["next"]) == (["b/1", "b/2"], None)


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "dez", "", "٣"])
def test_a_wrong_limit_is_named(desk: Live, limit: str) -> None:
    assert error_of(desk.http.get("/api/documents", params={"limit": limit}), 400)["param"] == "limit"


def test_a_document_is_deleted_by_number_or_source(desk: Live) -> None:
    (by_number,) = upload(desk, ("a.md", TOUR)).json()["documents"]
    upload(desk, ("á b&c.md", TOUR))
    assert desk.http.delete(f"/api/documents/{by_number['document']}").status_code == 204
    assert desk.http.delete(f"/api/documents?source={quote('á b&c.md')}").status_code == 204
    assert sources(desk) == []
    found = desk.post("/api/search", {"query": "Quanto custa o tour?"}).json()
    assert found["passages"] == []


@pytest.mark.parametrize("path", ["99999", "0", "-1", "tour.md", "9" * 40])
def test_a_document_that_is_not_there_is_404(desk: Live, path: str) -> None:
    for method in ("GET", "DELETE"):
        message = error_of(desk.http.request(method, f"/api/documents/{path}"), 404)["message"]
        assert message is not None
        assert path[:40] in message


def test_a_source_that_is_not_there_is_404(desk: Live) -> None:
    assert error_of(desk.http.delete("/api/documents?source=nada.md"), 404)["param"] == "source"
    assert error_of(desk.http.delete("/api/documents"), 400)["param"] == "source"


def test_when_too_many_wait_others_are_told_to_come_back(desk: Live) -> None:
    intake = desk.services.library.intake
    waiting = []
    with desk.services.library.turns:
        for n in range(MAX_WAITING):
            waiting.append(desk.connect("/api/documents", {"text": f"Texto {n}."}))
            wait_until(lambda n=n: intake.n_admitted == n + 1, "an upload to wait")  # type: ignore[misc]
        refused = desk.post("/api/documents", {"text": "Mais um."})
        assert error_of(refused, 503)["type"] == "overloaded_error"
        assert int(refused.headers["Retry-After"]) > 0
        assert desk.http.get("/api/documents").status_code == 200
    for client in waiting:
        assert client.recv(64).startswith(b"HTTP/1.1 200 ")
        client.close()
    assert len(sources(desk)) == MAX_WAITING


@pytest.fixture
def peer(desk: Live) -> Iterator[socket.socket]:
    """A connection of this machine, for a request that is made without HTTP."""
    with socket.create_connection(desk.address) as connected:
        yield connected


def test_who_waits_when_the_server_ends_is_told_and_what_came_whole_is_stored(
    desk: Live, peer: socket.socket
) -> None:
    turns = desk.services.library.turns
    sent: list[Message] = []
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n# Tour\r\n--x--\r\n'
    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/api/documents", "query_string": b"", "headers": headers,
        "client": peer.getsockname(), "server": peer.getpeername(),
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def cancelled() -> None:
        app = create_app(desk.services)(scope, receive, send)
        task = asyncio.ensure_future(app)
        await asyncio.to_thread(wait_until, lambda: turns.n_waiting == 1, "the upload to wait")
        task.cancel()
        await task

    with turns:
        asyncio.run(cancelled())
    assert sent[0]["status"] == 503
    assert b"AION is being stopped" in sent[1]["body"]
    wait_until(lambda: sources(desk) == ["a.md"], "the document to be stored")


def test_another_page_cannot_send_or_delete(desk: Live) -> None:
    upload(desk, ("a.md", TOUR))
    origin = {"Origin": "https://evil.example"}
    for method, path in (("POST", "/api/documents"), ("DELETE", "/api/documents?source=a.md")):
        assert desk.http.request(method, path, headers=origin).status_code == 403
    assert sources(desk) == ["a.md"]
