"""Generated files are what their generators write."""

from __future__ import annotations

from tools.generate import base_table, field


def test_the_field_machine_is_what_its_generator_writes() -> None:
    assert field.TARGET.read_text(encoding="utf-8") == field.source()


def test_the_base_points_table_is_what_its_generator_writes() -> None:
    assert base_table.TARGET.read_text(encoding="utf-8") == base_table.source()
