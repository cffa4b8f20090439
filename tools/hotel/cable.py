"""The network cable of a virtual companion: a plain TCP pipe to the broker that can be pulled and put back.

The door dials the cable's port; TLS runs end to end through it, so the door's certificate checks stay real.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from tools.processes import LOOPBACK

CHUNK = 16_384


class Forwarder:
    """A loopback port and who dials it. What becomes of a connection is `join`'s to say, `pull` ends all there are."""

    def __init__(self, to_port: int, port: int = 0) -> None:
        """to_port: what is dialled for whoever comes; port: ours (0 takes a free one)."""
        self.to_port = to_port
        self._closed = False
        self._listener = socket.create_server((LOOPBACK, port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name=f"port {self.port}", daemon=True).start()

    def join(self, near: socket.socket) -> None:
        """Somebody dialled."""
        raise NotImplementedError

    def pull(self) -> None:
        """Drop every connection, and refuse new ones."""
        raise NotImplementedError

    def plug(self) -> None:
        """Forward again."""
        raise NotImplementedError

    def close(self) -> None:
        """Pull it for good and give the port back."""
        self._closed = True
        self.pull()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def dial(self, near: socket.socket) -> socket.socket | None:
        """The other end for who dialled; None, and he is dropped, if nobody answers there."""
        try:
            far = socket.create_connection((LOOPBACK, self.to_port), timeout=5)
        except OSError:
            near.close()
            return None
        far.settimeout(None)
        return far

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.join(near)


class Cable(Forwarder):
    """Forwards while it is plugged in. Pulled, it drops all; put back, it forwards again on the same port."""

    def __init__(self, to_port: int, port: int = 0) -> None:
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._plugged = True
        super().__init__(to_port, port)

    @property
    def plugged(self) -> bool:
        """Whether it forwards."""
        return self._plugged

    def pull(self) -> None:
        """Cut it: what is connected is dropped, what dials is dropped at once."""
        with self._lock:
            self._plugged = False
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _drop(pair)

    def plug(self) -> None:
        """Put it back."""
        with self._lock:
            self._plugged = True

    def join(self, near: socket.socket) -> None:
        """Pass on what both ends say."""
        if not self._plugged:
            near.close()
            return
        far = self.dial(near)
        if far is None:
            return
        pair = (near, far)
        with self._lock:
            joined = self.plugged  # it may have been pulled while we dialled
            if joined:
                self._pairs.add(pair)
        if not joined:
            _drop(pair)
            return
        for source, sink in (pair, (far, near)):
            threading.Thread(target=self._pump, args=(source, sink, pair), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK):
                sink.sendall(chunk)
        with self._lock:
            self._pairs.discard(pair)
        _drop(pair)


def _drop(pair: tuple[socket.socket, socket.socket]) -> None:
    for end in pair:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
