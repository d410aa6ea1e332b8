from __future__ import annotations

import os
from pathlib import Path

import pytest

from aion.errors import DocumentError
from aion.rag.load import load, parse, read_bytes, source_of, walk
from aion.rag.readers.sandbox import Sandbox


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_a_markdown_file_is_a_document(tmp_path: Path) -> None:
    document = load(write(tmp_path / "precos" / "adulto.md", "# Preço\n\nCusta 95 €.\n"))
    assert document.source == "precos/adulto.md"
    assert document.title == "Preço"
    assert document.n_bytes == 24
    assert len(document.content_hash) == 64
    assert document.sections[0].text == "Custa 95 €."


def test_a_title_falls_back_to_the_name(tmp_path: Path) -> None:
    assert load(write(tmp_path / "tour-full-day.MD", "Custa 95 €.")).title == "tour-full-day"


def test_latin_1_comes_out_right(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "Excursões\n\nNão há reembolso à terça.".encode("latin-1"))
    document = load(path)
    assert (document.title, document.sections[0].text) == ("Excursões", "Não há reembolso à terça.")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jpg", b"\xff\xd8", r"a\.jpg is of an unknown kind; AION reads \.md, .*\.eml"),
        ("a.doc", b"\xd0\xcf", r"a\.doc is an old Word file; save it as \.docx"),
        ("a.rtf", b"{\\rtf1", r"a\.rtf is rich text; save it as \.docx"),
        ("a.txt", b"", "is empty"),
        ("a.md", b" \n\t\xc2\xa0\n", "has no text"),
        ("a.html", b"<script>x</script>", "has no text"),
        ("a.txt", b"MZ\0\0binary", r"is not text although it is named \.txt"),
        ("a.json", b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        load(write(tmp_path / name, data))


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(2 * 1024**3)
    with pytest.raises(DocumentError, match="2,147,483,648 bytes and the limit is 52,428,800; split it"):
        load(path)
    assert read_bytes(write(tmp_path / "b.txt", "abc"), max_bytes=3) == b"abc"
    with pytest.raises(DocumentError, match="raise AION_MAX_FILE_MB"):
        read_bytes(tmp_path / "b.txt", max_bytes=2)


def test_a_file_is_known_by_its_place_and_has_a_day(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "texto")
    os.utime(path, (0, 86400 * 366))
    document = load(path)
    assert (document.location, document.date) == (str(path), "1971-01-02")
    dated = load(write(tmp_path / "b.md", "---\ndate: 2024-01-31\ntags: [um]\n---\ntexto"))
    assert (dated.date, dated.tags) == ("2024-01-31", ("um",))


def test_the_language_is_told(tmp_path: Path) -> None:
    portuguese = "O palácio abre às nove e meia e não fecha à segunda-feira, mas a entrada é paga."
    assert load(write(tmp_path / "a.md", portuguese)).language == "pt"
    assert (
        load(write(tmp_path / "b.txt", "The palace opens at nine and is not closed on Monday.")).language
        == "en"
    )


def test_an_upload_has_a_name_and_no_place() -> None:
    document = parse(Path("preços.csv"), "tour;preço\nPena;35\n".encode("cp1252"), "preços.csv")
    assert (document.source, document.location, document.date) == ("preços.csv", "", None)
    assert document.sections[0].text == "tour: Pena; preço: 35"


def test_a_large_text_is_read_apart(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        document = load(write(tmp_path / "a.txt", "Não há. " * 300_000), sandbox=sandbox)
    assert len(document.sections[0].text) == 8 * 300_000 - 1


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nada\.md does not exist"):
        load(tmp_path / "nada.md")
    (tmp_path / "pasta.md").mkdir()
    with pytest.raises(DocumentError, match="is a folder or a device"):
        load(tmp_path / "pasta.md")
    with pytest.raises(DocumentError, match="cannot be read"):
        load(tmp_path / "a\0.md")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "texto")
    path.chmod(0)
    with pytest.raises(DocumentError, match="may not be read"):
        load(path)


def test_sources_begin_with_the_ingested_folder(tmp_path: Path) -> None:
    path = tmp_path / "sintra" / "precos" / "adulto.md"
    assert source_of(path, tmp_path / "sintra") == "sintra/precos/adulto.md"
    assert source_of(path, tmp_path / "sintra" / ".." / "sintra") == "sintra/precos/adulto.md"
    assert source_of(path) == "precos/adulto.md"
    assert source_of(Path("/a.md")) == "a.md"


def test_a_name_in_an_old_encoding_becomes_unicode(tmp_path: Path) -> None:
    path = write(tmp_path / os.fsdecode("preço".encode("latin-1")) / "a.md", "texto")
    assert load(path).source == "pre\ufffdo/a.md"


def test_a_walk_is_sorted_and_leaves_hidden_files_out(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.md", "a/b.txt", ".git/x.md", "a/.hidden.md", "~$a.docx"):
        write(tmp_path / name, "texto")
    found = [path.relative_to(tmp_path).as_posix() for path in walk(tmp_path, print)]
    assert found == ["b.md", "a/b.txt", "a/z.md"]
