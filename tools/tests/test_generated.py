"""Generated files are what their generators write."""

from __future__ import annotations

import json

from tools import pinout
from tools.generate import field, native_data, signals, wiring


def test_the_field_machine_is_what_its_generator_writes() -> None:
    assert field.TARGET.read_text(encoding="utf-8") == field.source()


def test_the_picture_of_light_and_sound_is_what_the_firmware_shows() -> None:
    assert signals.PICTURE.read_text(encoding="utf-8") == signals.draw()
    shown = [signal for _, _, signal, _ in signals.rows()]
    assert len(set(shown)) == len(shown)  # nobody has to tell two of them apart that look and sound the same


def test_the_native_engines_data_is_what_its_generator_writes() -> None:
    assert native_data.TARGET.read_text(encoding="utf-8") == native_data.source()


def test_the_wiring_is_drawn_from_the_pin_outs_and_leaves_no_pin_out() -> None:
    drawn = wiring.pictures()
    for picture in drawn:
        assert (wiring.FOLDER / picture.file).read_text(encoding="utf-8") == wiring.draw(picture)
    shown = {row.pin for picture in drawn for row in picture.rows}
    for name in ("wroom-1", "wroom-1-motor"):
        used = _pins(json.loads(pinout.text_of(name)))
        assert used and used <= shown, name


def _pins(part: object, name: str = "") -> set[int]:
    """Every pin that a pin-out names."""
    if isinstance(part, dict):
        return {pin for key, value in part.items() for pin in _pins(value, key)}
    is_pin = name in ("pin", "back", "tx", "rx", "red", "green", "blue", "sda", "scl", "d0", "d1")
    return {part} if is_pin and isinstance(part, int) else set()
