"""Which document a file is, whatever folder it is ingested from, and what it is called."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from aion.errors import InvalidRequest
from aion.rag.index import stem_pair
from aion.rag.load import parse
from aion.rag.summary import Summary
from aion.store.integrity import Integrity
from tests.rag.conftest import Library


def sources(library: Library, tenant: str = "t") -> list[str]:
    return [row.source for row in library.documents.list(tenant)]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_inside_another_is_not_stored_twice(library: Library, folder: Path) -> None:
    write(folder / "precos" / "adulto.md", "Custa 95 €.")
    library.ingester.ingest([folder], "t")
    before = sources(library)
    assert library.ingester.ingest([folder / "precos"], "t") == Summary(unchanged=1)
    assert library.ingester.ingest([folder / "precos" / "adulto.md", folder.parent], "t").added == 0
    assert sources(library) == before


def test_a_changed_file_keeps_the_name_it_had(library: Library, folder: Path) -> None:
    path = write(folder / "precos" / "adulto.md", "Custa 95 €.")
    library.ingester.ingest([folder / "precos"], "t")
    path.write_text("Custa 97 €.")
    assert library.ingester.ingest([folder], "t") == Summary(added=3, changed=1)
    assert "precos/adulto.md" in sources(library)


def test_a_relative_path_is_the_same_document(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.ingester.ingest([folder], "t")
    monkeypatch.chdir(folder.parent)
    assert library.ingester.ingest([Path("sintra"), Path("./sintra/../sintra")], "t").unchanged == 3


def test_two_files_of_one_name_get_one_more_folder_each(library: Library, tmp_path: Path) -> None:
    paths = [write(tmp_path / parent / "docs" / "a.md", f"texto {parent}") for parent in ("um", "dois")]
    assert library.ingester.ingest([*paths, paths[0]], "t") == Summary(added=2)
    assert sources(library) == ["docs/a.md", "dois/docs/a.md"]
    assert library.ingester.ingest(paths, "t") == Summary(unchanged=2)


def test_a_name_commands_no_terminal(library: Library, tmp_path: Path) -> None:
    path = write(tmp_path / "docs" / "a\x1b[31m\nb.md", "texto")
    assert library.ingester.ingest([path], "t") == Summary(added=1)
    assert library.ingester.ingest([path], "t", prune=True) == Summary(unchanged=1)
    assert sources(library) == ["docs/a\ufffd[31m\ufffdb.md"]


def test_names_in_an_old_encoding_stay_apart(library: Library, tmp_path: Path) -> None:
    for name in (b"a\xe7o.md", b"a\xe8o.md"):
        write(tmp_path / "docs" / os.fsdecode(name), f"texto {name!r}")
    assert library.ingester.ingest([tmp_path / "docs"], "t") == Summary(added=2)
    assert library.ingester.ingest([tmp_path / "docs"], "t", prune=True) == Summary(unchanged=2)
    assert len(set(sources(library))) == 2


def test_a_moved_folder_keeps_its_documents(library: Library, folder: Path, tmp_path: Path) -> None:
    library.ingester.ingest([folder], "t")
    (tmp_path / "noutro").mkdir()
    moved = folder.rename(tmp_path / "noutro" / "sintra")
    before = sources(library)
    assert library.ingester.ingest([moved], "t") == Summary(unchanged=3)
    assert sources(library) == before


def test_a_moved_and_changed_file_replaces_the_old_one_where_that_may_be_removed(
    library: Library, tmp_path: Path
) -> None:
    old = write(tmp_path / "um" / "docs" / "a.md", "velho")
    library.ingester.ingest([old], "t")
    old.unlink()
    new = write(tmp_path / "dois" / "docs" / "a.md", "novo")
    assert library.ingester.ingest([new], "t", prune=True) == Summary(changed=1)
    assert sources(library) == ["docs/a.md"]


def test_a_file_known_by_its_source_only_gets_its_location(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    with library.store.write() as db:  # as schema 1 had it
        db.execute("UPDATE documents SET location = '', content_hash = 'x/1/120'")
        db.execute("UPDATE chunks SET text_hash = NULL")
    assert library.ingester.ingest([folder], "t") == Summary(changed=3)
    known = library.documents.known("t", str(folder))
    assert [Path(document.location).name for document in known] == [
        "full-day.md",
        "half-day.txt",
        "pena.html",
    ]


def test_a_page_of_the_same_name_is_never_a_file_that_moved(library: Library, tmp_path: Path) -> None:
    page = parse(Path("p.md"), b"Da web.", "sintra.pt/a.md", location="https://sintra.pt/a.md")
    library.ingester.store("t", page)
    path = write(tmp_path / "sintra.pt" / "a.md", "Do disco.")
    assert library.ingester.ingest([path], "t", prune=True) == Summary(added=1)
    assert sources(library)[0] == "sintra.pt/a.md"
    assert library.ingester.store("t", page) == "unchanged"


def test_what_schema_1_had_gets_the_stems_of_today(library: Library, tmp_path: Path) -> None:
    path = write(tmp_path / "docs" / "a.md", "# Guide\n\nThe castles are open and the gardens are not.")
    library.ingester.ingest([path], "t")
    with library.store.write() as db:  # as schema 1 had it
        db.execute("UPDATE documents SET location = '', content_hash = 'x/1/120', language = ''")
        db.execute("UPDATE chunks SET text_hash = NULL")
        db.execute("UPDATE lexical_1 SET title = 'guid', text = 'castl gard' WHERE rowid = 1")
    assert library.ingester.ingest([path], "t") == Summary(changed=1)
    (chunk,) = Integrity(library.store).sample("t", 5)
    held = Integrity(library.store).stems("t", [chunk.id])[chunk.id]
    assert held == tuple(stems.split() for stems in stem_pair(chunk))


def test_an_upload_is_itself_again_and_never_a_file(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    sent = parse(Path("precos.md"), b"Custa 95 euros.", "precos.md")
    assert library.ingester.store("t", sent) == "added"
    assert library.ingester.store("t", sent) == "unchanged"
    assert library.ingester.store("t", replace(sent, title="Tabela")) == "changed"
    with pytest.raises(InvalidRequest, match=r"'sintra/pena\.html' is already the name of a file") as error:
        library.ingester.store("t", replace(sent, source="sintra/pena.html"))
    assert error.value.param == "source"


def test_a_page_is_known_by_its_address(library: Library) -> None:
    page = parse(Path("p.md"), b"Custa 95 euros.", "sintra.pt/precos", location="https://sintra.pt/precos")
    other = replace(page, location="https://sintra.pt/precos/")
    assert [library.ingester.store("t", document) for document in (page, other, page)] == [
        "added",
        "added",
        "unchanged",
    ]
    assert sources(library) == ["sintra.pt/precos", "sintra.pt/precos (2)"]


def test_given_tags_stay_and_own_tags_follow_the_document(library: Library, folder: Path) -> None:
    def tags() -> set[str]:
        with library.store.read() as db:
            return {tag for (tag,) in db.execute("SELECT tag FROM document_tags")}

    library.ingester.ingest([folder / "pena.html"], "t")
    assert library.ingester.ingest([folder / "pena.html"], "t", tags=["palácios"]).unchanged == 1
    assert tags() == {"palácios"}
    (folder / "pena.html").write_text("<h1>Pena</h1><p>Abre às 10h.</p>")
    assert library.ingester.ingest([folder / "pena.html"], "t").changed == 1
    assert tags() == {"palácios"}
    sent = parse(Path("a.md"), b"texto", "a.md")
    library.ingester.store("t", replace(sent, tags=("velho", "palácios")))
    library.ingester.store("t", replace(sent, tags=("novo",)))
    assert tags() == {"palácios", "novo"}
