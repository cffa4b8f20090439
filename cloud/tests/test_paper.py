"""What is printed is whole: every label in its place with its name in full, every code readable, on every sheet."""

from __future__ import annotations

import pypdfium2
import pytest
import zxingcpp

from lockmate.paper import labels

MM = 72 / 25.4
LONG = "Swimming pool & gym, north entrance"
HOTEL = "Hotel Zur Goldenen Sonne am Hauptbahnhof 金色太阳大酒店"


def stickers(names):
    return [labels.Sticker(name, f"https://hotel.example/d/h/{at}") for at, name in enumerate(names)]


def codes(page):
    return [found.text for found in zxingcpp.read_barcodes(page.render(scale=3).to_pil())]


def words(page):
    return page.get_textpage().get_text_range().replace("\r\n", " ")


@pytest.mark.parametrize("name", ["L7160", "L7165", "5163"])  # the narrowest, the largest, the other paper
def test_a_begun_sheet_is_used_up_every_code_is_read_and_long_names_stay_whole_within_their_label(name):
    sheet = labels.SHEETS[name]
    full = sheet.columns * sheet.rows
    doors = stickers([LONG, *(str(801 + at) for at in range(full - 1))])
    first, second = pypdfium2.PdfDocument(labels.stickers(doors, sheet, HOTEL, skip=full - 1))
    assert [len(codes(page)) for page in (first, second)] == [1, full - 1]
    assert {*codes(first), *codes(second)} == {door.address for door in doors}
    assert LONG in words(first) and HOTEL in words(first)
    text, (left, down) = first.get_textpage(), list(sheet.places())[-1]
    boxes = [text.get_rect(at) for at in range(text.count_rects())]
    top = sheet.paper[1] - down
    assert min(box[0] for box in boxes) >= left * MM
    assert max(box[2] for box in boxes) <= (left + sheet.width) * MM
    assert min(box[1] for box in boxes) >= (top - sheet.height) * MM
    assert max(box[3] for box in boxes) <= top * MM
    modes = [pypdfium2.raw.FPDFTextObj_GetTextRenderMode(item) for item in first.get_objects([1])]
    assert set(modes) == {0, 2} and modes[-1] == 0  # drawn with an outline: only what is bold


def test_the_poster_leads_to_the_card_and_sends_newcomers_to_the_desks_screen():
    page = pypdfium2.PdfDocument(labels.poster(HOTEL, "https://hotel.example/card"))[0]
    assert codes(page) == ["https://hotel.example/card"]
    assert HOTEL in words(page) and "屏幕上的二维码" in words(page)
