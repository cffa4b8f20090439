"""A door of the model: the firmware's own beliefs, clock and gate under CPython, on a folder as its flash.

Only what the machine and the network do is modelled here: power, monotonic time with a drift, what arrives and what is
lost. Everything that decides is the firmware's own code.
"""

from __future__ import annotations

import functools
import shutil
import sys
from pathlib import Path
from typing import Any

from lockmate.doors import link

_FIRMWARE = Path(__file__).parents[2] / "firmware"
if str(_FIRMWARE) not in sys.path:
    sys.path.append(str(_FIRMWARE))

from companion.core import gate, mac, names  # noqa: E402
from companion.core.clock import FRESH_MS, Clock  # noqa: E402
from companion.core.ed25519 import Verifier  # noqa: E402
from companion.core.fields import Refused  # noqa: E402
from companion.store import beliefs as store  # noqa: E402
from companion.store.config import Config  # noqa: E402

_FLOOR_JUMP_S = 3_600  # as in net/downlink.py
_FLOOR_MS = 3_000_000  # main.py keeps the floor every 50 minutes


ROAD_MQTT = names.ROAD_MQTT


class _Remembered:
    """The firmware's verifier, asked once for each signature: a probe of every token at every step would take hours."""

    def __init__(self, key: bytes) -> None:
        self.public_key = key
        self._verify = functools.lru_cache(maxsize=20_000)(Verifier(key).verify)

    def verify(self, message: bytes, signature: bytes, rest: bytes = b"") -> bool:
        return bool(self._verify(bytes(message) + bytes(rest), bytes(signature)))


_remembered = functools.cache(_Remembered)
store.Verifier = lambda key, _shelf=None: _remembered(bytes(key))


