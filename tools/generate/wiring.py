"""Draws the wiring of docs/install.md from the pin-outs: which pin goes through what to where.

`python -m tools.generate.wiring` writes the pictures; a test holds them equal to the pin-outs, and no pin left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import Any

from tools import pinout
from tools.checks.tree import ROOT

FOLDER = ROOT / "docs" / "pictures" / "install"
_LEFT, _MIDDLE, _RIGHT = (20, 165), (215, 255), (500, 240)  # x, width of a column
_ROW, _TOP = 46, 96
_PULL = "10 kΩ from the pin to 3.3 V"
_TO_GND = "other wire to GND"


@dataclass(frozen=True, slots=True)
class Row:
    """One wire: a pin of the companion (or a rail), what lies between, the far end; two lines of text at most."""

    pin: int | str
    name: str
    between: tuple[str, ...]
    far: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """file: its name; far: what the right box is."""

    file: str
    title: str
    far: str
    rows: list[Row]
    notes: tuple[str, ...]


def pictures() -> list[Picture]:
    """All of them, from the revisions `wroom-1` and `wroom-1-motor`."""
    plain, motor = (json.loads(pinout.text_of(name)) for name in ("wroom-1", "wroom-1-motor"))
    return [_open_contact(plain), _motor_line(plain, motor), _scanner(plain), _supply(plain)]


def _open_contact(board: dict[str, Any]) -> Picture:
    sensed = board["inputs"]
    return Picture("open-contact.svg", "Lock with a free open-contact; the door's contacts", "Lock and door", [
        Row(board["bolt"]["pin"], "bolt", ("relay with its transistor and diode;", "10 kΩ from the pin to GND"),
            ("open-contact, both wires,", "on the relay's dry contact")),
        Row(sensed["door"]["pin"], "door", ("closed door = low",), ("door magnet,", _TO_GND)),
        Row(sensed["bolt"]["pin"], "bolt's contact", ("bolt drawn back = low",), ("bolt's contact,", _TO_GND)),
        Row(sensed["handle"]["pin"], "inside handle", (_PULL, "pressed = low"), ("handle's contact,", _TO_GND)),
        Row(sensed["privacy"]["pin"], "privacy", ("set = low",), ("inside switch,", _TO_GND)),
        Row(sensed["tamper"]["pin"], "tamper", (_PULL, "housing shut = low"), ("housing's contact,", _TO_GND)),
    ], ("The relay bridges what the lock's own exit button would: no voltage of ours enters the lock.",
        "The inside handle stays mechanical and works without power: its contact only tells."))  # fmt: skip


def _motor_line(board: dict[str, Any], motor: dict[str, Any]) -> Picture:
    bolt = motor["bolt"]
    return Picture("motor-line.svg", "Motor lock: sensing its line; driving it (wroom-1-motor)", "Lock", [
        Row(board["inputs"]["motor"]["pin"], "motor", ("optocoupler PC817, collector;", _PULL),
            ("motor +, over 1 kΩ", "into the LED's anode")),
        Row("GND", "", ("optocoupler, emitter",), ("motor −,", "LED's cathode")),
        Row(bolt["pin"], "there", ("H bridge, input 1;", "10 kΩ from the pin to GND"), ("motor +",)),
        Row(bolt["back"], "back", ("H bridge, input 2;", "10 kΩ from the pin to GND"), ("motor −",)),
        Row(motor["inputs"]["privacy"]["pin"], "privacy", ("in its place with an H bridge",),
            ("inside switch,", _TO_GND)),
    ], ("Sensed, the lock's side shares no wire with ours: what its IC card opens is seen, never guessed.",
        "Sense or drive: with the H bridge the lock's own electronics are disconnected from the motor."))  # fmt: skip


def _scanner(board: dict[str, Any]) -> Picture:
    light, card, clock = board["light"], board["card"], board["clock"]
    return Picture("scanner.svg", "Scanner, light, sound; clock; card reader's line", "Door plate, outside", [
        Row(board["scanner"]["tx"], "scanner tx", ("3.3 V levels",), ("module's RX",)),
        Row(board["scanner"]["rx"], "scanner rx", ("3.3 V levels",), ("module's TX",)),
        Row(light["red"], "light, red", ("330 Ω",), ("LED, red anode",)),
        Row(light["green"], "light, green", ("330 Ω",), ("LED, green anode",)),
        Row(light["blue"], "light, blue", ("330 Ω",), ("LED, blue anode;", "common cathode to GND")),
        Row(board["buzzer"]["pin"], "buzzer", ("1 kΩ, NPN transistor",), ("passive buzzer at 5 V",)),
        Row(card["d0"], "card, D0", ("5 V lines: 10 kΩ in series,", "20 kΩ from the pin to GND"),
            ("reader's D0 (inside", "the lock), where it has one")),
        Row(card["d1"], "card, D1", ("as D0",), ("reader's D1",)),
        Row(clock["sda"], "clock, SDA", ("inside the housing",), ("DS3231, SDA",)),
        Row(clock["scl"], "clock, SCL", ("inside the housing",), ("DS3231, SCL",)),
    ], ("Only scanner, light and buzzer are outside. The companion, its relay and its keys are inside the door.",
        "Scanner and buzzer take 5 V and GND of the converter."))  # fmt: skip


def _supply(board: dict[str, Any]) -> Picture:
    supply = board["supply"]
    return Picture("supply.svg", "Supply; electric strike", "12 V", [
        Row("5 V", "", ("converter 12 V to 5 V, 2 A",), ("+, by a fuse of 1 A",)),
        Row("GND", "", ("common",), ("−",)),
        Row(supply["pin"], "supply", (f"{supply['upper']} kΩ in series,",
                                      f"{supply['lower']} kΩ from the pin to GND"), ("+, behind the fuse",)),
        Row(board["bolt"]["pin"], "bolt", ("N-MOSFET of logic level, its gate;", "10 kΩ from gate to GND"),
            ("strike −; strike + to 12 V", "by a fuse of its own")),
    ], ("A diode (1N4007) across the strike's coil, its ring to +. Fail-secure strikes only.",
        "One supply for each door, or a fused branch: one short circuit may not darken a floor."))  # fmt: skip


def draw(picture: Picture) -> str:
    """The picture as SVG."""
    height = _TOP + _ROW * len(picture.rows) + 30 + 20 * len(picture.notes)
    parts = [_box(_LEFT, len(picture.rows), "Companion"), _box(_RIGHT, len(picture.rows), picture.far)]
    for n, row in enumerate(picture.rows):
        y = _TOP + n * _ROW + 10
        parts.append(f'<path d="M{_LEFT[0] + _LEFT[1]} {y} H{_RIGHT[0]}" stroke="#222" stroke-width="2" fill="none"/>')
        pin = f"GPIO {row.pin}" if isinstance(row.pin, int) else row.pin
        parts.append(_text(_LEFT[0] + 10, y, (f"{pin}  {row.name}".strip(),), bold=True))
        parts.append(_text(_RIGHT[0] + 10, y, row.far))
        place = f'x="{_MIDDLE[0]}" y="{y - 18}" width="{_MIDDLE[1]}" height="36"'
        parts.append(f'<rect {place} rx="4" fill="#fff" stroke="#1a56b0"/>')
        parts.append(_text(_MIDDLE[0] + 8, y, row.between))
    for n, note in enumerate(picture.notes):
        y = _TOP + _ROW * len(picture.rows) + 24 + 20 * n
        parts.append(f'<text x="20" y="{y}" fill="#444">{escape(note)}</text>')
    body = "\n".join(parts)
    return _PAGE.format(height=height, title=escape(picture.title), body=body) + "\n"


def _box(column: tuple[int, int], rows: int, title: str) -> str:
    x, width = column
    return (
        f'<rect x="{x}" y="46" width="{width}" height="{_TOP - 46 + _ROW * rows - 10}" rx="6" fill="#f4f6fa"'
        f' stroke="#334"/>\n<text x="{x + width / 2:g}" y="66" text-anchor="middle" font-weight="bold">'
        f"{escape(title)}</text>"
    )


def _text(x: int, y: int, lines: tuple[str, ...], *, bold: bool = False) -> str:
    first = y + 4 - 7 * (len(lines) - 1)
    weight = ' font-weight="bold"' if bold else ""
    return "\n".join(
        f'<text x="{x}" y="{first + 14 * n}"{weight}>{escape(line)}</text>' for n, line in enumerate(lines)
    )


_PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" role="img" font-family="sans-serif"
 font-size="12" aria-label="{title}">
<rect width="760" height="{height}" fill="#fff"/>
<text x="20" y="28" font-size="16" font-weight="bold">{title}</text>
{body}
</svg>"""


if __name__ == "__main__":
    for one in pictures():
        (FOLDER / one.file).write_text(draw(one), encoding="utf-8")
        print(FOLDER / one.file)
