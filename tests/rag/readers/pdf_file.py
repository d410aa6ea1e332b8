"""PDF files written by hand: lines of text at places and sizes, pictures, and a lock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of Helvetica, `y` points from the bottom of the page."""

    text: str
    y: float
    x: float = 72
    size: float = 11


def lines(text: str, top: float = 760, size: float = 11, x: float = 72) -> list[Line]:
    """The lines of `text` one under another; a blank one leaves its space."""
    found = [Line(line, top - n * size * 1.25, x, size) for n, line in enumerate(text.split("\n"))]
    return [line for line in found if line.text]


def pdf(pages: list[list[Line]], info: str = "", picture: bool = False, locked: bool = False) -> bytes:
    """A document of those pages. `picture` puts a grey pixel over each page, as a scan would be."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", _FONT, _PICTURE, f"<< {info} >>"]
    kids = []
    for page in pages:
        content = _content(page, picture)
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects) + 2} 0 R "
            "/Resources << /Font << /F1 3 0 R >> /XObject << /Im1 4 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content.encode('cp1252'))} >>\nstream\n{content}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    return _file(objects, locked)


_FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
_PICTURE = (
    "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 "
    "/Length 1 >>\nstream\nA\nendstream"
)
_LOCK = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'41' * 32}> /U <{'42' * 32}> /P -4 >>"


def _content(page: list[Line], picture: bool) -> str:
    shown = [f"BT /F1 {line.size} Tf {line.x} {line.y} Td ({_escaped(line.text)}) Tj ET" for line in page]
    return "\n".join((["q 595 0 0 842 0 0 cm /Im1 Do Q"] if picture else []) + shown)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _file(objects: list[str], locked: bool) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    lock = f"{_LOCK} /ID [<00> <00>]" if locked else ""
    return (
        out
        + (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R "
            f"/Info 5 0 R {lock} >>\n"
            f"startxref\n{len(out)}\n%%EOF\n"
        ).encode()
    )
