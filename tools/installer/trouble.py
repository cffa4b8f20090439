"""What can go wrong for an installer: a stable code, an exit code, and sentences in the catalogue."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes (docs/install.md, Commands); 2 is click's, for a command line that makes no sense."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CABLE = 3
    BOARD = 4
    CLOUD = 5
    CHECKS = 6
    INTERRUPTED = 130


_EXITS = {
    "port_missing": Exit.CABLE, "port_denied": Exit.CABLE, "port_busy": Exit.CABLE, "no_board": Exit.CABLE,
    "several_boards": Exit.CABLE, "unplugged": Exit.CABLE, "board_silent": Exit.CABLE, "esptool": Exit.CABLE,
    "wrong_chip": Exit.BOARD, "no_image": Exit.BOARD, "image_wrong": Exit.BOARD, "image_too_large": Exit.BOARD,
    "firmware_large": Exit.BOARD,
    "flash_full": Exit.BOARD, "flash_small": Exit.BOARD, "read_back": Exit.BOARD, "board_said": Exit.BOARD,
    "no_romfs": Exit.BOARD,
    "no_firmware": Exit.BOARD, "wrong_firmware": Exit.BOARD, "wifi_failed": Exit.BOARD, "not_provisioned": Exit.BOARD,
    "not_taken": Exit.BOARD, "bad_key": Exit.BOARD,
    "profile_missing": Exit.BOARD, "profile_chip": Exit.BOARD, "old_micropython": Exit.BOARD,
    "signed_out": Exit.CLOUD, "cloud_away": Exit.CLOUD, "cloud_refused": Exit.CLOUD, "not_in_bundle": Exit.CLOUD,
    "no_door": Exit.CLOUD,
    "bundle_wrong": Exit.CLOUD, "bundle_passphrase": Exit.CLOUD, "not_secure": Exit.CLOUD,
    "checks_missing": Exit.CHECKS, "doors_swapped": Exit.CHECKS,
    "usage": Exit.USAGE, "interrupted": Exit.INTERRUPTED,
}  # fmt: skip
CODES = (
    *_EXITS, "font_missing", "file_open", "file_wrong", "profile_unknown", "profile_wrong", "no_firmware_image",
    "unknown_sheet", "failed",
)


class Trouble(Exception):
    """Something could not be done. `facts` fill the catalogue's sentences; they hold nothing secret."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    @property
    def exit(self) -> Exit:
        """The process's exit code."""
        return _EXITS.get(self.code, Exit.FAILED)
