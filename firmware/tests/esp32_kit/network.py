"""Stand-in for `network` of MicroPython's ESP32 port: one station and the air around it."""

from chip import Misuse, pins

STA_IF = 0
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_WRONG_PASSWORD = 202
STAT_NO_AP_FOUND = 201
STAT_GOT_IP = 1010

air = {}  # name: (password, dBm)


class WLAN:
    def __init__(self, interface):
        if interface != STA_IF:
            raise Misuse("interface")
        self._active = False
        self._status = STAT_IDLE
        self._name = None

    def active(self, on):
        self._active = pins.wifi_on = bool(on)

    def config(self, **settings):
        self._must_be_active()
        if set(settings) - {"reconnects", "pm"}:
            raise ValueError("unknown config param")

    def connect(self, name, password):
        self._must_be_active()
        if self._status == STAT_CONNECTING:
            raise OSError("Wifi Internal Error")
        self._name = name
        if name not in air:
            self._status = STAT_NO_AP_FOUND
        elif air[name][0] != password:
            self._status = STAT_WRONG_PASSWORD
        else:
            self._status = STAT_GOT_IP

    def disconnect(self):
        self._must_be_active()
        self._status = STAT_IDLE

    def isconnected(self):
        return self._status == STAT_GOT_IP

    def ifconfig(self):
        return ("10.0.0.7", "255.0.0.0", "10.0.0.1", "127.0.0.1") if self.isconnected() else ("0.0.0.0",) * 4

    def status(self, what=None):
        if what is None:
            return self._status
        if what != "rssi" or not self.isconnected():
            raise OSError("Wifi Not Started")
        return air[self._name][1]

    def _must_be_active(self):
        if not self._active:
            raise OSError("Wifi Not Started")
