"""Generated files are what their generators write."""

from __future__ import annotations

from tools.generate import field, native_data, signals


def test_the_field_machine_is_what_its_generator_writes() -> None:
    assert field.TARGET.read_text(encoding="utf-8") == field.source()


def test_the_picture_of_light_and_sound_is_what_the_firmware_shows() -> None:
    assert signals.PICTURE.read_text(encoding="utf-8") == signals.draw()
    shown = [signal for _, _, signal, _ in signals.rows()]
    assert len(set(shown)) == len(shown)  # nobody has to tell two of them apart that look and sound the same


def test_the_native_engines_data_is_what_its_generator_writes() -> None:
    assert native_data.TARGET.read_text(encoding="utf-8") == native_data.source()
