"""PDF pages with Chinese and Latin letters, and QR codes drawn as shapes."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import segno
from fpdf import FPDF
from fpdf.enums import TextMode

from lockmate.errors import Refused

# fonts with Chinese that systems bring: (file, which face of a collection); none is bundled: 16 MB for a few letters
FONTS = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
    ("/System/Library/Fonts/STHeiti Light.ttc", 0),
    ("C:/Windows/Fonts/msyh.ttc", 0),
    ("C:/Windows/Fonts/simsun.ttc", 0),
)
_LINE = 0.45  # mm from line to line, for each point of a letter's height
_LEAST = 4.5  # points
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # the files say when they were made by what is in them


class FontMissing(Refused):
    """No font with Chinese letters is installed."""

    code = "font_missing"
    status = 503


@cache
def texts() -> dict[str, Any]:
    """The texts of printed things; a sticker shows both languages at once."""
    return tomllib.loads((Path(__file__).parent / "texts.toml").read_text("utf-8"))


def font() -> tuple[Path, int]:
    """The font to print with; LOCKMATE_FONT names another (`file` or `file:face`). Raises FontMissing."""
    told = os.environ.get("LOCKMATE_FONT", "")
    name, _, face = told.rpartition(":")
    if told and name and face.isdecimal():
        return Path(name), int(face)
    if told:
        return Path(told), 0
    for place, index in FONTS:
        if Path(place).exists():
            return Path(place), index
    raise FontMissing


class Sheet(FPDF):
    """A page of paper in millimetres. Same content, same bytes."""

    def __init__(self, size: str | tuple[float, float] = "A4", *, language: str = "zh-CN") -> None:
        """Raises FontMissing."""
        super().__init__(unit="mm", format=size)
        place, face = font()
        self.add_font("house", "", str(place), collection_font_number=face)
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.set_creation_date(_EPOCH)
        self.set_creator("Lockmate")
        self.set_lang(language)

    def write_at(self, x: float, y: float, width: float, text: str, *, points: float = 10, bold: bool = False,
                 align: str = "L", lines: int = 1) -> float:
        """Text in a box of a width, in so many lines at most; where the next line would begin (mm).

        What is too long for them is set smaller, and cut with "…" only where nobody could read it any more.
        """
        points, shown = self._fitted(text, width, points, lines)
        height = points * _LINE
        with self.local_context(text_mode=TextMode.FILL_STROKE if bold else TextMode.FILL, line_width=points * 0.008):
            # bold is drawn with an outline: a second face of such a font takes as long to read as the first
            self.set_font("house", "", points)
            self.set_xy(x, y)
            self.multi_cell(width, height, "\n".join(shown), align=align)
        return y + height * len(shown)

    def _fitted(self, text: str, width: float, points: float, lines: int) -> tuple[float, list[str]]:
        """The largest size, and the lines at it, with which a text fits."""
        while True:
            self.set_font("house", "", points)
            shown: list[str] = self.multi_cell(width, points * _LINE, text, dry_run=True, output="LINES")  # type: ignore[assignment]
            if len(shown) <= lines:
                return points, shown
            if points <= _LEAST:
                return points, [*shown[: lines - 1], shown[lines - 1][:-1] + "…"]
            points = max(_LEAST, points - 0.5)

    def code(self, x: float, y: float, side: float, content: str) -> None:
        """A QR code with its quiet zone, as squares."""
        matrix = [bytes(row) for row in segno.make(content, error="m", micro=False).matrix_iter(border=4)]
        step = side / len(matrix)
        self.set_fill_color(0)
        for row, modules in enumerate(matrix):
            start = None
            for column, dark in enumerate([*modules, 0]):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    self.rect(x + start * step, y + row * step, (column - start) * step, step, style="F")
                    start = None

    def bytes(self) -> bytes:
        """The file."""
        return bytes(self.output())
