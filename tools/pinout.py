"""Pin-outs: one JSON file for each revision of a board, and every way in which one can be wrong.

The files are `firmware/boards/esp32/pins/*.json`; an installer may give one of his own (`--profile`). What a pin
may do: Espressif, *ESP32 Series Datasheet* v4.x, section 2 (pins, strapping pins); *ESP32-S3 Series Datasheet* v1.9,
section 2; the same section of the C3's and the C6's, whose one free UART is the scanner's; *ESP32 Technical Reference
Manual*, IO_MUX (pins 34 to 39 have neither output drivers nor pulls). Analogue inputs are ADC1's only, since ADC2 is
the radio's while Wi-Fi runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tools.firmware_folder import FIRMWARE

FOLDER = FIRMWARE / "boards" / "esp32" / "pins"
MODULES = ("gm65", "gm67", "m5", "plain")  # `plain`: one that an installer has set up, text and CR at 57,600 baud
BOLTS = ("strike", "motor")
INPUTS = ("door", "bolt", "motor", "handle", "privacy", "tamper")
_TEXT_MAX = 4096  # what the cloud takes as a profile
_KEYS = {
    "revision", "chip", "scanner", "bolt", "light", "buzzer", "clock", "inputs", "card", "supply",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Chip:
    """What a chip's pins may be used for."""

    pins: frozenset[int]
    flash: frozenset[int]
    strapping: frozenset[int]
    console: frozenset[int]
    input_only: frozenset[int]
    boot_pulse: frozenset[int]  # driven by the ROM's code or the JTAG port before our program runs
    analogue: frozenset[int]
    uarts: frozenset[int]


def _set(*parts: int | range) -> frozenset[int]:
    return frozenset(pin for part in parts for pin in ([part] if isinstance(part, int) else part))


