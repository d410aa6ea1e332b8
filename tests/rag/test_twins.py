from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aion.rag.index import stem_pair
from aion.rag.load import parse
from aion.rag.twins import normalise, text_hash
from aion.store.filters import chunks_query
from aion.store.integrity import Integrity
from aion.types import Chunk, Filters
from tests.rag.conftest import Library

PRICE = "# Preço\n\nCusta 95 € por adulto.\n"


def hashed(text: str, title: str = "Guia") -> bytes:
    return text_hash(Chunk(title, text, 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Preço: 95 €.", "preço  95\n€"),
        ("**Está** aberto?", "Está aberto!"),
        ("São João", "Sa\u0303o Joa\u0303o"),
        ("- um\n- dois", "um, dois"),
        ("ﬁm", "FIM"),
    ],
)
def test_case_spacing_and_punctuation_make_no_difference(one: str, other: str) -> None:
    assert hashed(one) == hashed(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Custa 95 €", "Custa 96 €"),
        ("Custa 9,5 €", "Custa 95 €"),
        ("Custa 95 €", "Custa 95 $"),
        ("São -5 graus", "São 5 graus"),
        ("Abre ao domingo", "Não abre ao domingo"),
        ("avô", "avó"),
        ("até 10 < 20", "até 10 > 20"),
    ],
)
def test_what_matters_does(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)
    assert hashed(one) != hashed(other)


def test_titles_count() -> None:
    assert hashed("A › B\num", "A") != hashed("A › B\num", "A › B")


def test_the_same_words_are_stored_and_embedded_once(library: Library, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.md").write_text(f"# Guia\n\nSó em {name}.\n\n## Preço\n\nCusta 95 €.\n")
    summary = library.ingester.ingest([tmp_path / "a.md", tmp_path / "b.md"], "t")
    assert (summary.added, summary.n_chunks, summary.n_twins) == (2, 4, 1)
    assert library.embedder.n_embedded == 3
    assert [row.n_chunks for row in library.documents.list("t")] == [2, 2]


def test_a_copy_under_another_name_is_all_twins(library: Library, tmp_path: Path) -> None:
    for name in ("horario.txt", "horario (1).txt"):
        (tmp_path / name).write_text("Abre às 9h30.\nFecha às 18h.\n")
    library.ingester.ingest([tmp_path / "horario.txt"], "t")
    summary = library.ingester.ingest([tmp_path / "horario (1).txt"], "t")
    assert (summary.n_chunks, summary.n_twins, library.embedder.n_embedded) == (1, 1, 1)


def test_a_renamed_file_is_read_under_its_new_name(library: Library, tmp_path: Path) -> None:
    old = tmp_path / "digitalização.txt"
    old.write_text("Abre às 9h30.\nFecha às 18h.\n")
    library.ingester.ingest([tmp_path], "t")
    old.rename(tmp_path / "horário.txt")
    assert library.ingester.ingest([tmp_path], "t", prune=True).removed == 1
    (passage,) = library.retriever.retrieve("t", "horário").passages
    assert (passage.title, passage.text.partition("\n")[0]) == ("horário", "horário")
    assert passage.bm25 > 0


def test_the_same_words_in_another_language_have_stems_of_their_own(library: Library) -> None:
    words = b"Sintra Cascais: castles, gardens, museums."
    for source, language in (("a.md", "en"), ("b.md", "pt"), ("a.md", "pt"), ("b.md", "en")):
        document = replace(parse(Path(source), words, source), title="Guia", language=language)
        library.ingester.store("t", document)
    assert library.documents.delete("t", "b.md")
    (home,) = Integrity(library.store).sample("t", 5)
    held = Integrity(library.store).stems("t", [home.id])[home.id]
    assert (home.language, held) == ("pt", tuple(stems.split() for stems in stem_pair(home)))


def test_copies_in_one_ingestion_are_twins(library: Library, tmp_path: Path) -> None:
    for name in ("horario.csv", "horario-copia.csv"):
        (tmp_path / name).write_text("dia,abre\nsábado,9h30\n")
    summary = library.ingester.ingest([tmp_path], "t")
    assert (summary.added, summary.n_twins, library.embedder.n_embedded) == (2, 1, 1)


def test_when_the_first_goes_its_twin_takes_over(library: Library, tmp_path: Path) -> None:
    first, second = tmp_path / "a.md", tmp_path / "b.md"
    first.write_text(PRICE)
    second.write_text(PRICE)
    library.ingester.ingest([tmp_path], "t")
    (before,) = library.retriever.retrieve("t", "quanto custa um adulto?").passages
    first.unlink()
    assert library.ingester.ingest([tmp_path], "t", prune=True).removed == 1
    (after,) = library.retriever.retrieve("t", "quanto custa um adulto?").passages
    assert (after.chunk_id, after.text) == (before.chunk_id, before.text)
    assert (before.source, after.source) == (f"{tmp_path.name}/a.md", f"{tmp_path.name}/b.md")
    assert library.embedder.n_embedded == 1


def test_a_twin_counts_as_a_chunk_of_its_document(library: Library, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(PRICE)
    library.ingester.ingest([tmp_path], "t")
    query, values = chunks_query("t", Filters(source=f"{tmp_path.name}/b.md"))
    with library.store.read() as db:
        home: Any = db.execute(query, values).get
        twin: Any = db.execute("SELECT id FROM chunks WHERE twin_of = ?", (home,)).get
    rows = library.documents.chunks_by_id("t", [home, twin])
    assert rows[home].text == rows[twin].text == "Preço\nCusta 95 € por adulto."
    assert rows[twin].source == f"{tmp_path.name}/b.md"


def test_another_tenants_words_are_no_twins(library: Library, folder: Path) -> None:
    library.ingester.ingest([folder], "t")
    summary = library.ingester.ingest([folder], "u")
    assert (summary.added, summary.n_twins) == (3, 0)


def test_what_stays_of_a_changed_document_is_not_embedded_again(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    sections = [f"## Secção {n}\n\nTexto {n}." for n in range(5)]
    path.write_text("\n\n".join(["# Guia", *sections]))
    library.ingester.ingest([path], "t")
    sections[2] = "## Secção nova\n\nTexto novo."
    path.write_text("\n\n".join(["# Guia", *sections[1:]]))
    assert library.ingester.ingest([path], "t").changed == 1
    assert library.embedder.n_embedded == 6
