"""Wi-Fi of the ESP32 as the firmware wants a network: up or not, one attempt at a time, and its name server."""

import asyncio
import socket

import network

_TIMED_OUT = 116  # ETIMEDOUT
_REFUSED = 111
_DNS = 53
_PATIENCE_MS = 20_000
_LOOK_MS = 200


class Radio:
    """The station interface. The gate never waits for anything here."""

    def __init__(self) -> None:
        self._station = network.WLAN(network.STA_IF)

    @property
    def connected(self) -> bool:
        """Whether there is a network with an address for us."""
        return self._station.isconnected()

    async def up(self, ssid: str, password: str) -> None:
        """Join a network. Raises OSError if that fails or takes longer than 20 s."""
        station = self._station
        station.active(True)
        station.disconnect()
        station.config(reconnects=2)
        station.connect(ssid, password)
        bad = (network.STAT_WRONG_PASSWORD, network.STAT_NO_AP_FOUND)
        for _ in range(_PATIENCE_MS // _LOOK_MS):
            await asyncio.sleep_ms(_LOOK_MS)
            if station.isconnected():
                return
            if station.status() in bad:
                station.disconnect()
                raise OSError(_REFUSED)
        station.disconnect()
        raise OSError(_TIMED_OUT)

    def datagrams(self) -> socket.socket:
        """Datagrams to the network's name server; never waits. Raises OSError if the network named none."""
        server = self._station.ifconfig()[3]
        if not server or server == "0.0.0.0":
            raise OSError(_TIMED_OUT)
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            plain.connect(socket.getaddrinfo(server, _DNS, 0, socket.SOCK_DGRAM)[0][-1])
            plain.setblocking(False)
        except OSError:
            plain.close()
            raise
        return plain

    def rssi(self) -> int | None:
        """The signal in dBm, None without a network."""
        if not self.connected:
            return None
        try:
            return int(self._station.status("rssi"))
        except (OSError, ValueError):
            return None
