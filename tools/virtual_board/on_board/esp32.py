"""The module `esp32` of the virtual board: its flash's other partitions, as raw block devices."""

import flash

table: dict = {}  # label: (offset, size)
chip: list = []  # the flash chip, an open file: the host's own files are out of sight once the root is mounted


class Partition:
    """A partition of the table, found by its label."""

    TYPE_APP = 0
    TYPE_DATA = 1

    @staticmethod
    def find(kind: int = TYPE_DATA, subtype: int = 0xFF, label: str | None = None) -> list:
        """Those with this label."""
        if label not in table:
            return []
        return [flash.Partition(chip[0], *table[label])]
