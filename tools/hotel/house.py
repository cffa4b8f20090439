"""The parts of a hotel that runs on this machine: its folder, its settings, and each process with how it starts."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.processes import LOOPBACK, Process, ProcessError
from tools.virtual.firmware import binary

if TYPE_CHECKING:
    from collections.abc import Callable

# What the ingest worker says once its session at the broker stands. Doors that speak before its first one speak to
# nobody: they would say it again, but only after a minute.
INGEST_READY = "event=connected"

ROOT = Path(__file__).resolve().parents[2]
_STEP_SECONDS = 60
_PREFIX = "LOCKMATE_"
MAIL_FROM = "desk@hotel.example"


def lockmate_words(*words: str) -> list[str]:
    """The command line of our own program."""
    beside = Path(sys.executable).parent / "lockmate"
    if beside.exists():
        return [str(beside), *words]
    return [sys.executable, "-m", "lockmate.cli", *words]


@dataclass(frozen=True)
class House:
    """Where a hotel keeps its data and on which ports it answers; all on loopback.

    clock: a file with an offset in milliseconds, which moves the cloud's time (tests only).
    mail_port: of a mail server without encryption on this machine; 0: no letters are sent.
    """

    data: Path
    web_port: int
    broker_port: int
    doors_port: int = 0
    clock: Path | None = None
    language: str = "zh-CN"
    mail_port: int = 0

    @property
    def web_url(self) -> str:
        """Address of the cloud's pages."""
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def doors_url(self) -> str:
        """Address of the virtual door page."""
        return f"http://{LOOPBACK}:{self.doors_port}/"

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.data / "lockmate.db"

    @property
    def logs(self) -> Path:
        """Where each process writes what it says."""
        return self.data / "logs"

    def env(self) -> dict[str, str]:
        """The settings of every process of this hotel; whatever else is set around us does not get in."""
        around = {name: "" for name in os.environ if name.startswith(_PREFIX)}
        ours = {
            "DATA": str(self.data), "DATABASE": f"sqlite:///{self.database}", "HOST": LOOPBACK,
            "PORT": str(self.web_port), "PUBLIC_URL": self.web_url, "BROKER_HOST": LOOPBACK,
            "BROKER_PORT": str(self.broker_port), "LANGUAGE": self.language,
        }  # fmt: skip
        if self.clock is not None:
            ours |= {"TESTING": "1", "TEST_CLOCK": str(self.clock)}
        if self.mail_port:
            ours |= {"SMTP_HOST": LOOPBACK, "SMTP_PORT": str(self.mail_port), "SMTP_FROM": MAIL_FROM}
            ours |= {"SMTP_STARTTLS": "0"}
        return {**around, **{_PREFIX + name: value for name, value in ours.items()}, "PYTHONUNBUFFERED": "1"}

    # --- steps that end by themselves

    def prepare(self, *, arrivals: bool = True, suite: bool = False,
                told: Callable[[str], None] = lambda _name: None) -> None:
        """Keys, schema, the demo property with its companions, the broker's configuration; safe to repeat.

        Raises ProcessError with what the step said.
        """
        words = [*([] if arrivals else ["--no-arrivals"]), *(["--suite"] if suite else [])]
        steps = [
            ("keys", lockmate_words("init")),
            ("schema", lockmate_words("migrate")),
            ("property", [sys.executable, "-m", "tools.hotel.opening", *words]),
            ("broker configuration", lockmate_words("broker", "config")),
        ]
        for name, words in steps:
            told(name)
            self.run(name, words)

    def run(self, name: str, words: list[str]) -> str:
        """Run a step to its end; what it said. Raises ProcessError if it fails."""
        step = Process(name, words, self.env(), self.logs / "prepare.log", cwd=ROOT)
        with step:
            code = step.wait(_STEP_SECONDS)
            said = step.tail(40)
        if code:
            raise ProcessError(f"The step '{name}' failed with {code}.\n{said}")
        return said

    # --- processes that run until they are ended

    def broker(self) -> Process:
        """Mosquitto with certificates on both sides."""
        return Process("broker", ["mosquitto", "-c", self.data / "broker" / "mosquitto.conf"], self.env(),
                       self.logs / "broker.log", version=["mosquitto", "-h"])

    def web(self) -> Process:
        """The cloud's pages under its real server."""
        return self._ours("web", ["serve"], [sys.executable, "-m", "gunicorn", "--version"])

    def worker(self, name: str) -> Process:
        """A worker: `ingest` or `delivery`."""
        return self._ours(name, ["worker", name], lockmate_words("--version"))

    def virtual_doors(self) -> Process:
        """The virtual companions and their page."""
        words: list[str | Path] = [
            sys.executable, "-m", "tools.virtual_door", "--data", self.data, "--port", str(self.doors_port),
            "--broker-port", str(self.broker_port), "--desk-url", f"{self.web_url}/desk/",
        ]  # fmt: skip
        return Process("virtual doors", words, self.env(), self.logs / "doors.log", cwd=ROOT,
                       version=[str(binary(32)), "-c", "import sys; print(sys.version)"])

    def _ours(self, name: str, words: list[str], version: list[str]) -> Process:
        return Process(name, lockmate_words(*words), self.env(), self.logs / f"{name}.log", cwd=ROOT, version=version)
