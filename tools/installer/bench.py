"""Bench mode: several boards on one hub, each in processes of its own, so that one that hangs holds up nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import click

from tools.installer.say import Voice
from tools.installer.trouble import Exit

_AT_ONCE = 10


def run(voice: Voice, boards: dict[str, list[list[str]]], secrets: dict[str, str] | None = None) -> None:
    """Run our own commands for each board (by its port), one after the other while they succeed; boards beside each
    other. `secrets`: for their environment only. The exit code is the worst of them.
    """
    told: dict[str, dict[str, Any]] = {}
    with voice.progress("say.benching", len(boards)) as done, ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = {pool.submit(_all, commands, secrets or {}): port for port, commands in boards.items()}
        for finished in as_completed(waiting):
            told[waiting[finished]] = finished.result()
            done(1)
    rows = []
    for port in boards:
        answer = told[port]
        good = bool(answer.get("ok"))
        facts = [answer.get(name) for name in ("serial", "door", "companion", "spare_code")]
        rows.append([port, voice.text("say.good" if good else "say.bad"), *(str(fact or "–") for fact in facts),
                     "" if good else f"{answer.get('what', '')} {answer.get('do', '')}".strip()])
        voice.result(port=port, **answer)
    voice.table(["port", "state", "serial", "door", "companion", "spare_code", "found"], rows)
    worst = max((Exit(int(answer.get("exit", Exit.DONE))) for answer in told.values()), default=Exit.DONE)
    if worst:
        click.get_current_context().exit(int(worst))


def _all(commands: Sequence[list[str]], secrets: dict[str, str]) -> dict[str, Any]:
    """What the last of them answered, with what the ones before it told."""
    told: dict[str, Any] = {}
    for words in commands:
        answer = _one(words, secrets)
        seconds = round(float(told.get("seconds", 0)) + float(answer.get("seconds", 0)), 2)
        told |= answer | {"seconds": seconds}
        if not answer.get("ok"):
            break
    return told


def _one(words: list[str], secrets: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tools.installer", "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **secrets})  # fmt: skip
    lines = done.stdout.strip().splitlines()
    try:
        answer: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {"ok": False, "code": "failed", "what": done.stderr.strip()[-200:], "exit": done.returncode or 1}
    return answer
