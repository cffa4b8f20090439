"""Generated files are what their generators write."""

from __future__ import annotations

from tools.generate import field


def test_the_field_machine_is_what_its_generator_writes() -> None:
    assert field.TARGET.read_text(encoding="utf-8") == field.source()
