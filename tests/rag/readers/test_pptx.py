from __future__ import annotations

import io

import pptx
from pptx.util import Inches

from aion.rag.readers.pptx import read
from aion.types import Section


def saved(presentation: pptx.presentation.Presentation) -> bytes:
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


def test_a_slide_is_a_section_with_its_notes() -> None:
    presentation = pptx.Presentation()
    first = presentation.slides.add_slide(presentation.slide_layouts[0])
    first.shapes.title.text = "Sintra em 2024"
    second = presentation.slides.add_slide(presentation.slide_layouts[1])
    second.shapes.title.text = "Preços"
    second.placeholders[1].text = "Adulto: 14 €\nCriança: 12 €"
    second.notes_slide.notes_text_frame.text = "Dizer que há desconto."
    content = read(saved(presentation), "a.pptx")
    assert content.title == "Sintra em 2024"
    assert content.sections == (
        Section(("Sintra em 2024",), "", 1, 1),
        Section(("Preços",), "- Adulto: 14 €\n- Criança: 12 €\n\nDizer que há desconto.", 1, 2),
    )


def test_tables_and_groups_are_read() -> None:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "No grupo"
    table = slide.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(2)).table
    for row, column, text in ((0, 0, "Dia"), (0, 1, "Hora"), (1, 0, "sábado"), (1, 1, "9h")):
        table.cell(row, column).text = text
    (section,) = read(saved(presentation), "a.pptx").sections
    assert section == Section((), "No grupo\n\n| Dia | Hora |\n| --- | --- |\n| sábado | 9h |", 1, 1)


def test_slides_come_in_the_order_they_are_shown() -> None:
    presentation = pptx.Presentation()
    for title in ("um", "dois", "três"):
        presentation.slides.add_slide(presentation.slide_layouts[5]).shapes.title.text = title
    order = presentation.slides._sldIdLst
    order.insert(0, order[2])
    content = read(saved(presentation), "a.pptx")
    assert [(section.headings, section.page) for section in content.sections] == [
        (("três",), 1),
        (("um",), 2),
        (("dois",), 3),
    ]
