"""The site bundle: doors' companions made before, in one encrypted file, for a building whose network is not there yet.

scrypt (RFC 7914) makes the key of a passphrase, AES-256-GCM (NIST SP 800-38D) seals. Private keys were made on this
laptop; in the file they lie sealed, and are written nowhere else but on the boards.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from lockmate.pki.device import device_key
from tools.installer import profiles
from tools.installer.board import Report
from tools.installer.cloud import Cloud, unpacked, write_private
from tools.installer.provisioning import Made, Network
from tools.installer.trouble import Trouble

_KIND = b"lockmate site bundle 1\n"
_N, _R, _P = 1 << 15, 8, 1  # 32 MiB, a tenth of a second
_SALT, _NONCE = 16, 12
PASSPHRASE_LEAST = 10


def fetch(cloud: Cloud, numbers: list[int], wifi: list[Network], profile: str) -> dict[str, Any]:
    """Make a companion for each of these doors that has none; what `seal` takes. Raises Trouble."""
    told = cloud.ask("GET", "/doors")
    there = {door["number"]: door for door in told["doors"]}
    prepared = {}
    for number in numbers:
        if number not in there:
            raise Trouble("no_door", door=number)
        if there[number]["state"] != "made":
            continue  # it has a companion in service: a bundle must not end that unseen
        serial = "02" + os.urandom(5).hex()  # a locally administered address: the board's own is not known yet
        key = device_key(f"c-{serial}")
        made = cloud.ask(
            "POST", "/companions", door=number, serial=serial, chip="ESP32", profile=profile,
            request=base64.b64encode(key.request).decode(),
            wifi=[{"ssid": name, "password": password} for name, password in wifi],
        )  # fmt: skip
        files = unpacked(made["files"]) | {"/key.der": key.key_der}
        prepared[str(number)] = {
            "companion": made["companion"],
            "files": {name: base64.b64encode(body).decode() for name, body in files.items()},
        }
    return {"hotel": told["hotel"], "doors": list(there.values()), "prepared": prepared}


def seal(path: Path, content: dict[str, Any], passphrase: str) -> None:
    """Write the file. Raises Trouble `bundle_passphrase` for one that is short."""
    if len(passphrase) < PASSPHRASE_LEAST:
        raise Trouble("bundle_passphrase", least=PASSPHRASE_LEAST)
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, json.dumps(content).encode(), _KIND)
    write_private(path, _KIND + salt + nonce + sealed)


class Bundle:
    """An opened bundle, as a source of companions."""

    asks_profile = False

    def __init__(self, path: Path, passphrase: str) -> None:
        """Raises Trouble."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Trouble("file_open", file=path, why=error.strerror) from error
        start = len(_KIND)
        if not content.startswith(_KIND) or len(content) < start + _SALT + _NONCE + 16:
            raise Trouble("bundle_wrong", file=path)
        salt, nonce = content[start : start + _SALT], content[start + _SALT : start + _SALT + _NONCE]
        try:
            opened = AESGCM(_key(passphrase, salt)).decrypt(nonce, content[start + _SALT + _NONCE :], _KIND)
        except InvalidTag:
            raise Trouble("bundle_wrong", file=path) from None
        self._content: dict[str, Any] = json.loads(opened)

    @property
    def doors(self) -> list[dict[str, Any]]:
        """The hotel's doors, as the cloud told them then."""
        found: list[dict[str, Any]] = self._content["doors"]
        return found

    @property
    def hotel(self) -> dict[str, str]:
        """The hotel's id, name and zone."""
        found: dict[str, str] = self._content["hotel"]
        return found

    def known(self, companion_id: str) -> dict[str, Any] | None:
        """What is known of a companion of this bundle."""
        from cryptography import x509

        for number, made in self._content["prepared"].items():
            if made["companion"] == companion_id:
                held = x509.load_der_x509_certificate(base64.b64decode(made["files"]["/cert.der"]))
                return {"state": "in_service", "door": int(number), "certificate": f"{held.serial_number:x}"}
        return None

    def provision(self, report: Report, door: int | None, profile: str, wifi: list[Network], beside: bool) -> Made:  # noqa: ARG002 - decided when it was fetched
        """The companion that was made for this door."""
        made = self._content["prepared"].get(str(door))
        if made is None:
            raise Trouble("not_in_bundle", door=door)
        files = unpacked(made["files"])
        profiles.fit(json.loads(files["/config.json"]).get("profile") or "", report)
        return Made(made["companion"], files)


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode())
