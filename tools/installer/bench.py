"""Bench mode: several boards on one hub, each in a process of its own, so that one that hangs holds up nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from tools.installer.say import Voice
from tools.installer.trouble import Exit

_AT_ONCE = 10


def run(voice: Voice, commands: list[list[str]]) -> None:
    """Run our own command once for each board; the exit code is the worst of them."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = list(pool.map(_one, commands))
    worst = Exit.DONE
    rows = []
    for words, answer in zip(commands, told, strict=True):
        port = words[-1]
        good = bool(answer.get("ok"))
        rows.append([port, voice.text("say.good" if good else "say.bad"), str(answer.get("serial", "")),
                     str(answer.get("seconds", answer.get("what", "")))])
        worst = max(worst, Exit(int(answer.get("exit", Exit.DONE))))
        voice.result(port=port, **answer)
    voice.table(["port", "state", "serial", "found"], rows)
    if worst:
        click.get_current_context().exit(int(worst))


def _one(words: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tools.installer", "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    lines = done.stdout.strip().splitlines()
    try:
        answer: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {"ok": False, "code": "failed", "what": done.stderr.strip()[-200:], "exit": done.returncode or 1}
    return answer
