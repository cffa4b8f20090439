"""Door stickers on common label sheets, and the desk's poster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lockmate.paper.sheet import Sheet, texts

A4, LETTER = (210.0, 297.0), (215.9, 279.4)
_EDGE = 2.5  # mm that a printer may be off


@dataclass(frozen=True, slots=True)
class Labels:
    """A sheet of labels as its maker draws it; millimetres."""

    paper: tuple[float, float]
    columns: int
    rows: int
    width: float
    height: float
    left: float
    top: float
    across: float  # from one label's left edge to the next one's
    down: float

    def places(self) -> Iterator[tuple[float, float]]:
        """The upper left corner of each label, by rows."""
        for row in range(self.rows):
            for column in range(self.columns):
                yield self.left + column * self.across, self.top + row * self.down


# Avery/Zweckform numbers; figures from the makers' own templates
SHEETS = {
    "L7160": Labels(A4, 3, 7, 63.5, 38.1, 7.25, 15.15, 66.04, 38.1),
    "L7163": Labels(A4, 2, 7, 99.1, 38.1, 4.65, 15.15, 101.6, 38.1),
    "L7165": Labels(A4, 2, 4, 99.1, 67.7, 4.65, 13.1, 101.6, 67.7),
    "3490": Labels(A4, 3, 8, 70.0, 36.0, 0.0, 4.5, 70.0, 36.0),
    "5163": Labels(LETTER, 2, 5, 101.6, 50.8, 3.96, 12.7, 105.57, 50.8),
}


@dataclass(frozen=True, slots=True)
class Sticker:
    """name: what people call the door; address: the guest's page of this door."""

    name: str
    address: str


def stickers(doors: Sequence[Sticker], sheet: Labels, hotel: str, *, skip: int = 0) -> bytes:
    """One label for each door (PDF); `skip`: labels already gone from the first sheet. Raises FontMissing."""
    page = Sheet(sheet.paper)
    places = list(sheet.places())
    for at, door in enumerate(doors, skip % len(places)):
        if at % len(places) == 0 or at == skip % len(places):
            page.add_page()
        _sticker(page, sheet, *places[at % len(places)], door, hotel)
    return page.bytes()


def _sticker(page: Sheet, sheet: Labels, x: float, y: float, door: Sticker, hotel: str) -> None:
    words = texts()["sticker"]
    side = min(sheet.height - 2 * _EDGE, sheet.width * 0.52)
    page.code(x + _EDGE, y + (sheet.height - side) / 2, side, door.address)
    left, width = x + _EDGE + side + 1, sheet.width - side - 2 * _EDGE - 1
    scale = min(1.5, sheet.height / 38.1)
    down = page.write_at(left, y + _EDGE, width, door.name, points=15 * scale, bold=True, lines=2)
    for line, points, gap in (("open_zh", 7, 0.6), ("open_en", 6, 0), ("lost_zh", 5, 0.6), ("lost_en", 4.8, 0)):
        bold = line == "open_zh"
        down = page.write_at(left, down + gap, width, words[line], points=points * scale, bold=bold, lines=3)
    page.write_at(left, down + 0.6, width, hotel, points=4.8 * scale, lines=2)


def poster(hotel: str, address: str) -> bytes:
    """The desk's poster, A4 (PDF): how a phone becomes the key, with the code that brings a guest's card back.

    The code that lets a phone in is none that may hang on a wall: the desk's screen shows it, for minutes.
    """
    words = texts()["poster"]
    page = Sheet()
    page.add_page()
    y = page.write_at(20, 22, 170, hotel, points=16, align="C", lines=2) + 8
    y = page.write_at(20, y, 170, words["title_zh"], points=40, bold=True, align="C") + 2
    y = page.write_at(20, y, 170, words["title_en"], points=24, align="C") + 10
    for step in ("one", "two", "three"):
        y = page.write_at(28, y, 154, words[f"{step}_zh"], points=17, bold=True, lines=2) + 1
        y = page.write_at(28, y, 154, words[f"{step}_en"], points=13, lines=2) + 6
    page.code(60, y + 6, 90, address)
    y = page.write_at(20, y + 98, 170, words["scan_zh"], points=17, bold=True, align="C") + 1
    page.write_at(20, y, 170, words["scan_en"], points=13, align="C")
    return page.bytes()
