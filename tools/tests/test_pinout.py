"""Pin-outs: those of the tree are sound, and every misuse of a pin is told with its place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tools import pinout

GOOD = json.loads(pinout.text_of("wroom-1"))


def changed(path: str, value: Any) -> str:
    """The first revision's text with one member replaced, added, or taken away (value ...)."""
    document = copy.deepcopy(GOOD)
    *above, last = path.split(".")
    part = document
    for name in above:
        part = part[name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return json.dumps(document)


@pytest.mark.parametrize("name", pinout.names())
def test_every_revision_of_the_tree_is_sound_and_bears_its_file_s_name(name: str) -> None:
    assert pinout.faults(pinout.text_of(name)) == []
    assert json.loads(pinout.text_of(name))["revision"] == name


@pytest.mark.parametrize(
    ("path", "value", "where", "why"),
    [
        ("bolt.pin", 6, "bolt.pin", "flash"),
        ("bolt.pin", 12, "bolt.pin", "strapping"),
        ("bolt.pin", 32, "inputs.door.pin", "twice:bolt.pin"),
        ("bolt.pin", 37, "bolt.pin", "input_only"),
        ("bolt.pin", 14, "bolt.pin", "boot_pulse"),
        ("bolt.pin", 1, "bolt.pin", "console"),
        ("bolt.pin", 20, "bolt.pin", "no_such_pin"),
        ("bolt.pin", "25", "bolt.pin", "missing"),
        ("bolt.pin", True, "bolt.pin", "missing"),
        ("bolt.pin", ..., "bolt.pin", "missing"),
        ("bolt.kind", "magnet", "bolt.kind", "unknown"),
        ("bolt.kind", "motor", "bolt.back", "missing"),
        ("bolt.run_ms", 300, "bolt.run_ms", "unknown"),
        ("bolt.active", ..., "bolt.active", "missing"),
        ("light.red", 25, "light.red", "twice:bolt.pin"),
        ("light.red", 5, "light.red", "strapping"),
        ("buzzer.pin", 38, "buzzer.pin", "input_only"),
        ("clock.scl", 38, "clock.scl", "input_only"),
        ("inputs.door.pin", 15, "inputs.door.pin", "strapping"),
        ("inputs.motor.pull", "up", "inputs.motor.pull", "no_pull"),
        ("inputs.window", {"pin": 14}, "inputs.window", "unknown"),
        ("inputs.door.active", "yes", "inputs.door.active", "unknown"),
        ("scanner.uart", 0, "scanner.uart", "missing"),
        ("scanner.module", "gm1", "scanner.module", "unknown"),
        ("scanner.tx", 39, "scanner.tx", "input_only"),
        ("card", {"kind": "uart", "uart": 2, "rx": 4, "baud": 9600}, "card.uart", "twice:scanner.uart"),
        ("card", {"kind": "uart", "uart": 1, "rx": 4, "baud": 1}, "card.baud", "range:1200..115200"),
        ("card.d1", 4, "card.d1", "twice:card.d0"),
        ("supply.pin", 14, "supply.pin", "not_analogue"),
        ("supply.lower", 0, "supply.lower", "range:1..10000"),
        ("chip", "esp8266", "chip", "unknown"),
        ("extra", 1, "extra", "unknown"),
        ("revision", ..., "revision", "missing"),
        ("light", ..., "light", "missing"),
        ("bolt", 25, "bolt", "missing"),
    ],
)  # fmt: skip
def test_a_misuse_is_told_with_its_place(path: str, value: Any, where: str, why: str) -> None:
    found = pinout.faults(changed(path, value))
    assert any(fault.where == where and fault.why.startswith(why) for fault in found), found


def test_what_a_door_may_lack_is_no_fault() -> None:
    for part in ("buzzer", "clock", "card", "supply", "inputs"):
        assert pinout.faults(changed(part, ...)) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '"sim"', json.dumps({"chip": "esp32"} | {"x": "y" * 5000})])
def test_what_is_no_pin_out_at_all_is_refused(text: str) -> None:
    assert pinout.faults(text)


SMALL = {
    "esp32c3": {"scanner": (4, 5), "bolt": 10, "light": (6, 7, 3), "door": 0, "bad": {8: "strapping", 18: "console"}},
    "esp32c6": {"scanner": (6, 7), "bolt": 10, "light": (18, 19, 20), "door": 21, "bad": {15: "strapping"}},
}


@pytest.mark.parametrize("chip", SMALL)
def test_a_pin_out_of_one_s_own_for_the_smaller_chips_is_judged_by_their_pins(chip: str) -> None:
    pins = SMALL[chip]
    low = {"active": "high"}
    document: dict[str, Any] = {
        "revision": "own", "chip": chip,
        "scanner": {"uart": 1, "tx": pins["scanner"][0], "rx": pins["scanner"][1], "module": "gm65"},
        "bolt": {"kind": "strike", "pin": pins["bolt"], "active": "high"},
        "light": dict(zip(("red", "green", "blue"), pins["light"], strict=True)) | low,
        "inputs": {"door": {"pin": pins["door"], "active": "high", "pull": "up"}},
    }  # fmt: skip
    assert pinout.faults(json.dumps(document)) == []
    for pin, why in {**pins["bad"], 4: "strapping" if chip == "esp32c6" else "twice:scanner.tx"}.items():
        document["bolt"]["pin"] = pin
        assert str(pinout.faults(json.dumps(document))[0]) == f"bolt.pin: {why}"
    document["scanner"]["uart"] = 2
    assert "scanner.uart: missing" in map(str, pinout.faults(json.dumps(document)))
