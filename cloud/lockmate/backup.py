"""Backup and restore: the database, the certificate authorities and the broker's certificates in one file.

The master key is not in it: whoever has both opens every door. It is kept apart, and asked for at the restore.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lockmate
from lockmate import clock, db, ground
from lockmate.db import copies
from lockmate.keys import vault
from lockmate.settings import Settings, SettingsError

_MANIFEST = "manifest.json"
_FORM = 1
_PURPOSE = b"backup"
_FOLDERS = ("pki", "broker")
_NOT_KEPT = ("store",)  # the broker's own state: it is made anew, and what was in it is said again


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup file says of itself."""

    made_at: int  # ms
    version: str
    steps: list[str]

    @property
    def when(self) -> str:
        """ISO 8601, UTC."""
        return datetime.fromtimestamp(self.made_at / 1000, UTC).isoformat(timespec="seconds")


def save(settings: Settings, file: Path) -> Backup:
    """Write a backup while everything runs on; the file appears whole or not at all, for its owner only.

    Raises SettingsError if it exists already or can't be made.
    """
    if file.exists():
        raise SettingsError("backup_exists", f"{file} exists already. Choose another name.")
    told = Backup(clock.now_ms(), lockmate.__version__, db.done())
    with tempfile.TemporaryDirectory(prefix=".lockmate-", dir=file.parent) as name:
        folder = Path(name)
        copies.save(settings, folder)
        facts = {"form": _FORM, "made_at": told.made_at, "version": told.version, "steps": told.steps,
                 "sealed": vault.seal(b"", _PURPOSE).hex()}
        (folder / _MANIFEST).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
        for kept in _FOLDERS:
            if (settings.data / kept).is_dir():
                shutil.copytree(settings.data / kept, folder / kept, ignore=shutil.ignore_patterns(*_NOT_KEPT))
        whole = folder.with_name(folder.name + ".tar.gz")
        try:
            with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                with tarfile.open(fileobj=out, mode="w:gz") as packed:
                    for each in sorted(folder.iterdir()):
                        packed.add(each, each.name)
                out.flush()
                os.fsync(out.fileno())
            os.link(whole, file)
        except FileExistsError:
            raise SettingsError("backup_exists", f"{file} exists already. Choose another name.") from None
        finally:
            with suppress(FileNotFoundError):
                whole.unlink()
    return told


def restore(settings: Settings, file: Path) -> Backup:
    """Put a backup in place on a machine with the same master key, and bring its schema up to this version.

    Raises SettingsError or WrongMasterKey, and changes nothing, unless database and folders are empty or missing, the
    master key is the one of that time and the backup is not of a newer version than this program.
    """
    vault.check()
    for kept in _FOLDERS:
        if (settings.data / kept).is_dir() and any((settings.data / kept).iterdir()):
            raise SettingsError("folder_not_empty", f"{settings.data / kept} holds files already. Move it away first: "
                                "nothing that exists is overwritten.")
    with tempfile.TemporaryDirectory(prefix=".lockmate-", dir=settings.data) as name:
        folder = Path(name)
        told = _unpack(file, folder)
        db.connect(settings, make=True)
        newer = sorted(set(told.steps) - set(db.steps()))
        if newer:
            raise SettingsError("backup_too_new", f"The backup is of version {told.version}, which is newer than this "
                                f"program ({lockmate.__version__}): it does not know {', '.join(newer)}.")
        copies.load(settings, folder)
        for kept in _FOLDERS:
            if (folder / kept).is_dir():
                shutil.rmtree(settings.data / kept, ignore_errors=True)
                shutil.move(folder / kept, settings.data / kept)
    db.migrate(settings)
    ground.lay(settings)
    return told


def _unpack(file: Path, folder: Path) -> Backup:
    try:
        with tarfile.open(file) as packed:
            packed.extractall(folder, filter="data")
        facts = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if facts["form"] != _FORM:
            raise ValueError(f"form {facts['form']}")
        vault.unseal(bytes.fromhex(facts["sealed"]), _PURPOSE)  # or WrongMasterKey, before anything is changed
        return Backup(int(facts["made_at"]), str(facts["version"]), [str(step) for step in facts["steps"]])
    except (OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            "bad_backup", f"{file} is no backup of Lockmate that this version can read ({error})."
        ) from None
