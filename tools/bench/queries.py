"""How many statements are sent to the database while something is done."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lockmate import db

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = ("SELECT", "UPDATE", "INSERT", "DELETE")


@contextmanager
def counted() -> Iterator[list[str]]:
    """A list that fills with the statements of this process; not those that begin and end transactions."""
    base = db.database.obj
    plain = base._execute_cursor  # noqa: SLF001  every statement passes here
    sent: list[str] = []

    def passed(sql: str, *more: Any) -> Any:
        if sql.startswith(_WORDS):
            sent.append(sql)
        return plain(sql, *more)

    base._execute_cursor = passed  # noqa: SLF001
    try:
        yield sent
    finally:
        base._execute_cursor = plain  # noqa: SLF001
