"""What a door shows its network and its broker, and the next of it, which waits beside it until it is proved.

In use are the files that the installer wrote: /ca.der, /cert.der, /key.der, and `wifi` in /config.json. A renewal is
one record kept twice; it takes their place only when it has been proved, and a cut on the way is made good at boot.
"""

import hashlib
import json
import struct

from companion.store import files
from companion.store.config import Config, ConfigError
from companion.store.places import FilePlace
from companion.store.slots import Slots

_HEAD = ">QBB8sHH"  # version, what, proved, begin of the hash of the certificate it follows, sizes of key, certificate
_HEAD_SIZE = 22
KEY, CERTIFICATE, NETWORKS = 0, 1, 2


class Next:
    """A renewal on its way. what: KEY (a key without its certificate yet), CERTIFICATE or NETWORKS."""

    def __init__(self, version: int, what: int, key: bytes = b"", cert: bytes = b"", networks: bytes = b"") -> None:
        """key, cert: DER; networks: JSON as in /config.json."""
        self.version = version
        self.what = what
        self.key = key
        self.cert = cert
        self.networks = networks
        self.proved = False


class Identity:
    """The files under `folder`. Raises OSError if the flash can't be used."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.ca, self.cert, self.key = [files.read(folder + name) for name in ("/ca.der", "/cert.der", "/key.der")]
        files.names(folder + "/renewal")
        self._next = _slots(folder + "/renewal/next")
        self._done = _slots(folder + "/renewal/done")
        self.done = int.from_bytes(self._done.read() or b"", "big")  # version of the last renewal that was finished
        self.next = self._read(self._next.read())
        if self.next is not None and self.next.proved:
            self._take(self.next)

    def keep(self, coming: Next) -> None:
        """Keep what is to come, in the place of another that waited. Raises OSError."""
        self._write(coming)
        self.next = coming

    def promote(self) -> None:
        """The next is proved: it takes the place of what was. Raises OSError; the next boot goes on with it."""
        if self.next is not None:
            self.next.proved = True
            self._write(self.next)
            self._take(self.next)

    def networks(self) -> list:
        """The networks of the next, [{"ssid", "password"}]; none if it brings none."""
        if self.next is None or self.next.what != NETWORKS:
            return []
        found: list = json.loads(self.next.networks)
        return found

    def _take(self, coming: Next) -> None:
        if coming.what == CERTIFICATE:
            files.write(self._folder + "/key.der", coming.key)
            files.write(self._folder + "/cert.der", coming.cert)
            self.key, self.cert = coming.key, coming.cert
        elif coming.what == NETWORKS:
            self._take_networks(coming.networks)
        self.done = coming.version
        self._done.write(coming.version.to_bytes(8, "big"))
        self._done.settle()
        self._next.erase()
        self.next = None

    def _take_networks(self, networks: bytes) -> None:
        path = self._folder + "/config.json"
        document = json.loads(files.read(path) or b"{}")
        document["wifi"] = json.loads(networks)
        text = json.dumps(document).encode()
        try:
            Config(text)
        except ConfigError:
            return  # nothing that the next boot could not read is ever put there
        files.write(path, text)

    def _write(self, coming: Next) -> None:
        head = struct.pack(
            _HEAD, coming.version, coming.what, coming.proved, _hash(self.cert), len(coming.key), len(coming.cert)
        )
        self._next.write(head + coming.key + coming.cert + coming.networks)
        self._next.settle()

    def _read(self, body: bytes | None) -> Next | None:
        """The renewal on flash; None if there is none, or it is done, or follows what an installer has replaced."""
        if body is None or len(body) < _HEAD_SIZE:
            return None
        version, what, proved, after, key, cert = struct.unpack(_HEAD, body[:_HEAD_SIZE])
        at = _HEAD_SIZE + key
        found = Next(version, what, body[_HEAD_SIZE:at], body[at : at + cert], body[at + cert :])
        found.proved = bool(proved)
        if version <= self.done or _hash(self.cert) not in (after, _hash(found.cert)):
            self._next.erase()
            return None
        return found


def _slots(path: str) -> Slots:
    return Slots(FilePlace(path + ".a"), FilePlace(path + ".b"))


def _hash(certificate: bytes | None) -> bytes:
    return hashlib.sha256(certificate or b"").digest()[:8]
