"""The module `esp32` of the virtual board: its flash's other partitions, as raw block devices."""

import flash

table: dict = {}  # label: (offset, size)
_path = [""]


class Partition:
    """A partition of the table, found by its label."""

    TYPE_APP = 0
    TYPE_DATA = 1

    @staticmethod
    def find(kind: int = TYPE_DATA, subtype: int = 0xFF, label: str | None = None) -> list:
        """Those with this label."""
        if label not in table:
            return []
        return [flash.Partition(_path[0], *table[label])]
