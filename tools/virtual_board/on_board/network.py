"""The module `network` of the virtual board: a radio that hears the networks it was told of."""

STA_IF = 0
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_WRONG_PASSWORD = 202
STAT_NO_AP_FOUND = 201
STAT_GOT_IP = 1010

air: dict = {}  # name: {"password", "rssi"}


class WLAN:
    """A station, with the names and numbers that the ESP32 port has."""

    def __init__(self, interface: int = STA_IF) -> None:
        self._status = STAT_IDLE
        self._name = ""

    def active(self, on: bool | None = None) -> bool:
        """Switch the radio."""
        return True

    def connect(self, name: str, password: str = "") -> None:
        """Join a network; how it went shows in `status`."""
        self._name = name
        if name not in air:
            self._status = STAT_NO_AP_FOUND
        elif air[name]["password"] != password:
            self._status = STAT_WRONG_PASSWORD
        else:
            self._status = STAT_GOT_IP

    def disconnect(self) -> None:
        """Leave it."""
        self._status = STAT_IDLE

    def isconnected(self) -> bool:
        """Whether there is an address."""
        return self._status == STAT_GOT_IP

    def status(self, what: str | None = None) -> int:
        """How joining goes, or with "rssi" the signal in dBm."""
        if what == "rssi":
            return air[self._name]["rssi"]
        return self._status
