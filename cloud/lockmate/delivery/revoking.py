"""Revocation lists: written anew when a companion was taken out of service, and the broker made to read them.

Without this a stolen board would go on being welcome at the broker until somebody thought of `lockmate broker config`.
A connection that stands outlives the new list; what such a board says is refused again at ingest.
"""

from __future__ import annotations

import logging
import shlex
import subprocess
from pathlib import Path

from lockmate import outbox, pki, properties
from lockmate.doors import companions
from lockmate.settings import Settings

_LOG = logging.getLogger("lockmate.delivery")
_RELOAD_SECONDS = 20


class Revocations:
    """The outbox's channel `crl`: one row says that a property's list changed."""

    def __init__(self, settings: Settings) -> None:
        self._file = settings.data / "broker" / "crl.pem"
        self._reload = shlex.split(settings.broker_reload)

    def deliver(self) -> int:
        """Write the lists that are due and reload the broker; how many went. For a worker's loop."""
        rows = outbox.lease(companions.REVOKING, 10)
        for row in rows:
            try:
                self._write(row.address)
                self._tell()
            except (OSError, subprocess.SubprocessError) as error:
                _LOG.error("event=list_not_told property=%s why=%r", row.address, str(error))
                outbox.failed(row, str(error))
                continue
            outbox.sent(row)
            _LOG.info("event=list_told property=%s reloaded=%s", row.address, bool(self._reload))
        return len(rows)

    def _write(self, property_id: str) -> None:
        """Only where this broker is the property's: its CA is the one that the broker trusts."""
        ca = self._file.with_name("ca.pem")
        authority = pki.authority(property_id)
        if not ca.is_file() or ca.read_bytes() != authority.pem:
            return
        pki.write_public(self._file, companions.crl(properties.the(property_id)))

    def _tell(self) -> None:
        """SIGHUP, by whatever command the system has for that; none is set: the list is read at the next start."""
        if not self._reload:
            _LOG.warning("event=broker_not_reloaded hint='set LOCKMATE_BROKER_RELOAD'")
            return
        subprocess.run(self._reload, check=True, timeout=_RELOAD_SECONDS, stdin=subprocess.DEVNULL, cwd=Path("/"))
