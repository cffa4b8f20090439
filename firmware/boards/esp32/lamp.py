"""Light (three LEDs by PWM) and buzzer (a passive one, by PWM): shows patterns and plays sounds from the tables."""

import asyncio

import machine
from signals import COLOURS, PATTERNS, SOUNDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_TICK_MS = 40
_FULL = 65_535
_HZ = 1_000


class Lamp:
    """The light and the buzzer of a door. `tick` moves both on; `run` does that for ever."""

    def __init__(self, light: "dict[str, Any]", buzzer: "dict[str, Any] | None", now_ms: "Callable[[], int]") -> None:
        """light, buzzer: the pin-out's parts."""
        self._now = now_ms
        self._dark = 0 if light["active"] == "high" else _FULL
        self._leds = [self._led(light[name]) for name in ("red", "green", "blue")]
        self._buzzer = None if buzzer is None else machine.PWM(machine.Pin(buzzer["pin"]), freq=_HZ, duty_u16=0)
        self._colour = COLOURS["blue"]
        self._steps = PATTERNS["off"]
        self._step = 0
        self._step_ms = 0
        self._tones: tuple = ()
        self._tone = 0
        self._tone_ms = 0

    def _led(self, pin: int) -> machine.PWM:
        return machine.PWM(machine.Pin(pin), freq=_HZ, duty_u16=self._dark)

    def light(self, colour: str, pattern: str) -> None:
        """Show a colour in a pattern, from now on."""
        self._colour = COLOURS[colour]
        self._steps = PATTERNS[pattern]
        self._begin(0)

    def sound(self, name: str) -> None:
        """Play a sound, in place of one that still plays."""
        if self._buzzer is not None:
            self._tones = SOUNDS[name]
            self._play(0)

    def tick(self) -> None:
        """Move on if it is time."""
        now_ms = self._now()
        if now_ms - self._step_ms >= self._steps[self._step][0] and len(self._steps) > 1:
            self._begin((self._step + 1) % len(self._steps))
        if self._tones and now_ms - self._tone_ms >= self._tones[self._tone][1]:
            self._play(self._tone + 1)

    async def run(self) -> None:
        """For ever."""
        while True:
            self.tick()
            await asyncio.sleep_ms(_TICK_MS)

    def _begin(self, step: int) -> None:
        self._step = step
        self._step_ms = self._now()
        brightness = self._steps[step][1]
        for led, part in zip(self._leds, self._colour):
            led.duty_u16(abs(self._dark - _FULL * part * brightness // 10_000))

    def _play(self, tone: int) -> None:
        buzzer = self._buzzer
        if buzzer is None:
            return
        self._tone = tone
        self._tone_ms = self._now()
        if tone >= len(self._tones):
            self._tones = ()
        hertz = self._tones[tone][0] if self._tones else 0
        if hertz:
            buzzer.freq(hertz)
        buzzer.duty_u16(_FULL // 2 if hertz else 0)
