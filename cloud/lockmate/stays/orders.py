"""Orders (reservations): what can be done with them, by one name: `orders.enter(...)`."""

from __future__ import annotations

from lockmate.stays.closing import cancel, no_show
from lockmate.stays.entering import NIGHTS_MAX, YEARS, arrivals, check_room, enter, of_group
from lockmate.stays.importing import CSV_COLUMNS, import_csv, read_csv
from lockmate.stays.reserving import put, referred

__all__ = [
    "CSV_COLUMNS",
    "NIGHTS_MAX",
    "YEARS",
    "arrivals",
    "cancel",
    "check_room",
    "enter",
    "import_csv",
    "no_show",
    "of_group",
    "put",
    "read_csv",
    "referred",
]
