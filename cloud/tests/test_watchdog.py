"""A worker whose work stands still ends itself and says where it stood; one that moves lives, and tells systemd."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

_WORK = """
import threading, time
from lockmate.mqtt.watchdog import Watchdog
watchdog = Watchdog(still=0.4, look=0.05)
watchdog.start()
for _ in range(int({beats})):
    watchdog.beat()
    time.sleep(0.05)
if {hangs}:
    threading.Event().wait()
"""


def run(beats, hangs, **env):
    words = [sys.executable, "-c", _WORK.format(beats=beats, hangs=hangs)]
    around = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env}
    return subprocess.run(words, capture_output=True, text=True, timeout=20, env=around, check=False)


def test_work_that_stands_still_ends_the_process_and_shows_where():
    ended = run(beats=2, hangs=True)
    assert ended.returncode == 70
    assert "in wait" in ended.stderr


def test_work_that_moves_is_left_alone():
    assert run(beats=16, hangs=False).returncode == 0


@pytest.mark.parametrize("place", ["{folder}/notify", "@lockmate-test-{pid}"])
def test_systemd_hears_that_the_work_moves(tmp_path, place):
    place = place.format(folder=tmp_path, pid=os.getpid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + place[1:] if place.startswith("@") else place)
        systemd.settimeout(10)
        assert run(beats=6, hangs=False, NOTIFY_SOCKET=place).returncode == 0
        assert systemd.recv(64) == b"WATCHDOG=1"
