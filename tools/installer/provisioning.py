"""From a flashed board to a door's companion: its key, its certificate, its files, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography import x509

from lockmate.pki.device import device_key
from tools.installer import combs, on_board, profiles
from tools.installer.board import Board, Report
from tools.installer.cloud import Cloud, unpacked
from tools.installer.trouble import Trouble

# what must not outlive a change of the link key: its lines and its secrets belong to the companion that was
FORMER = ("/policy", "/beliefs", "/journal")
OURS = ("/config.json", "/ca.der", "/cert.der", "/key.der", *FORMER, combs.FOLDER, "/provision")
Network = tuple[str, str]  # name and password


class Source(Protocol):
    """Who makes companions: the cloud, or a bundle fetched from it before.

    asks_profile: whether the pins profile is chosen now, and not when the bundle was fetched.
    """

    asks_profile: bool

    def known(self, companion_id: str) -> dict[str, Any] | None:
        """What is known of one, None if nothing."""

    def provision(self, report: Report, door: int | None, profile: str, wifi: list[Network], beside: bool) -> Made:
        """A companion for this board; `files` with its private key."""


@dataclass(frozen=True, slots=True)
class Made:
    """A companion as it goes on a board."""

    companion: str
    files: dict[str, bytes]
    spare_code: str = ""
    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a board is now; `did` is False if it was that already."""

    companion: str
    door: int | None
    serial: str
    did: bool
    spare_code: str = ""
    retired: tuple[str, ...] = ()
    laid: combs.Laid | None = None  # None: the board was it already, and keeps its tables itself


class FromCloud:
    """The cloud as a source: the key is made here, and only its request is sent."""

    asks_profile = True

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def known(self, companion_id: str) -> dict[str, Any] | None:
        """What the cloud holds of it."""
        try:
            found: dict[str, Any] = self._cloud.ask("GET", f"/companions/{companion_id}")
        except Trouble as trouble:
            if trouble.code == "cloud_refused" and trouble.facts.get("cloud_code") == "not_found":
                return None
            raise
        return found

    def provision(self, report: Report, door: int | None, profile: str, wifi: list[Network], beside: bool) -> Made:
        """A new key, and the cloud's answer to its request."""
        key = device_key(f"c-{report.serial}")
        told = self._cloud.ask(
            "POST", "/companions", door=door, serial=report.serial, chip=report.chip, profile=profile, beside=beside,
            request=_b64(key.request), wifi=[{"ssid": name, "password": password} for name, password in wifi],
        )  # fmt: skip
        files = unpacked(told["files"]) | {"/key.der": key.key_der}
        return Made(told["companion"], files, told["spare_code"], tuple(told["retired"]))


def provision(board: Board, source: Source, door: int | None, *, profile: str = "",
              wifi: list[Network] | None = None, beside: bool = False, anew: bool = False,
              told: Callable[[str], None] = lambda _step: None) -> Provisioned:
    """Make the board on the cable the companion of a door, or a spare (`door` None). Twice gives the same door.

    The networks are tried before any is stored. Raises Trouble; nothing on the board has changed then, or a second
    call goes on.
    """
    board.quiet()
    report = board.report()
    if not report.firmware:
        raise Trouble("no_firmware")
    resumed = "provision" in report.names
    if resumed:
        board.run(on_board.FINISH)  # what an earlier call had written whole is put in place, the rest thrown away
        report = board.report()
    wanted = [name for name, _password in wifi or []]
    done = not anew and report.companion_id != "" and profile in ("", report.config.get("profile"))
    if done and _is_done(board, report, source, door, wanted):
        return Provisioned(report.companion_id, door, report.serial, did=False)
    if source.asks_profile:
        profiles.fit(profile, report)
    for name, password in wifi or []:
        told("wifi")
        went, _rssi = board.try_wifi(name, password)
        if went != "joined":
            raise Trouble("wifi_failed", network=name, why=went)
    told("certificate")
    made = source.provision(report, door, profile, wifi or [], beside)
    keys = combs.trusted(made.files)
    told("tables")
    laid = combs.lay(board, report, keys, made.companion)
    told("writing")
    write(board, made.files, forget=True)
    told("checking")
    after = board.report()
    want = json.loads(made.files["/config.json"])
    certificate = hashlib.sha256(made.files["/cert.der"]).hexdigest()
    same = {name: after.config.get(name) for name in ("companion_id", "property_id", "door")}
    differs = same != {name: want.get(name) for name in same} or after.certificate != certificate
    if differs or len(after.tables) != laid.tables or not all(after.tables.values()):
        raise Trouble("not_taken", companion=made.companion)
    return Provisioned(made.companion, door, report.serial, True, made.spare_code, made.retired, laid)


def write(board: Board, files: dict[str, bytes], *, forget: bool) -> None:
    """Put files in place all at once: into a folder, read back, marked whole, then moved by the board itself.

    forget: what the former companion left goes before.
    """
    board.put_all({f"/provision{name}": body for name, body in files.items()})
    if forget:
        board.remove(*(name for name in FORMER))
        board.erase_store()
    board.put("/provision/done", b"1")
    board.run(on_board.FINISH)


def renew(board: Board, cloud: Cloud) -> str:
    """A new key and certificate for the companion on the cable; the certificate's serial. Raises Trouble."""
    board.quiet()
    report = board.report()
    if not report.companion_id:
        raise Trouble("not_provisioned")
    key = device_key(report.companion_id)
    told = cloud.ask("POST", f"/companions/{report.companion_id}/certificate", request=_b64(key.request))
    certificate = unpacked({"/cert.der": told["file"]})
    write(board, certificate | {"/key.der": key.key_der}, forget=False)
    if board.report().certificate != hashlib.sha256(certificate["/cert.der"]).hexdigest():
        raise Trouble("not_taken", companion=report.companion_id)
    return str(told["certificate"])


def wipe(board: Board) -> str:
    """Take everything from a board that makes it somebody's; the companion that it was ("" if none). Raises Trouble."""
    board.quiet()
    report = board.report()
    board.remove(*OURS)
    board.erase_store()
    left = set(board.report().names) & {name.strip("/") for name in OURS}
    if left:
        raise Trouble("read_back", file=", ".join(sorted(left)))
    return report.companion_id


def _is_done(board: Board, report: Report, source: Source, door: int | None, wifi: list[str]) -> bool:
    """Whether board and cloud say the same of this companion, and it is what is wanted."""
    known = source.known(report.companion_id)
    if known is None or known["state"] != "in_service" or known["door"] != door or not report.key:
        return False
    if wifi and report.config.get("wifi") != wifi:
        return False
    try:
        held = x509.load_der_x509_certificate(board.read("/cert.der"))
    except ValueError:
        return False
    return bool(f"{held.serial_number:x}" == known["certificate"])


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
