"""`lockmate demo` from start to Ctrl-C: everything answers, everything ends, and the data are there the next time."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from tools.hotel.fitting import config_of, journal_of
from tools.hotel.house import ROOT, lockmate_words
from tools.processes import Process, free_port, port_is_open, wait_until

READY = "Ctrl-C ends everything"
PORTS = ("LOCKMATE_PORT", "LOCKMATE_DEMO_DOORS_PORT", "LOCKMATE_BROKER_PORT")


class Demo:
    """One folder, one set of ports, any number of runs."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.ports = {name: free_port() for name in PORTS}
        self.log = folder / "demo.log"
        self.process = None

    def start(self, *words, **other):
        env = {"LOCKMATE_DATA": str(self.data), "PYTHONUNBUFFERED": "1",
               **{name: str(port) for name, port in self.ports.items()}, **other}
        self.process = Process("demo", lockmate_words("demo", *words), env, self.log, cwd=ROOT)
        return self.process.start()

    def open(self, *words):
        self.start(*words).wait_for_line(READY, 60)
        return descendants(self.process.pid)

    def interrupt(self, number=signal.SIGINT):
        self.process.signal(number)
        return self.process.wait(30)

    @property
    def text(self):
        return self.log.read_text("utf-8")


@pytest.fixture
def demo(tmp_path):
    made = Demo(tmp_path)
    yield made
    if made.process is not None:
        made.process.stop(20)


def descendants(pid):
    """Every process below `pid` now, by command."""
    said = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    parents = {}
    for line in said.splitlines():
        child, parent, args = line.split(None, 2)
        parents.setdefault(int(parent), []).append((int(child), args))
    found, waiting = {}, [pid]
    while waiting:
        for child, args in parents.get(waiting.pop(), []):
            found[child] = args
            waiting.append(child)
    return {child: args for child, args in found.items() if not args.startswith("ps ")}


def alive(pids):
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "Z" not in stat_of(pid)]


def stat_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


@pytest.mark.broker
def test_the_demo_runs_ends_without_orphans_and_goes_on_the_next_time(demo):
    children = demo.open()
    web = f"http://127.0.0.1:{demo.ports['LOCKMATE_PORT']}"
    doors = f"http://127.0.0.1:{demo.ports['LOCKMATE_DEMO_DOORS_PORT']}"
    with requests.Session() as visitor:
        assert visitor.get(web + "/healthz", timeout=10).status_code == 200
        assert visitor.get(web + "/desk/", timeout=10).status_code == 200
        shown = visitor.get(doors + "/doors", timeout=10).json()["doors"]
    assert [door["name"] for door in shown] == ["801", "802", "健身房 Gym"]
    assert all(door["powered"] for door in shown)
    assert port_is_open(demo.ports["LOCKMATE_BROKER_PORT"])
    assert sum("micropython" in args for args in children.values()) >= 3
    assert all(word in demo.text for word in (web + "/desk/", doors + "/", "lockmate-demo", "试一试"))

    assert demo.interrupt() == 0
    wait_until(lambda: not alive(children), 5, "every child to be gone")
    assert not any(port_is_open(port) for port in demo.ports.values())
    image = demo.data / "flash" / "demo-801.img"
    before, log = config_of(image), {tag for tag, _line in journal_of(image)}

    again = demo.open()
    assert config_of(image) == before
    assert log <= {tag for tag, _line in journal_of(image)}
    assert demo.interrupt(signal.SIGTERM) == 0
    wait_until(lambda: not alive(again), 5, "every child to be gone")

    anew = demo.open("--fresh")
    assert config_of(image)["link_key"] != before["link_key"]
    assert demo.interrupt(signal.SIGHUP) == 0
    wait_until(lambda: not alive(anew), 5, "every child to be gone")


@pytest.mark.broker
@pytest.mark.parametrize(("dies", "named"), [("worker ingest", "'ingest'"), ("mosquitto", "'broker'"),
                                             ("tools.virtual_door", "'virtual doors'")])
def test_a_dead_child_is_named_and_all_others_are_ended(demo, dies, named):
    children = demo.open()
    assert any(dies in args for args in children.values()), f"{children}\n{demo.text}"
    victim = next(pid for pid, args in children.items() if dies in args)
    os.kill(victim, signal.SIGKILL)
    assert demo.process.wait(30) == 1
    assert f"The process {named} ended with -9" in demo.text
    wait_until(lambda: not alive(children), 5, "every child to be gone")


def test_taken_ports_are_named_with_what_to_do(demo):
    import socket

    with socket.create_server(("127.0.0.1", demo.ports["LOCKMATE_BROKER_PORT"])):
        assert demo.start().wait(30) == 1
    assert f"Port {demo.ports['LOCKMATE_BROKER_PORT']} (broker) is taken" in demo.text
    assert "LOCKMATE_BROKER_PORT=" in demo.text
    assert not (demo.data / "lockmate.db").exists()


def test_a_port_that_is_none_is_wrong_use(demo):
    assert demo.start(LOCKMATE_PORT="eighty").wait(30) == 2
    assert "LOCKMATE_PORT must be a number" in demo.text
