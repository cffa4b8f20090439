"""How a process starts: settings in use, database pointed at, master key checked."""

from __future__ import annotations

from lockmate import db, settings
from lockmate.keys import vault
from lockmate.settings import Settings


def lay(chosen: Settings) -> Settings:
    """Lay the ground for `chosen`; raises SettingsError, with what to do, if something is missing."""
    settings.use(chosen)
    db.connect(chosen)
    db.require_migrated()
    vault.check()
    chosen.secret_key()
    return chosen
