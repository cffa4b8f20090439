"""The battery clock DS3231: Unix seconds in and out, or None if it can't be trusted.

Source: Maxim Integrated, *DS3231 Extremely Accurate I2C-Integrated RTC/TCXO/Crystal*, 19-5170 rev. 10. Address 0x68;
registers 00..06 are seconds, minutes, hours (bit 6: 12-hour mode), weekday, date, month (bit 7: century), year, in BCD;
0E control (bit 7 EOSC: 1 stops the oscillator on the battery); 0F status (bit 7 OSF: the oscillator has stood still
since this was cleared). 2 ppm from 0 to 40 °C, 3.5 ppm from -40 to 85 °C. Reading all seven in one transfer is
consistent: the chip latches them at its start.
"""

import machine
from dates import date, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ADDRESS = 0x68
_CONTROL = 0x0E
_STATUS = 0x0F
_STOPPED = 0x80
_HZ = 100_000
DRIFT_PPM = 5  # the data sheet's worst, and what it ages in a year


class Ds3231:
    """One chip on an I2C bus. It counts years from 2000 to 2199 (the century bit)."""

    def __init__(self, wired: "dict[str, Any]") -> None:
        """wired: the pin-out's `clock`."""
        self._bus = machine.I2C(0, sda=machine.Pin(wired["sda"]), scl=machine.Pin(wired["scl"]), freq=_HZ)

    def read(self) -> int | None:
        """The time in Unix seconds, UTC; None if there is no chip, it has stood still, or it says what is no date."""
        try:
            if self._bus.readfrom_mem(_ADDRESS, _STATUS, 1)[0] & _STOPPED:
                return None
            held = self._bus.readfrom_mem(_ADDRESS, 0, 7)
        except OSError:
            return None
        if held[2] & 0x40:
            return None  # 12-hour mode: not of our making
        second, minute, hour = _number(held[0]), _number(held[1]), _number(held[2])
        day, month = _number(held[4]), _number(held[5] & 0x1F)
        year = 2000 + _number(held[6]) + (100 if held[5] & 0x80 else 0)
        if second > 59 or minute > 59 or hour > 23 or not 1 <= month <= 12 or not 1 <= day <= 31:
            return None
        at = seconds(year, month, day, hour, minute, second)
        return at if date(at)[:3] == (year, month, day) else None

    def write(self, at: int) -> None:
        """Set it to Unix seconds and say that it is right from now on. Raises OSError if there is no chip."""
        year, month, day, hour, minute, second, weekday = date(at)
        century = 0x80 if year >= 2100 else 0
        told = bytes([
            _bcd(second), _bcd(minute), _bcd(hour), weekday + 1, _bcd(day), _bcd(month) | century, _bcd(year % 100)
        ])  # fmt: skip
        self._bus.writeto_mem(_ADDRESS, 0, told)
        self._bus.writeto_mem(_ADDRESS, _CONTROL, b"\x1c")  # runs on the battery; no square wave, no alarms
        self._bus.writeto_mem(_ADDRESS, _STATUS, b"\x00")


def _number(bcd: int) -> int:
    """What two decimal digits say; 100 or more for what are none."""
    return (bcd >> 4) * 10 + (bcd & 15) if bcd & 15 < 10 and bcd >> 4 < 10 else 255


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10
