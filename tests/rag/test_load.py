from __future__ import annotations

import os
from pathlib import Path

import pytest

from aion.errors import DocumentError
from aion.rag.load import MAX_FILE_BYTES, load, source_of, walk


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
        ("a.pdf", b"%PDF-", r"a\.pdf is of an unknown kind; AION reads \.md, .*\.html"),
        ("a.txt", b"", "has no text"),
        ("a.md", b" \n\t\xc2\xa0\n", "has no text"),
        ("a.html", b"<script>x</script>", "has no text"),
        ("a.txt", b"MZ\0\0binary", r"is not text although it is named \.txt"),
        ("a.md", b"x" * (MAX_FILE_BYTES + 1), "20,971,521 bytes and the limit is 20,971,520"),
        ("a.html", b"<div>" * 5000 + b"fundo", "nested too deep"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        load(write(tmp_path / name, data))


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
    for name in ("b.md", "a/z.md", "a/b.txt", ".git/x.md", "a/.hidden.md"):
        write(tmp_path / name, "texto")
    found = [path.relative_to(tmp_path).as_posix() for path in walk(tmp_path, print)]
    assert found == ["b.md", "a/b.txt", "a/z.md"]
