"""Tables that people bring (CSV): decoded, parted into cells, and read by the names of their columns.

The text is UTF-8 or GBK, its cells parted by commas, semicolons or tabs, as spreadsheet programs write it. The first
line names the columns, in any order; unknown ones are passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lockmate.errors import Refused

LINES_MAX = 2_000
BYTES_MAX = 1 << 20


class CsvUnreadable(Refused):
    """Neither UTF-8 nor GBK text, or not a table."""

    code = "csv_unreadable"
    status = 400


class CsvColumns(Refused):
    """The first line lacks a column's name, or has one twice."""

    code = "csv_columns"
    status = 400


class CsvEmpty(Refused):
    """A table without a line."""

    code = "csv_empty"
    status = 400


class CsvTooLong(Refused):
    """More than one import takes."""

    code = "csv_too_long"
    status = 413


class CsvLinesBad(Refused):
    """Some lines are wrong; nothing was imported."""

    code = "csv_lines_bad"


@dataclass(frozen=True, slots=True)
class CsvLine:
    """A line as it was read; `number` counts the file's lines from 1, `error_code` and `facts` say what is wrong."""

    number: int
    fields: dict[str, str]
    error_code: str | None = None
    facts: dict[str, object] = field(default_factory=dict)


def rows(
    data: bytes | str, columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, fields) of every line that is not empty.

    `columns`: for each column the names it may have, in lower case. Raises CsvUnreadable, CsvColumns, CsvTooLong.
    """
    text = _text(data)
    if "\0" in text:
        raise CsvUnreadable
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    named: list[str | None] = []
    count, number = 0, 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                pass
            elif not named:
                named = _columns(cells, columns, required)
            else:
                count += 1
                if count > LINES_MAX:
                    raise CsvTooLong(most=LINES_MAX)
                fields = dict.fromkeys(columns, "")
                fields |= {name: cell for name, cell in zip(named, cells, strict=False) if name is not None}
                yield number, fields
            number = reader.line_num + 1
    except csv.Error:
        raise CsvUnreadable from None


def _text(data: bytes | str) -> str:
    if len(data) > BYTES_MAX:
        raise CsvTooLong(most=LINES_MAX)
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CsvUnreadable


def _columns(cells: list[str], columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> list[str | None]:
    """What each cell of a line is; None for what is passed over."""
    known = {name: column for column, names in columns.items() for name in names}
    named = [known.get(" ".join(cell.casefold().replace("_", " ").split())) for cell in cells]
    missing = [name for name in required if name not in named]
    twice = [name for name in columns if named.count(name) > 1]
    if missing or twice:
        raise CsvColumns(missing=", ".join(missing or twice))
    return named


def _delimiter(text: str) -> str:
    """The sign that stands most often in the first line with anything in it."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=head.count)
