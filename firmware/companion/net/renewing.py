"""Takes a renewal's documents in: makes the door's new key, reads certificates and networks (protocol section 6).

Loaded when the first one comes, once in years: it takes no room on the heap until then.
"""

import binascii
import json

import cryptolib

from companion.core import mac, p256
from companion.core.names import TOPIC_RENEW
from companion.net.renewal import WORDS
from companion.store.config import ConfigError, read_wifi
from companion.store.identity import CERTIFICATE, KEY, NETWORKS, Next

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from companion.net.renewal import Renewals

_CERTIFICATE_MAX = 1_024
_NETWORKS_MAX = 8
_SEAL = b"HW1"
_AES_CBC = 2
_BLOCK = 16
_VERSION_MAX = 1 << 53


class Renewing:
    """Reads for one door what `renewals` then tries."""

    def __init__(
        self, renewals: "Renewals", companion_id: str, link_key: "bytes | bytearray", random: "Callable[[int], bytes]"
    ) -> None:
        self._renewals = renewals
        self._identity = renewals.load()
        self._link_key = link_key
        self._random = random
        self._topic = TOPIC_RENEW % companion_id
        self._making: Any = None
        self._secret = b""
        self._making_version = 0

    def take(self, payload: bytes | bytearray) -> None:
        """Take a document in. ValueError if it is wrong; nothing changed then. OSError if the flash is at its end."""
        document = mac.open_sealed(self._link_key, self._topic, payload)
        version, what = document.get("version"), document.get("what")
        if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < _VERSION_MAX:
            raise ValueError("version")
        if what not in WORDS:
            raise ValueError("what")
        coming = self._identity.next
        if version <= self._identity.done or (coming is not None and version < coming.version):
            return  # done, or overtaken: the broker may hold it still
        if what == "key":
            if (coming is None or coming.version != version) and self._making_version != version:
                self._make_key(version)
        elif what == "certificate":
            self._take_certificate(version, document.get("certificate"))
        else:
            self._take_networks(version, document.get("sealed"))

    def step(self) -> bool:
        """One step at a key that is being made, a few ms; False if there is nothing to do. OSError as above."""
        if self._making is None:
            return False
        point = next(self._making)
        if point:
            self._making = None
            self._identity.keep(Next(self._making_version, KEY, p256.der(self._secret, point)))
            self._secret = b""
        return True

    def _make_key(self, version: int) -> None:
        secret = self._random(32)
        while not p256.usable(secret):
            secret = self._random(32)
        self._secret, self._making_version = secret, version
        self._making = p256.public(secret)

    def _take_certificate(self, version: int, text: object) -> None:
        coming = self._identity.next
        if coming is None or coming.version != version or coming.what == NETWORKS:
            raise ValueError("no key for it")
        cert = _decoded(text)
        if coming.what == CERTIFICATE and coming.cert == cert:
            return  # it waits already
        if len(cert) > _CERTIFICATE_MAX or p256.point_of(coming.key) not in cert:
            raise ValueError("certificate")
        self._renewals.expect(Next(version, CERTIFICATE, coming.key, cert))

    def _take_networks(self, version: int, text: object) -> None:
        coming = self._identity.next
        if coming is not None and coming.version == version:
            return  # it waits already
        networks = unseal(self._link_key, _decoded(text))
        try:
            found = read_wifi(json.loads(networks))
        except ConfigError:
            raise ValueError("networks") from None
        if not 0 < len(found) <= _NETWORKS_MAX:
            raise ValueError("networks")
        self._renewals.expect(Next(version, NETWORKS, networks=networks))


def unseal(link_key: "bytes | bytearray", sealed: bytes) -> bytes:
    """What AES-256-CBC under the link key's own seal key hid: iv(16) || blocks, PKCS 7. ValueError if it is not right.

    Who may say it is the mac's to prove, before: the document carries one.
    """
    if len(sealed) < 2 * _BLOCK or len(sealed) % _BLOCK:
        raise ValueError("sealed")
    cipher = cryptolib.aes(mac.hmac_sha256(link_key, _SEAL), _AES_CBC, sealed[:_BLOCK])
    plain: bytes = cipher.decrypt(sealed[_BLOCK:])
    if not 0 < plain[-1] <= _BLOCK:
        raise ValueError("sealed")
    return plain[: -plain[-1]]


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("not a text")
    return binascii.a2b_base64(text)
