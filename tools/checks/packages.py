"""The explicit package list of setup.cfg against the folders of the tree."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

from tools.checks.tree import NOT_OURS, ROOT

ROOTS = {
    "companion": ROOT / "firmware" / "companion",
    "lockmate": ROOT / "cloud" / "lockmate",
    "tools": ROOT / "tools",
}
APART = {"tests"}
# Of the firmware only what the cloud's dry run asks (docs/decisions/0007), and the form of the tables that the
# installer's tool puts on a door.
OF_THE_DOOR = {"companion", "companion.core", "companion.store"}
SOURCES = "lockmate_firmware"  # all of the firmware, as files: an installer's laptop compiles it


def listed(path: Path = ROOT / "setup.cfg") -> list[str]:
    """The packages setup.cfg names."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path, encoding="utf-8")
    return [line for line in parser["options"]["packages"].split() if line]


def present() -> list[str]:
    """The packages of the tree: folders with Python files, tests apart."""
    found = []
    for name, root in ROOTS.items():
        for folder in [root, *(path for path in sorted(root.rglob("*")) if path.is_dir())]:
            parts = folder.relative_to(root).parts
            if not NOT_OURS.union(APART).intersection(parts) and any(folder.glob("*.py")):
                found.append(".".join([name, *parts]))
    ours = [one for one in found if not one.startswith("companion") or one in OF_THE_DOOR]
    return sorted([*ours, SOURCES])


def faults() -> list[str]:
    """What setup.cfg lacks or names in vain."""
    named, there = set(listed()), set(present())
    return [f"setup.cfg: packages lacks {name}" for name in sorted(there - named)] + [
        f"setup.cfg: packages names {name}, which has no Python files" for name in sorted(named - there)
    ]


if __name__ == "__main__":
    # For whoever edits setup.cfg: the list as it must be.
    sys.stdout.write("".join(f"    {name}\n" for name in present()))
