"""Paths from the network: adapters from their folders only, no other file is read, written or named."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.errors import InvalidRequest
from aion.server.access.file_paths import adapter_path
from aion.server.services import open_services
from tests.server.live import DEADLINE_S, Live, live, settings_in
from tests.server.test_adapters import write_peft
from tests.server.test_failures import error_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Path]]:
    """A server whose folders are house/models, house/trainer and house/adapter, and what lies about them."""
    folder = tmp_path_factory.mktemp("paths")
    house = folder / "house"
    for name in ("models", "trainer/lora/out", "adapter"):
        (house / name).mkdir(parents=True)
    write_peft(house / "trainer" / "lora" / "out" / "tone", 1)
    write_peft(folder / "outside", 2)
    (house / "models" / "way-out").symlink_to(folder / "outside")
    (house / "way-in").symlink_to(house / "trainer")
    (house / "models" / "circle").symlink_to(house / "models" / "circle")
    (folder / "secret.txt").write_text("segredo")
    settings = settings_in(house, train_root=house / "trainer")
    with open_services(settings) as services, live(services) as server:
        yield server, house


def outside(house: Path) -> list[str]:
    return [
        "/etc/passwd", "/absent/too", str(house.parent / "outside"), str(house.parent / "secret.txt"),
        f"{house}/models/../../outside", f"{house}/models/way-out", f"{house}/models/way-out/adapter.gguf",
        f"{house}/models/circle", f"{house}/models-of-others/x.gguf", str(house), str(house / "aion.db"),
        "../outside", "~/x.gguf", "C:\\models\\x.gguf", "\\\\host\\share", "file:///etc/passwd", "x\x00.gguf",
        f"{house}/models/\x00/../../../etc/passwd", "/" + "a" * 5000, "/dev/stdin",
        f"{house}/models/{'../' * 60}etc/passwd", "/proc/self/environ",
    ]  # fmt: skip


def test_an_adapter_from_elsewhere_is_refused_and_told_where_to_lie(home: tuple[Live, Path]) -> None:
    server, house = home
    for path in outside(house):
        for route, body in (
            ("/v1/adapters", {"name": "x", "path": path}),
            ("/adapter/reload", {"path": path}),
        ):
            error = error_of(server.post(route, body), 400)
            assert error["param"] == "path"
            for named in ("AION_ADAPTER_DIR", "AION_MODELS_DIR", "AION_TRAIN_ROOT"):
                assert named in str(error["message"])
    assert server.http.get("/v1/adapters").json()["data"] == []


def test_nobody_learns_what_else_there_is(home: tuple[Live, Path]) -> None:
    """Whether a file elsewhere exists makes no difference."""
    server, house = home
    answers = [
        server.post("/v1/adapters", {"name": "x", "path": str(house.parent / name)}).text.replace(name, "")
        for name in ("secret.txt", "absent.txt")
    ]
    assert answers[0] == answers[1]


def test_an_adapter_in_its_folders_loads(home: tuple[Live, Path]) -> None:
    server, house = home
    made = server.post("/v1/adapters", {"name": "tone", "path": str(house / "trainer/lora/out/tone")})
    assert made.status_code == 201, made.text
    by_link = server.post("/v1/adapters", {"name": "link", "path": str(house / "way-in/lora/out/tone")})
    assert by_link.status_code == 201, by_link.text
    for name in ("tone", "link"):
        assert server.http.delete(f"/v1/adapters/{name}").status_code == 204


def test_the_folder_of_a_gguf_is_meant(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, adapter_dir=tmp_path / "a" / "x.gguf", train_root=tmp_path / "t")
    assert adapter_path(settings, str(tmp_path / "a" / "y.gguf")) == (tmp_path / "a" / "y.gguf").resolve()
    with pytest.raises(InvalidRequest, match="AION_TRAIN_ROOT"):
        adapter_path(settings, str(tmp_path / "b.gguf"))


NAMES = {
    "../../../etc/passwd.md": "passwd.md",
    "/etc/cron.d/evil.md": "evil.md",
    "C:\\Windows\\System32\\evil.md": "evil.md",
    "C:evil.md": "evil.md",
    "..\\..\\evil.md": "evil.md",
    "....//....//evil.md": "evil.md",
    "evil\x00.md": "evil.md",
    ".evil.md": "evil.md",
    "\\\\host\\share\\evil.md": "evil.md",
}


@pytest.mark.parametrize(("sent", "kept"), NAMES.items(), ids=range(len(NAMES)))
def test_an_upload_keeps_no_path(home: tuple[Live, Path], sent: str, kept: str) -> None:
    server, house = home
    before = _files(house.parent)
    head = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{sent}"\r\n\r\n'
    content = head.encode() + f"# Tour\n\nTexto de {sent!r}.\n\r\n--B--\r\n".encode()
    response = server.http.post(
        "/api/documents", content=content, headers={"Content-Type": "multipart/form-data; boundary=B"}
    )
    assert response.status_code in (200, 201), response.text
    sources = [document["source"] for document in server.http.get("/api/documents").json()["documents"]]
    assert sources == [kept]
    assert server.http.delete("/api/documents", params={"source": kept}).status_code == 204
    assert _files(house.parent) == before


def test_the_export_goes_to_its_file_only(home: tuple[Live, Path]) -> None:
    server, house = home
    before = _files(house.parent)
    wanted = {"form": "chat", "out": "/tmp/aion-evil.jsonl", "path": "../evil.jsonl"}
    told = server.post("/api/dataset/export", wanted).json()
    assert told["path"] == str(house / "events.jsonl")
    assert not Path("/tmp/aion-evil.jsonl").exists()
    new = {Path(name).name for name in _files(house.parent) - before}
    assert all("events.jsonl" in name for name in new)
    error_of(server.post("/api/dataset/export", {"form": "../../evil"}), 400)


@pytest.mark.parametrize("path", [
    "/panel/../app.py", "/panel/..%2fapp.py", "/panel/%2e%2e/app.py", "/panel/....//app.py",
    "/panel/..%5capp.py", "/panel//etc/passwd", "/panel/%2fetc%2fpasswd", "/panel/ask.js%00.html",
    "/../../etc/passwd", "/panel/../../../aion.db", "/panel/%c0%ae%c0%ae/app.py", "/..%2f..%2fetc/passwd",
])  # fmt: skip
def test_the_pages_files_are_all_that_is_served(sintra: Live, path: str) -> None:
    status, body = _get_as_it_is(sintra, path)
    assert status in (400, 404), body
    assert b"root:" not in body
    assert b"create_app" not in body


def _get_as_it_is(server: Live, path: str) -> tuple[int, bytes]:
    """A client that leaves dots in a path alone."""
    host, port = server.address
    connection = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _files(folder: Path) -> set[str]:
    """What is there, the store's own files apart."""
    return {str(path) for path in folder.rglob("*") if path.is_file() and not path.name.startswith("aion.db")}
