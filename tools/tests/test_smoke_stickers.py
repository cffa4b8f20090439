"""The sticker of the smoke run: what is drawn is what a camera reads."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tools.smoke.pixels import drawn, seen_in
from tools.smoke.report import StepError


def test_the_address_is_read_from_the_pixels():
    address = "http://127.0.0.1:8000/g/d/0123456789abcdef/801"
    assert seen_in(drawn(address)) == address


def test_a_picture_without_a_code_is_none():
    blank = io.BytesIO()
    Image.new("L", (200, 200), 255).save(blank, "PNG")
    with pytest.raises(StepError, match="0 codes"):
        seen_in(blank.getvalue())
