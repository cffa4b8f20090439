"""The jig's program, for MicroPython on a Raspberry Pi Pico: hands for a companion on the bench.

One JSON object a line, both ways. It obeys `{"scan": hex}`, `{"sense": name, "value": 0|1}`, `{"power": 0|1}`,
`{"pulses": 0}` (answered with their lengths) and `{"reset": 0}`, and answers each with one line. Wiring: docs/hil.md.
"""

import json
import sys
import time

import machine

SCANNER = {"tx": 0, "rx": 1, "baud": 57_600}
BOLT = 2
POWER = 3
CONTACTS = {"door": 6, "bolt": 7, "motor": 8, "handle": 9, "privacy": 10, "tamper": 11}
# A contact of the pin-out that is active when it is open (high) is pulled low at rest.
ACTIVE_HIGH = ("door", "tamper")


class Jig:
    """Pins of the bench. Contacts are open drain: the companion's own pulls make the high level."""

    def __init__(self) -> None:
        self._uart = machine.UART(
            0, baudrate=SCANNER["baud"], tx=machine.Pin(SCANNER["tx"]), rx=machine.Pin(SCANNER["rx"])
        )
        self._power = machine.Pin(POWER, machine.Pin.OUT, value=1)
        self._contacts = {
            name: machine.Pin(pin, machine.Pin.OPEN_DRAIN, value=0 if name in ACTIVE_HIGH else 1)
            for name, pin in CONTACTS.items()
        }
        self._pulses = []
        self._since = None
        self._bolt = machine.Pin(BOLT, machine.Pin.IN, machine.Pin.PULL_DOWN)
        self._bolt.irq(self._edge, machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING)

    def _edge(self, pin: "machine.Pin") -> None:
        now = time.ticks_ms()
        if pin.value():
            self._since = now
        elif self._since is not None:
            self._pulses.append(time.ticks_diff(now, self._since))
            self._since = None

    def obey(self, said: dict) -> dict:
        """One command; its answer. Raises KeyError for what it does not know."""
        if "scan" in said:
            self._uart.write(bytes.fromhex(said["scan"]))
        elif "sense" in said:
            name = said["sense"]
            self._contacts[name].value(said["value"] if name in ACTIVE_HIGH else 1 - said["value"])
        elif "power" in said:
            self._power.value(said["power"])
        elif "pulses" in said:
            return {"ok": 1, "pulses": self._pulses}
        elif "reset" in said:
            self._pulses.clear()
            for name, pin in self._contacts.items():
                pin.value(0 if name in ACTIVE_HIGH else 1)
            self._power.value(1)
        else:
            raise KeyError("unknown")
        return {"ok": 1}


def main() -> None:
    """Obey, for ever."""
    jig = Jig()
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        try:
            answer = jig.obey(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            answer = {"ok": 0, "why": repr(wrong)}
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
