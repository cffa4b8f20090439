"""Where the firmware's sources lie: in the tree, or beside us where the package was installed."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_INSTALLED = _ROOT / "lockmate_firmware"  # setup.cfg puts the tree's `firmware/` there

FIRMWARE = _INSTALLED if _INSTALLED.is_dir() else _ROOT / "firmware"
