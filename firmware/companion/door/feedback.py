"""Light and sound: what the guest at the door is told, and no more.

A burglar sees this light too. What anyone can read off a code (its room, its hours) may be answered before its
signature is verified, and helps a guest who took the wrong floor. All else that is refused before then looks the same,
and every refusal after it is a plain "no": whether somebody is in, which generation a room is at, and what was revoked
stay between the door and the desk. docs/install.md has the picture of all of them.
"""

from companion.core.names import CLOCK_LOST, EXPIRED, FORGED, NOT_YET_VALID, OPEN, RESET, WRONG_DOOR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Lamp(Protocol):
        """What the board gives."""

        def light(self, colour: str, pattern: str) -> None:
            """A colour and how it shows."""

        def sound(self, name: str) -> None:
            """A short sound."""


_SHOWN_MS = 3_000

# what is shown: colour, pattern, sound
_OPEN = ("green", "steady", "open")
_RESET = ("green", "blink", "done")
_NOT_READ = ("amber", "blink", "refused")
_NO = ("red", "steady", "refused")
_FAULT = ("red", "blink", "fault")
_IDLE = ("blue", "dim", "")
_TROUBLE = ("red", "pulse", "")
_OF_ITS_OWN = {
    OPEN: _OPEN,
    RESET: _RESET,
    WRONG_DOOR: ("amber", "twice", "wrong_room"),
    NOT_YET_VALID: ("amber", "slow", "early"),
    EXPIRED: ("amber", "steady", "late"),
    CLOCK_LOST: ("white", "blink", "clock"),
}

class Feedback:
    """Shows a verdict for three seconds, then what the door is in the meantime."""

    def __init__(self, lamp: "Lamp") -> None:
        self._lamp = lamp
        self._until_ms: int | None = None
        self._rest = _IDLE
        self._show(_IDLE)

    def verdict(self, verdict: int, now_ms: int) -> None:
        """Tell the guest the gate's answer."""
        self._show(_OF_ITS_OWN.get(verdict) or (_NOT_READ if verdict <= FORGED else _NO))
        self._until_ms = now_ms + _SHOWN_MS

    def fault(self, now_ms: int) -> None:
        """Something failed on the way: not opened, and not the guest's doing."""
        self._show(_FAULT)
        self._until_ms = now_ms + _SHOWN_MS

    def trouble(self) -> None:
        """The companion needs somebody: shown until the machine starts again."""
        self._rest = _TROUBLE
        if self._until_ms is None:
            self._show(_TROUBLE)

    def tick(self, now_ms: int) -> None:
        """Go back to rest when the verdict was shown long enough."""
        if self._until_ms is not None and now_ms >= self._until_ms:
            self._until_ms = None
            self._show(self._rest)

    def _show(self, shown: tuple[str, str, str]) -> None:
        try:
            self._lamp.light(shown[0], shown[1])
            if shown[2]:
                self._lamp.sound(shown[2])
        except OSError:
            pass  # a door whose lamp is broken still opens
