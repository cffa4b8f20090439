"""Finds the QR code in an image file's pixels, as a scanner would."""

from __future__ import annotations

import io
import warnings

import zxingcpp
from PIL import Image, ImageOps, UnidentifiedImageError

IMAGE_BYTES_MAX = 8 * 1024 * 1024
_SIDE_MAX = 2600  # px: a phone's photograph is made smaller first
_PIXELS_MAX = 60_000_000  # a file that unpacks to more is refused before it is unpacked


class PixelsError(Exception):
    """There is no code to be had from this file; `code` says why (catalogue `error.<code>`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_code(content: bytes) -> str:
    """The text of the QR code in an image (PNG, JPEG, WebP, GIF, BMP). Raises PixelsError."""
    if len(content) > IMAGE_BYTES_MAX:
        raise PixelsError("image_too_big")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "GIF", "BMP")) as opened:
                if opened.width * opened.height > _PIXELS_MAX:
                    raise PixelsError("image_too_big")
                grey = ImageOps.exif_transpose(opened).convert("RGBA")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PixelsError("image_too_big") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise PixelsError("not_an_image") from None
    ground = Image.new("RGBA", grey.size, "white")
    flat = Image.alpha_composite(ground, grey).convert("L")
    flat.thumbnail((_SIDE_MAX, _SIDE_MAX))
    found = zxingcpp.read_barcodes(flat, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    if not found:
        raise PixelsError("no_code_in_image")
    if len({code.text for code in found}) > 1:
        raise PixelsError("many_codes_in_image")
    return str(found[0].text)