class Doorway:
    """One companion on the wall."""

    def __init__(
        self, folder: Path, companion_id: str, door: str, files: dict[str, bytes], at_ms: int, ppm: int
    ) -> None:
        """folder: its flash, made here; files: as enrolment gave; at_ms: the true time; ppm: its crystal's error."""
        self.companion_id = companion_id
        self.door = door
        self.connected = False
        self.cuts = 0  # times that the power or the beliefs went: what was foretold of its clock holds no more
        self.cuts_told = -1  # how many of them were before its last report: -1 while there is none in the books
        self.newest_guest = -1  # the newest key of its room that it opened for, since it believes anything
        self._folder = folder
        self._ppm = ppm
        self._config = Config(files["/config.json"])
        self._provisioned: bytes | None = files["/policy"]
        folder.mkdir(parents=True)
        self._journals = 0
        self._new_journal()
        self._boot(at_ms)

    # --- power and time

    def _new_journal(self) -> None:
        self._journals += 1
        self.log = f"{self._journals:04x}{self.companion_id.encode().hex()[-12:]}"
        self.seq = 0
        self._lines: list[tuple[int, bytes, str]] = []  # not acknowledged: seq, line, tag
        self._tags: dict[int, str] = {}

    def _boot(self, at_ms: int) -> None:
        self._booted_ms = self._now_ms = at_ms
        self.beliefs = store.Beliefs.load(str(self._folder / "beliefs"), self._config, self._provisioned)
        self._provisioned = None  # main.py takes it off the flash at the first boot
        self.clock = Clock(self.beliefs.floor, self.beliefs.drift_ppm, 0)
        self._floor_ms = 0
        self._handed: dict[int, int] = {}  # events of this boot by seq, to when they were first handed over
        self.boot_seq = self.seq + 1
        self._write("boot")

    def time_is(self, true_ms: int) -> None:
        """Time goes on; the clock's lower bound is kept each hour, as the keeper does."""
        self._now_ms = true_ms
        mono = self.mono_ms
        turns = (mono - self._floor_ms) // _FLOOR_MS
        if turns:
            self._floor_ms += turns * _FLOOR_MS
            self.beliefs.save_floor(self.clock.floor(self._floor_ms))

    @property
    def mono_ms(self) -> int:
        """The board's own count since its boot."""
        return (self._now_ms - self._booted_ms) * (1_000_000 + self._ppm) // 1_000_000

    def loses_power(self, back_ms: int) -> None:
        """Off, and on again at `back_ms`: what was not on flash is gone, the time with it."""
        self.cuts += 1
        self.connected = False
        self._boot(back_ms)

    def loses_beliefs(self, back_ms: int) -> None:
        """The flash goes bad under everything it believed; the journal is a new one."""
        for file in (self._folder / "beliefs").iterdir():
            file.write_bytes(b"\xff" * 40)
        self._new_journal()
        self.newest_guest = -1
        self.loses_power(back_ms)

    def is_taken_down(self) -> None:
        """Off the wall."""
        shutil.rmtree(self._folder)

    # --- the scanner

    def verdict(self, text: str, road: int = names.ROAD_QR) -> str:
        """What the gate would say now; nothing is learned."""
        now = self.mono_ms
        verdict, _, _ = gate.judge(text, road, self.beliefs, self.clock.interval(now), now)
        return str(names.name_of(verdict))

    def scan(self, text: str, road: int = names.ROAD_QR) -> str:
        """What the gate says; it learns, and the open is an event."""
        now = self.mono_ms
        self.beliefs.forget(self.clock.interval(now)[0])
        verdict, token, learns = gate.judge(text, road, self.beliefs, self.clock.interval(now), now)
        if learns is not None:
            self.beliefs.learn(learns)
            self.clock.raise_floor(learns.floor, now)
            self._write(
                "opened" if verdict == names.OPEN else "policy", road=names.ROADS[road], verdict=names.name_of(verdict),
                key_id=token.key_id.hex(), generation=token.generation,
            )
        return str(names.name_of(verdict))

    # --- the network

    def hears(self, wire: bytes) -> bool:
        """A policy arrives; whether it was taken. Raises Refused for one that a door must never be sent."""
        epoch = self.beliefs.clock_epoch
        try:
            policy = self.beliefs.accept(wire, self.clock, self.mono_ms)
        except Refused as refused:
            if refused.code == "old_version":
                return False
            raise
        if epoch is not None and policy.clock_epoch > epoch:
            self._handed.clear()
            self.cuts += 1
        self.clock.drift(self.beliefs.drift_ppm, self.mono_ms)
        self._write("policy")
        return True

    def says(self) -> tuple[bytes, bytes]:
        """(lines, state), as they travel; the lines stay until they are acknowledged."""
        if not any(seq >= self.boot_seq for seq, _, _ in self._lines):
            self._write("clock")  # to be told the time
        for seq, _, _ in self._lines:
            self._handed.setdefault(seq, self.mono_ms) if seq >= self.boot_seq else None
        state: dict[str, Any] = {
            "log": self.log,
            "seq": self.seq,
            "policy_version": self.beliefs.held_version,
            "policy_hash": self.beliefs.held_hash,
            "generation": self.beliefs.generation,
            "clock": list(self.clock.interval(self.mono_ms)),
        }
        if self.beliefs.link.n:
            state["link"] = self.beliefs.link.n
        topic = f"lm/1/{self.companion_id}/up/state"
        return b"\n".join(line for _, line, _ in self._lines), mac.seal(
            self.beliefs.link.key, topic, link.compact(state)
        )

    def takes_ack(self, payload: bytes) -> None:
        """What net/downlink.py does with an acknowledgement."""
        ack = mac.open_sealed(self.beliefs.link.key, f"lm/1/{self.companion_id}/down/ack", payload)
        seq = ack["seq"]
        if ack["log"] != self.log or self._tags.get(seq) != ack["tag"]:
            return
        now = self.mono_ms
        first = self._handed.get(seq)
        if first is not None and 0 <= now - first < FRESH_MS:
            self.clock.synchronise(ack["at"], first, now)
            if self.clock.floor(now) - self.beliefs.floor > _FLOOR_JUMP_S:
                self.beliefs.save_floor(self.clock.floor(now))
        if seq >= self.boot_seq:
            self.beliefs.policy_named(ack["policy_version"])
        self._lines = [one for one in self._lines if one[0] > seq]

    def _write(self, kind: str, **fields: object) -> None:
        self.seq += 1
        lo, hi = self.clock.interval(self.mono_ms)
        event = {"log": self.log, "seq": self.seq, "at": lo, "unsure": None if hi is None else hi - lo, "kind": kind}
        body = link.compact(event | fields)
        tag = link.tag(self.beliefs.link.key, body)
        self._tags[self.seq] = tag
        self._lines.append((self.seq, tag.encode() + b" " + body, tag))
