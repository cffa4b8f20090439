"""The waters between a door and its broker: a TCP pipe with weather, and a name server that may fall silent.

TLS runs end to end through it: what is torn or garbled here is what a door's handshake really meets.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading

from tools.hotel.cable import CHUNK, Forwarder
from tools.processes import LOOPBACK

WEATHERS = ("shut", "stalled", "half_open", "torn", "garbled", "slow")
_HANDSHAKE = 3_000  # bytes within which a handshake is spoilt
_DRIP, _DRIP_SECONDS = 48, 0.05


class Strait(Forwarder):
    """A loopback port that forwards to another one, as the weather lets it.

    clear: as it is. shut: dropped and refused at once. stalled: nothing gets through until it clears, then all does.
    half_open: what is connected is dead and not told so; what dials is accepted and never answered. torn: reset amid
    what the broker says at first; garbled: one bit of that is wrong. slow: it drips.
    """

    def __init__(self, to_port: int, dice: random.Random) -> None:
        self.accepted = 0
        self._dice = dice
        self._weather = "clear"
        self._changed = threading.Condition()
        self._pairs: set[_Pair] = set()
        super().__init__(to_port)

    @property
    def weather(self) -> str:
        """What it is now."""
        return self._weather

    def turns(self, weather: str) -> None:
        """Change the weather; all but a stall and a drip end what is connected, openly or not."""
        with self._changed:
            self._weather = weather
            pairs = set(self._pairs)
            self._changed.notify_all()
        for pair in pairs:
            if weather == "half_open":
                pair.dies_unseen()
            elif weather in ("shut", "torn", "garbled"):
                pair.drop()

    def pull(self) -> None:
        """As a cable is pulled."""
        self.turns("shut")

    def plug(self) -> None:
        """And put back."""
        self.turns("clear")

    def join(self, near: socket.socket) -> None:
        """Pass on what both ends say, as the weather lets it."""
        self.accepted += 1
        weather = self._weather
        if weather == "shut":
            near.close()
            return
        if weather == "half_open":
            pair = _Pair(near, None)
        else:
            far = self.dial(near)
            if far is None:
                return
            pair = _Pair(near, far)
            if weather in ("torn", "garbled"):
                pair.spoilt_at = self._dice.randrange(_HANDSHAKE)
        with self._changed:
            self._pairs.add(pair)
        threading.Thread(target=self._pump, args=(pair, True), daemon=True).start()
        if pair.far is not None:
            threading.Thread(target=self._pump, args=(pair, False), daemon=True).start()

    def _pump(self, pair: _Pair, outward: bool) -> None:
        source, sink = (pair.near, pair.far) if outward else (pair.far, pair.near)
        with contextlib.suppress(OSError):
            while source is not None and (chunk := source.recv(CHUNK)):
                if not pair.unseen and sink is not None:
                    self._carry(pair, sink, chunk, outward)
        if pair.unseen and not outward:
            return  # the broker is gone, and the door must not learn it
        with self._changed:
            self._pairs.discard(pair)
        pair.drop()

    def _carry(self, pair: _Pair, sink: socket.socket, chunk: bytes, outward: bool) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._weather != "stalled")
        if not outward and pair.spoilt_at is not None and self._weather in ("torn", "garbled"):
            chunk = pair.spoil(chunk, tear=self._weather == "torn")
        if self._weather != "slow":
            sink.sendall(chunk)
            return
        for at in range(0, len(chunk), _DRIP):
            with self._changed:
                self._changed.wait_for(lambda: self._weather != "slow", _DRIP_SECONDS)
            sink.sendall(chunk[at : at + _DRIP])


class _Pair:
    """One connection's two ends. far: None where nobody was dialled."""

    def __init__(self, near: socket.socket, far: socket.socket | None) -> None:
        self.near = near
        self.far = far
        self.unseen = False
        self.spoilt_at: int | None = None  # this many bytes from the broker on
        self._carried = 0

    def dies_unseen(self) -> None:
        """The broker's end goes; the door's stays as if nothing had happened."""
        self.unseen = True
        if self.far is not None:
            _end(self.far)

    def drop(self) -> None:
        """Both ends go, with a reset: a close would first deliver what is on its way."""
        for end in (self.near, self.far):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RD)  # wakes who waits on it, and says nothing
                end.close()

    def spoil(self, chunk: bytes, *, tear: bool) -> bytes:
        """The chunk with a bit wrong where it is due; OSError where it is torn there."""
        at = (self.spoilt_at or 0) - self._carried
        self._carried += len(chunk)
        if not 0 <= at < len(chunk):
            return chunk
        if tear:
            raise OSError("torn")
        return chunk[:at] + bytes([chunk[at] ^ 1]) + chunk[at + 1 :]


class NameServer:
    """Answers each question for an address with loopback, while it speaks."""

    def __init__(self) -> None:
        self.asked = 0
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, name=f"names {self.port}", daemon=True).start()

    def close(self) -> None:
        """End it."""
        self.silent = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                asked, whence = self._socket.recvfrom(512)
            except OSError:
                return
            if not asked:
                return
            self.asked += 1
            if not self.silent:
                found = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(LOOPBACK)
                with contextlib.suppress(OSError):
                    self._socket.sendto(asked[:2] + b"\x81\x80\x00\x01\x00\x01" + asked[8:] + found, whence)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
