"""The firmware as it goes on a board: compiled for its chip, listed with a hash each, the same bytes every time."""

from __future__ import annotations

from tools.firmware_archive.archive import ARCHES, FirmwareImage, build, from_tar, to_tar
from tools.virtual.firmware import BuildError

__all__ = ["ARCHES", "BuildError", "FirmwareImage", "build", "from_tar", "to_tar"]