CHIPS = {
    "esp32": _Chip(
        pins=_set(range(20), range(21, 24), range(25, 28), range(32, 40)),
        flash=_set(range(6, 12)), strapping=_set(0, 2, 5, 12, 15), console=_set(1, 3), input_only=_set(range(34, 40)),
        boot_pulse=_set(14), analogue=_set(range(32, 40)), uarts=_set(1, 2),
    ),
    "esp32s3": _Chip(
        pins=_set(range(22), range(26, 49)),
        flash=_set(range(26, 38)), strapping=_set(0, 3, 45, 46), console=_set(19, 20, 43, 44), input_only=_set(),
        boot_pulse=_set(39, 40, 41, 42), analogue=_set(range(1, 11)), uarts=_set(1, 2),
    ),
    "esp32c3": _Chip(
        pins=_set(range(22)), flash=_set(range(11, 18)), strapping=_set(2, 8, 9), console=_set(18, 19, 20, 21),
        input_only=_set(), boot_pulse=_set(4, 5, 6, 7), analogue=_set(range(5)), uarts=_set(1),
    ),
    "esp32c6": _Chip(
        pins=_set(range(31)), flash=_set(range(24, 31)), strapping=_set(4, 5, 8, 9, 15), console=_set(12, 13, 16, 17),
        input_only=_set(), boot_pulse=_set(4, 5, 6, 7), analogue=_set(range(7)), uarts=_set(1),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where: `bolt.pin`, and a stable word for why."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def names() -> list[str]:
    """The revisions of the tree."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def text_of(name: str) -> str:
    """A revision's file, by its name. Raises KeyError."""
    if name not in names():
        raise KeyError(name)
    return (FOLDER / f"{name}.json").read_text("utf-8")


def faults(text: str) -> list[Fault]:
    """Everything that is wrong with a pin-out's text; empty if it may go on a board."""
    if len(text.encode()) > _TEXT_MAX:
        return [Fault("file", "too_long")]
    try:
        document = json.loads(text)
    except ValueError:
        return [Fault("file", "not_json")]
    if not isinstance(document, dict):
        return [Fault("file", "not_json")]
    chip = CHIPS.get(document.get("chip", ""))
    if chip is None:
        return [Fault("chip", "unknown")]
    return _Reader(document, chip).read()


class _Reader:
    """Walks one pin-out, notes each use of a pin and all that is wrong."""

    def __init__(self, document: dict[str, Any], chip: _Chip) -> None:
        self._document = document
        self._chip = chip
        self._used: dict[int, str] = {}
        self._uarts: dict[int, str] = {}
        self._found: list[Fault] = []

    def read(self) -> list[Fault]:
        for name in sorted(set(self._document) - _KEYS):
            self._wrong(name, "unknown")
        if not isinstance(self._document.get("revision"), str):
            self._wrong("revision", "missing")
        self._scanner()
        self._bolt()
        self._light()
        self._plain_outputs()
        self._inputs()
        self._card()
        self._supply()
        return self._found

    # parts

    def _scanner(self) -> None:
        part = self._part("scanner", {"uart", "tx", "rx", "module"}, required=True)
        if part is None:
            return
        self._uart("scanner", part)
        self._output("scanner.tx", part.get("tx"))
        self._input("scanner.rx", part.get("rx"))
        self._one_of("scanner.module", part.get("module"), MODULES)

    def _bolt(self) -> None:
        part = self._part("bolt", {"kind", "pin", "back", "run_ms", "active"}, required=True)
        if part is None:
            return
        self._one_of("bolt.kind", part.get("kind"), BOLTS)
        self._one_of("bolt.active", part.get("active"), ("high", "low"))
        self._output("bolt.pin", part.get("pin"), at_rest=True)
        if part.get("kind") == "motor":
            self._output("bolt.back", part.get("back"), at_rest=True)
            self._number("bolt.run_ms", part.get("run_ms"), 20, 1_000)
        else:
            for name in ("back", "run_ms"):
                if name in part:
                    self._wrong(f"bolt.{name}", "unknown")

    def _light(self) -> None:
        part = self._part("light", {"red", "green", "blue", "active"}, required=True)
        if part is None:
            return
        for colour in ("red", "green", "blue"):
            self._output(f"light.{colour}", part.get(colour))
        self._one_of("light.active", part.get("active"), ("high", "low"))

    def _plain_outputs(self) -> None:
        buzzer = self._part("buzzer", {"pin"})
        if buzzer is not None:
            self._output("buzzer.pin", buzzer.get("pin"))
        clock = self._part("clock", {"sda", "scl"})
        if clock is not None:
            for name in ("sda", "scl"):
                self._output(f"clock.{name}", clock.get(name))

    def _inputs(self) -> None:
        parts = self._part("inputs", set(INPUTS))
        for name, part in sorted((parts or {}).items()):
            where = f"inputs.{name}"
            if not isinstance(part, dict) or set(part) - {"pin", "active", "pull"}:
                self._wrong(where, "unknown")
                continue
            self._one_of(f"{where}.active", part.get("active"), ("high", "low"))
            self._one_of(f"{where}.pull", part.get("pull"), ("up", "down", "none"))
            self._input(f"{where}.pin", part.get("pin"))
            if part.get("pin") in self._chip.input_only and part.get("pull") != "none":
                self._wrong(f"{where}.pull", "no_pull")

    def _card(self) -> None:
        part = self._part("card", {"kind", "d0", "d1", "uart", "rx", "baud"})
        if part is None:
            return
        self._one_of("card.kind", part.get("kind"), ("wiegand", "uart"))
        if part.get("kind") == "wiegand":
            self._input("card.d0", part.get("d0"))
            self._input("card.d1", part.get("d1"))
        elif part.get("kind") == "uart":
            self._uart("card", part)
            self._input("card.rx", part.get("rx"))
            self._number("card.baud", part.get("baud"), 1_200, 115_200)

    def _supply(self) -> None:
        part = self._part("supply", {"pin", "upper", "lower", "low_mv"})
        if part is None:
            return
        self._input("supply.pin", part.get("pin"))
        if part.get("pin") not in self._chip.analogue:
            self._wrong("supply.pin", "not_analogue")
        self._number("supply.upper", part.get("upper"), 0, 10_000)
        self._number("supply.lower", part.get("lower"), 1, 10_000)
        self._number("supply.low_mv", part.get("low_mv"), 0, 60_000)

    # pins

    def _pin(self, where: str, pin: object) -> int | None:
        """A pin that exists and is nobody's yet; None if it is wrong."""
        if not isinstance(pin, int) or isinstance(pin, bool):
            self._wrong(where, "missing")
        elif pin not in self._chip.pins:
            self._wrong(where, "no_such_pin")
        elif pin in self._chip.flash:
            self._wrong(where, "flash")
        elif pin in self._chip.console:
            self._wrong(where, "console")
        elif pin in self._used:
            self._wrong(where, f"twice:{self._used[pin]}")
        else:
            self._used[pin] = where
            return pin
        return None

    def _input(self, where: str, number: object) -> None:
        pin = self._pin(where, number)
        if pin is not None and pin in self._chip.strapping:
            self._wrong(where, "strapping")  # a contact that is closed at power-on would choose how the chip starts

    def _output(self, where: str, number: object, *, at_rest: bool = False) -> None:
        """at_rest: must not move before our program holds it."""
        pin = self._pin(where, number)
        if pin is None:
            return
        if pin in self._chip.input_only:
            self._wrong(where, "input_only")
        elif pin in self._chip.strapping:
            self._wrong(where, "strapping")
        elif at_rest and pin in self._chip.boot_pulse:
            self._wrong(where, "boot_pulse")

    def _uart(self, name: str, part: dict[str, Any]) -> None:
        number = part.get("uart")
        if not isinstance(number, int) or number not in self._chip.uarts:
            self._wrong(f"{name}.uart", "missing")
        elif number in self._uarts:
            self._wrong(f"{name}.uart", f"twice:{self._uarts[number]}")
        else:
            self._uarts[number] = f"{name}.uart"

    # values

    def _part(self, name: str, keys: set[str], *, required: bool = False) -> dict[str, Any] | None:
        part = self._document.get(name)
        if part is None:
            if required:
                self._wrong(name, "missing")
            return None
        if not isinstance(part, dict):
            self._wrong(name, "missing")
            return None
        for key in sorted(set(part) - keys):
            self._wrong(f"{name}.{key}", "unknown")
        return {key: value for key, value in part.items() if key in keys}

    def _one_of(self, where: str, value: object, known: tuple[str, ...]) -> None:
        if value not in known:
            self._wrong(where, "missing" if value is None else "unknown")

    def _number(self, where: str, value: object, least: int, most: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            self._wrong(where, "missing")
        elif not least <= value <= most:
            self._wrong(where, f"range:{least}..{most}")

    def _wrong(self, where: str, why: str) -> None:
        self._found.append(Fault(where, why))
