"""How the set-up speaks, starts programs and stops: plain lines, and one error class with the sentence to print."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Stop(Exception):
    """The set-up cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    """Prints one line at once, also into a pipe."""
    print(text, flush=True)


def run(command: list[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Runs a program with its output shown; raises Stop with the command if it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Stop(f"This command failed with exit code {done.returncode}; its reason is above:\n  {' '.join(command)}")


def output_of(command: list[str], *, env: dict[str, str] | None = None) -> str:
    """What a program printed; raises Stop with its last error lines if it fails or is not there."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise Stop(f"{command[0]} cannot be started: {error.strerror}.") from None
    if done.returncode:
        reason = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise Stop(f"{command[0]} failed with exit code {done.returncode}: {reason}")
    return done.stdout
