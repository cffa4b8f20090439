"""Signs as the property would, for tests: Ed25519 by its definition (RFC 8032, 5.1.6), slow and plain.

Also builds policies and tokens with the public test keys of docs/vectors/make_hk1.py.
"""

import binascii
import hashlib
import json
import struct

from companion.core.sha512 import sha512
from companion.core.signed import to_be_signed

PROPERTY = binascii.unhexlify("5c1a9f0e77d2b436")
LINK_KEY = hashlib.sha256(b"lockmate test link key").digest()
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def _add(p, q):
    """Unified addition in extended coordinates (Hisil et al., 2008)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(n):
    point = (0, 1, 1, 0)
    double = (_BASE[0], _BASE[1], 1, _BASE[0] * _BASE[1] % _P)
    while n:
        if n & 1:
            point = _add(point, double)
        double = _add(double, double)
        n >>= 1
    z = pow(point[2], _P - 2, _P)
    x, y = point[0] * z % _P, point[1] * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _integer(data):
    return int.from_bytes(data, "little")


def seed(n):
    """The private test key n."""
    return hashlib.sha256(b"lockmate test key %d" % n).digest()


_public = {}


def _secret(n):
    digest = sha512(seed(n))
    return (_integer(digest[:32]) & (1 << 254) - 8) | 1 << 254, digest[32:]


def public(n):
    """The public test key n."""
    if n not in _public:
        _public[n] = _times(_secret(n)[0])
    return _public[n]


def sign(n, message):
    """The signature of test key n."""
    scalar, prefix = _secret(n)
    r = _integer(sha512(prefix + message)) % _L
    commitment = _times(r)
    k = _integer(sha512(commitment + public(n) + message)) % _L
    return commitment + ((r + k * scalar) % _L).to_bytes(32, "little")


def trusted(*slots):
    """A trust list with the test keys of these slots."""
    kinds = {0: ["guest", "remote", "reset"], 4: ["staff", "emergency"], 8: ["policy"], 9: ["policy"]}
    return [{"slot": n, "key": binascii.hexlify(public(n)).decode(), "kinds": kinds[n]} for n in slots]


def config(**changed):
    """A door's config.json."""
    document = {
        "companion_id": "c-801-test",
        "property_id": binascii.hexlify(PROPERTY).decode(),
        "door": 801,
        "link_key": binascii.hexlify(LINK_KEY).decode(),
        "broker": None,
        "trust": trusted(0, 4, 8),
        "wifi": [],
        "profile": "sim",
    }
    document.update(changed)
    return json.dumps(document).encode()


def policy(version, slot=8, **changed):
    """A policy's wire, signed by a slot's test key."""
    document = {
        "version": version,
        "door": 801,
        "class": "room",
        "zones": [3],
        "generation": 42,
        "staff_epoch": 3,
        "emergency_epoch": 1,
        "clock_epoch": 0,
        "min_iat": 0,
        "deny": "",
        "mode": "normal",
        "mode_until": 0,
        "schedule": [],
        "trust": trusted(0, 4, 8),
        "clock_lost": "guests",
        "settings": {},
        "issued_at": 1795453200,
    }
    document.update(changed)
    body = json.dumps(document).encode()
    aad = b"HP1" + bytes([slot]) + PROPERTY + struct.pack(">I", document["door"])
    return bytes([slot]) + sign(slot, to_be_signed(aad, body)) + body


def _base45(data):
    text = ""
    for at in range(0, len(data), 2):
        n = int.from_bytes(data[at : at + 2], "big")
        for _ in range(3):
            text += DIGITS[n % 45]
            n //= 45
    return text


def token(slot=0, kind=0, once=0, door=801, zones=0, key_id=b"\x9f\x86\xd0\x81\x88\x4c\x7d\x65", generation=42,
          nbf=1795453200, exp=1795453500, iat=1795449600, signer=None):  # fmt: skip
    """A token's text."""
    record = struct.pack(">BBII", 16 | slot, kind << 5 | once << 4, door, zones) + key_id
    record += struct.pack(">IIII", generation, nbf, exp, iat)
    payload = b"\xa4\x04\x1a" + record[26:30] + b"\x05\x1a" + record[22:26] + b"\x06\x1a" + record[30:34]
    payload += b"\x07\x54" + record[2:22]
    signed = to_be_signed(b"HK1" + record[:2] + PROPERTY, payload)
    return "HK1:" + _base45(record + sign(slot if signer is None else signer, signed))
