"""Whatever bytes come under whatever suffix: a content or one clear error, never anything else."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import docx
import openpyxl
import pptx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aion.errors import DocumentError
from aion.rag.readers.registry import FORMATS
from aion.rag.readers.sandbox import Sandbox
from tests.rag.readers.pdf_file import lines, pdf
from tests.rag.readers.test_epub import epub
from tests.rag.readers.test_odt import odt

SUFFIXES = sorted(FORMATS)
MAGIC = [
    b"",
    b"PK\x03\x04",
    b"%PDF-1.7\n",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\xff\xfe",
    b"From: a\n\n",
    b"[{",
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=20, memory_mb=512, n_children=1) as sandbox:
        yield sandbox


def saved(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]
    return file.getvalue()


def whole() -> dict[str, bytes]:
    """A good file of each format that is more than text."""
    word, slides, book = docx.Document(), pptx.Presentation(), openpyxl.Workbook()
    word.add_heading("Título", 1)
    word.add_table(2, 2).cell(0, 0).text = "célula"
    slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = "Título"
    book.active.append(["a", "b"])
    book.active.append([1, 2.5])
    return {
        ".docx": saved(word),
        ".pptx": saved(slides),
        ".xlsx": saved(book),
        ".odt": odt("<text:h>Título</text:h><text:p>texto</text:p>"),
        ".epub": epub(),
        ".pdf": pdf([lines("Título\nde um texto"), lines("e mais")]),
        ".eml": b"From: a@b.pt\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\num\n--x--\n",
        ".html": b"<meta charset=utf-8><h1>T</h1><table><tr><td>a<td>b</table>",
        ".json": json.dumps([{"title": "a", "b": [1, {"c": None}]}]).encode(),
    }


WHOLE = whole()


def check(sandbox: Sandbox, suffix: str, data: bytes) -> None:
    """Read; an error is one line that begins with the file's name, and is of the document, not the reader."""
    try:
        content = sandbox.read(suffix, data, f"a{suffix}")
    except DocumentError as error:
        said = error.message
    else:
        assert content.sections
        return
    assert said.startswith(f"a{suffix} ")
    assert "\n" not in said
    assert "makes its reader fail" not in said


@given(st.sampled_from(SUFFIXES), st.sampled_from(MAGIC), st.binary(max_size=300))
@example(".json", b"", b"[" * 100_000)
@example(".json", b"", b"1" * 5000)
@example(".html", b"", b"<div>" * 100_000)
@example(".html", b"", b"<table><tr><td>" * 3000)
@example(".md", b"", b"> " * 50_000)
@example(
    ".eml",
    b"From: a\nSubject: =?utf-8?b?////?=\nDate: x\nContent-Type: text/plain; charset=nada\n\n",
    b"\xff",
)
@example(".csv", b"", b'"' + b"a" * 2_000_000)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
def test_any_bytes_give_a_content_or_an_error(
    sandbox: Sandbox, suffix: str, magic: bytes, data: bytes
) -> None:
    check(sandbox, suffix, magic + data)


@given(st.sampled_from(sorted(WHOLE)), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_damaged_files_give_a_content_or_an_error(sandbox: Sandbox, suffix: str, data: st.DataObject) -> None:
    damaged = bytearray(WHOLE[suffix])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=5)):
        damaged[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    check(sandbox, suffix, bytes(damaged[:end]))


@given(st.sampled_from([".docx", ".pptx", ".xlsx", ".odt", ".epub"]), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_damaged_parts_give_a_content_or_an_error(sandbox: Sandbox, suffix: str, data: st.DataObject) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WHOLE[suffix])) as old, zipfile.ZipFile(file, "w") as new:
        names = old.namelist()
        chosen = data.draw(st.sampled_from(names))
        for name in names:
            part = old.read(name)
            if name == chosen:
                start = data.draw(st.integers(0, len(part)))
                part = (
                    part[:start]
                    + data.draw(st.binary(max_size=8))
                    + part[start + data.draw(st.integers(0, 40)) :]
                )
            if name != chosen or data.draw(st.booleans()):
                new.writestr(name, part)
    check(sandbox, suffix, file.getvalue())


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".odt", ".epub"])
def test_a_file_that_is_still_being_written_is_refused(sandbox: Sandbox, suffix: str) -> None:
    with pytest.raises(DocumentError, match=rf"a\{suffix} is damaged or still being written \(BadZipFile"):
        sandbox.read(suffix, WHOLE[suffix][: len(WHOLE[suffix]) // 2], f"a{suffix}")


@pytest.mark.parametrize("suffix", sorted(WHOLE))
def test_a_good_file_is_read(sandbox: Sandbox, suffix: str) -> None:
    assert sandbox.read(suffix, WHOLE[suffix], f"a{suffix}").sections
