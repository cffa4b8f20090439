"""The pages under their real server: gunicorn with threads, put together here so that one command starts it."""

from __future__ import annotations

import contextlib
import gc
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from lockmate import ground
from lockmate.app import create_app
from lockmate.settings import Settings, SettingsError

if TYPE_CHECKING:
    from flask import Flask

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  heartbeat files of gunicorn: a disk that waits must not look like a hang


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our settings and no command line of its own."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Gunicorn asks for its settings."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made in each server process after the fork."""
        made = create_app(ground.lay(self._settings))
        gc.collect()
        gc.freeze()  # what lives as long as the process is not gone through while somebody waits for a page
        return made


def serve(settings: Settings, host: str, port: int, *, threads: int, workers: int) -> None:
    """Serve until the end is asked for; raises SettingsError if the address can't be had."""
    _require_free(host, port)
    options = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "worker_class": "gthread",
        "workers": workers, "threads": threads, "timeout": 60, "graceful_timeout": 10, "keepalive": 5,
        "loglevel": "info", "errorlog": "-", "proc_name": "lockmate",
        "control_socket_disable": True,  # it has one path for every server of a user
    }
    if _SHARED_MEMORY.is_dir():
        options["worker_tmp_dir"] = str(_SHARED_MEMORY)
    _Server(settings, options).run()


def _require_free(host: str, port: int) -> None:
    """Said before gunicorn tries for seconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                "address_taken",
                f"{host}:{port} can't be listened on ({error.strerror}). Choose another with LOCKMATE_PORT or --port.",
            ) from None
