"""Codes as pictures: drawn as a page or a printer would, and read as a camera or a scanner does."""

from __future__ import annotations

import io

import segno
import zxingcpp
from PIL import Image

from tools.smoke.report import must


def drawn(text: str) -> bytes:
    """A code as a printed picture (PNG)."""
    picture = io.BytesIO()
    segno.make(text, error="m").save(picture, kind="png", scale=6, border=4)
    return picture.getvalue()


def seen_in(picture: bytes) -> str:
    """What a camera reads in a picture."""
    with Image.open(io.BytesIO(picture)) as pixels:
        found = zxingcpp.read_barcodes(pixels.convert("L"))
    must(len(found) == 1, f"{len(found)} codes in the picture, not 1")
    return str(found[0].text)
