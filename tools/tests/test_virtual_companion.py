"""The real firmware in its own process: boots, refuses, opens, survives power cuts, and says what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.tests.virtual_kit import KEY_ID, NOW, config, flash, journal, learned_floor, policy, staff_token, token
from tools.virtual.companion import CompanionError, Observation, VirtualCompanion
from tools.virtual.image import STORE, ImageError, read_image

HALTED = 11


@pytest.fixture
def door(tmp_path: Path) -> Iterator[VirtualCompanion]:
    companion = VirtualCompanion(flash(tmp_path), log=tmp_path / "console")
    yield companion
    companion.stop()


def verdict(companion: VirtualCompanion, code: str | bytes) -> Observation:
    mark = companion.mark()
    companion.scan(code)
    return companion.wait(lambda seen: "verdict" in seen, since=mark)


def settled(companion: VirtualCompanion, events: int) -> None:
    """Wait until so many events are on flash. An image read while it is written may be torn: it is read again."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(ImageError, ValueError):
            if len(journal(companion.flash)) >= events:
                return
        companion.ask("flash")
    raise AssertionError(journal(companion.flash))


@pytest.mark.parametrize("word", [32, 64])
def test_a_good_code_opens_and_the_open_is_in_the_journal(tmp_path: Path, word: int) -> None:
    image = flash(tmp_path)
    with VirtualCompanion(image, word=word, log=tmp_path / "console") as door:
        mark = door.mark()
        assert verdict(door, token(generation=43))["verdict"] == "open"
        door.wait(lambda seen: seen.get("bolt") == 0, since=mark)
        assert [seen["bolt"] for seen in door.observed if "bolt" in seen] == [0, 1, 0]
        assert verdict(door, token(generation=42))["verdict"] == "superseded"
        assert door.opens == 1
    events = [event for event in journal(image) if event["kind"] != "fault"]  # 64 bits have no native engine: a fault
    assert [event["kind"] for event in events] == ["boot", "opened", "refused"]
    assert events[0]["engine"] == {32: "viper", 64: "plain"}[word]
    assert (
        events[1] | {"key_id": KEY_ID, "generation": 43, "verdict": "open", "road": "qr", "clock": "lost"} == events[1]
    )
    assert events[2]["verdict"] == "superseded"


def test_the_keys_of_its_policy_get_their_tables_while_the_door_goes_on(door: VirtualCompanion) -> None:
    door.start()
    until = time.monotonic() + 30
    files: dict[str, bytes] = {}
    wanted, kept = 1, 0
    while kept < wanted and time.monotonic() < until:
        assert verdict(door, token(generation=42))["verdict"] == "open"
        with contextlib.suppress(ImageError, ValueError):
            files = read_image(door.flash)
        tables = [name for name in files if name.startswith("/tables/") and not name.endswith(".new")]
        kept = len(tables)
        wanted = (len(files.get("/beliefs/trust", b"")) - 14) // 34  # each key's
    assert kept == wanted > 2
    door.kill()
    door.start()
    assert verdict(door, token(generation=42))["verdict"] == "open"


def test_a_pulse_ends_even_if_the_program_hangs(door: VirtualCompanion) -> None:
    door.start()
    mark = door.mark()
    door.scan(token(generation=43))
    began = door.wait(lambda seen: seen.get("bolt") == 1, since=mark)
    assert door.pid is not None
    os.kill(door.pid, signal.SIGSTOP)
    try:
        door.wait(lambda seen: seen.get("bolt") == 0, since=door.observed.index(began))
    finally:
        os.kill(door.pid, signal.SIGCONT)


def test_the_event_is_on_flash_before_the_bolt_moves(door: VirtualCompanion) -> None:
    door.start()
    mark = door.mark()
    door.scan(token(generation=43, once=1))
    door.wait(lambda seen: seen.get("bolt") == 1, since=mark)
    door.kill()
    assert journal(door.flash)[-1]["kind"] == "opened"
    door.start()
    assert verdict(door, token(generation=43, once=1))["verdict"] == "already_used"
    assert verdict(door, token(generation=42))["verdict"] == "superseded"
    assert [event["seq"] for event in journal(door.flash)] == list(range(1, 6))


def test_every_power_cut_leaves_a_door_that_boots_and_counts_on(door: VirtualCompanion) -> None:
    for n in range(6):
        door.start()
        door.scan(token(generation=42 + n))
        if n % 2:
            door.wait(lambda seen: "verdict" in seen, since=door.mark() - 1)
        door.kill()
    events = journal(door.flash)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["log"] for event in events}) == 1


def test_garbage_on_the_scanner_changes_nothing(door: VirtualCompanion) -> None:
    door.start()
    chance = random.Random(1)
    for _ in range(200):
        door.scanner_bytes(chance.randbytes(chance.randrange(1, 2000)) + chance.choice([b"\r", b"\n", b"\r\n", b""]))
    door.scanner_bytes(b"\r")
    mark = door.mark()
    door.scan(token())
    door.wait(lambda seen: seen.get("verdict") == "open", since=mark, timeout=30)
    assert door.opens == 1 and door.restarts == 0
    assert {seen["verdict"] for seen in door.observed if "verdict" in seen} == {"malformed", "open"}


def test_a_forged_code_locks_its_road_out_for_two_seconds(door: VirtualCompanion) -> None:
    door.start()
    assert verdict(door, token(signer=9))["verdict"] == "forged"
    assert verdict(door, token())["verdict"] == "locked_out"
    door.advance(2000)
    assert verdict(door, token())["verdict"] == "open"


def test_contacts_are_told(door: VirtualCompanion) -> None:
    door.sense("privacy", 1)
    door.start()
    assert verdict(door, token())["verdict"] == "privacy"
    door.sense("privacy", 0)
    settled(door, 3)
    door.sense("motor", 1)
    settled(door, 4)
    assert verdict(door, token())["verdict"] == "open"
    assert [event["kind"] for event in journal(door.flash)] == ["boot", "refused", "privacy_off", "card_open", "opened"]


def test_time_passes_as_the_harness_says(door: VirtualCompanion) -> None:
    door.start()
    for _ in range(5):
        verdict(door, "junk")
    assert len(journal(door.flash)) == 2
    door.advance(3_600_000)
    settled(door, 3)
    assert [event.get("count") for event in journal(door.flash)] == [None, None, 4]
    assert verdict(door, token())["verdict"] == "open"
    events = journal(door.flash)
    assert events[-1]["at"] in range(NOW + 3598, NOW + 3610)
    assert learned_floor(door.flash) in range(NOW + 3598, NOW + 3610)


def test_the_policy_of_the_installer_is_taken_once(door: VirtualCompanion) -> None:
    assert "/policy" in read_image(door.flash)
    door.start()
    files = read_image(door.flash)
    assert "/policy" not in files
    assert "/beliefs/policy" in files


def test_a_companion_whose_harness_goes_away_ends(door: VirtualCompanion) -> None:
    door.start()
    door.stop()
    assert not door.alive
    door.start()
    assert verdict(door, token())["verdict"] == "open"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "config_missing"),
        ({"/config.json": b"[]"}, "config_not_json"),
        ({"/config.json": bytes(range(256))}, "config_not_json"),
        ({"/config.json": config(link_key="00")}, "config_link_key"),
        ({"/config.json": config(trust=[{"slot": 1}])}, "config_trust"),
    ],
)
def test_a_flash_that_can_not_be_used_is_said_and_not_booted_for_ever(
    tmp_path: Path, files: dict[str, bytes], code: str
) -> None:
    companion = VirtualCompanion(flash(tmp_path, files), log=tmp_path / "console")
    companion.start()
    companion.wait(lambda seen: seen.get("halted") == code)
    companion.wait(lambda seen: seen.get("code") == HALTED and not seen["restart"])
    assert any(seen.get("light") == "red" for seen in companion.observed)
    companion.stop()
    assert code in (tmp_path / "console").read_text()
    assert companion.restarts == 0


def test_random_flash_is_said_and_not_booted_for_ever(tmp_path: Path) -> None:
    image = tmp_path / "flash.img"
    image.write_bytes(random.Random(2).randbytes(256 * 1024 + STORE))
    companion = VirtualCompanion(image)
    companion.start()
    companion.wait(lambda seen: seen.get("halted") == "flash_unreadable")
    companion.stop()


def test_a_door_without_a_policy_opens_for_nobody_but_emergencies(tmp_path: Path) -> None:
    with VirtualCompanion(flash(tmp_path, {"/config.json": config()})) as door:
        assert verdict(door, token())["verdict"] == "unknown_issuer"


def test_a_spoilt_policy_of_the_installer_is_not_believed(tmp_path: Path) -> None:
    spoilt = policy()[:-1] + b" "
    with VirtualCompanion(flash(tmp_path, {"/config.json": config(), "/policy": spoilt})) as door:
        assert verdict(door, token())["verdict"] == "unknown_issuer"


FAILING = """
from flash_file import Device as Real

class Device(Real):
    def writeblocks(self, block, buffer, offset=None):
        if self.programs > 400:  # after the boot, and the tables of its keys
            raise OSError(5)
        super().writeblocks(block, buffer, offset)
"""


def test_when_the_flash_fails_nothing_opens_any_more(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    companion = VirtualCompanion(flash(tmp_path), options=["--device", "failing"], path=[tmp_path])
    with companion as door:
        said = ""
        while said != "fault":
            before = door.opens
            said = verdict(door, token())["verdict"]
        assert door.opens == before
        assert verdict(door, token())["verdict"] == "fault"
        assert door.opens == before


DYING = """
import board

def die(self, name, read=board.Board.read):
    if self._levels.get("handle"):
        raise OSError(19)
    return read(self, name)

board.Board.read = die
from flash_file import Device
"""


def test_a_task_that_dies_is_told_and_the_machine_starts_again(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    companion = VirtualCompanion(flash(tmp_path), options=["--device", "dying"], path=[tmp_path])
    with companion as door:
        mark = door.mark()
        door.sense("handle", 1)
        door.wait(lambda seen: seen.get("task") == "senses", since=mark)
        door._levels.clear()  # the new machine shall find it released
        door.wait(lambda seen: seen.get("restart") is True, since=mark, timeout=30)
        door.wait(lambda seen: "ready" in seen, since=mark, timeout=30)
        assert verdict(door, token())["verdict"] == "open"
        assert door.restarts == 1
    told = [event for event in journal(companion.flash) if event["kind"] == "fault"]
    assert [(event["code"], event["task"]) for event in told] == [("task", "senses")]
    assert re.fullmatch(r"OSError 19 at [\w/.]+:\d+", told[0]["error"])


def test_a_code_that_the_module_reads_again_and_again_is_answered_once(tmp_path: Path) -> None:
    with VirtualCompanion(flash(tmp_path), options=["--rereads", "yes"]) as door:
        mark = door.mark()
        for _ in range(20):
            door.scan(token(generation=43))
        assert verdict(door, "another")["verdict"] == "open"  # the first answer to come
        door.wait(lambda seen: seen.get("verdict") == "malformed", since=mark)
        assert door.opens == 1 and door.verdicts == ["open", "malformed"]


DYING_YOUNG = """
import board
from companion.supervisor import Supervisor

async def at_once(self):
    pass

Supervisor.linger = at_once
asked = []

def die(self, name, read=board.Board.read):
    asked.append(name)
    if len(asked) > 20:
        raise OSError(19)
    return read(self, name)

board.Board.read = die
from flash_file import Device
"""


def test_a_door_that_dies_again_and_again_goes_on_in_safe_mode(tmp_path: Path) -> None:
    """Its clock is lost there: the staff's keys open, guests' as the policy says."""
    (tmp_path / "dying.py").write_text(DYING_YOUNG)
    image = flash(tmp_path, {"/config.json": config(), "/policy": policy(clock_lost="staff")})
    companion = VirtualCompanion(image, options=["--device", "dying"], path=[tmp_path])
    with companion as door:
        door.wait(lambda seen: seen.get("pattern") == "pulse" and door.restarts == 3, timeout=60)
        mark = door.mark()
        assert verdict(door, token())["verdict"] == "clock_lost"
        assert verdict(door, staff_token())["verdict"] == "open"
        assert not any("process" in seen for seen in door.observed[mark:])
        door.kill()
        door.start()
        door.wait(lambda seen: seen.get("process") == "ended", since=door.mark(), timeout=30)  # power was cut: as new
    told = [(event["code"], event.get("task", event.get("count"))) for event in journal(companion.flash)
            if event["kind"] == "fault"]  # fmt: skip
    assert told[:4] == [("task", "senses")] * 3 + [("safe_mode", 3)]


UNASKED = """
import asyncio
import board

async def nobody_waits():
    raise ValueError("a secret")

def seen(self, name, read=board.Board.read):
    if self._levels.get("handle"):
        self._levels.clear()
        asyncio.create_task(nobody_waits())
    return read(self, name)

board.Board.read = seen
from flash_file import Device
"""


def test_an_exception_that_nobody_waits_for_is_one_line_without_its_words(tmp_path: Path) -> None:
    (tmp_path / "unasked.py").write_text(UNASKED)
    with VirtualCompanion(flash(tmp_path), options=["--device", "unasked"], path=[tmp_path]) as door:
        mark = door.mark()
        door.sense("handle", 1)
        door.wait(lambda seen: seen.get("fault") == "unexpected", since=mark)
        assert verdict(door, token())["verdict"] == "open"
        assert door.restarts == 0
    told = [event for event in journal(door.flash) if event["kind"] == "fault"]
    assert told[0]["code"] == "unexpected" and told[0]["error"].startswith("ValueError at ")
    assert "secret" not in json.dumps(told)


HANGING = """
import board

def hang(self, name, read=board.Board.read):
    while self._levels.get("handle"):
        pass
    return read(self, name)

board.Board.read = hang
from flash_file import Device
"""


def test_a_firmware_that_hangs_is_started_again_by_its_watchdog(tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    options = ["--device", "hanging", "--watchdog", "2"]
    with VirtualCompanion(flash(tmp_path), options=options, path=[tmp_path], log=tmp_path / "console") as door:
        mark = door.mark()
        door.sense("handle", 1)
        door._levels.clear()  # the new machine shall find it released
        door.wait(lambda seen: seen.get("restart") is True, since=mark, timeout=30)
        door.wait(lambda seen: "ready" in seen, since=mark, timeout=30)
        assert verdict(door, token())["verdict"] == "open"


CRASHING = """
import asyncio
from companion.supervisor import Supervisor

async def watch(self):
    while not self._board.read("handle"):
        await asyncio.sleep(0.1)
    raise MemoryError

Supervisor.watch = watch
from flash_file import Device
"""


def test_when_nobody_watches_any_more_the_machine_starts_again(tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(CRASHING)
    with VirtualCompanion(flash(tmp_path), options=["--device", "crashing"], path=[tmp_path]) as door:
        mark = door.mark()
        door.sense("handle", 1)
        door._levels.clear()  # the new machine shall find it released
        door.wait(lambda seen: "ready" in seen, since=mark, timeout=30)
        assert verdict(door, token())["verdict"] == "open"
        assert door.restarts == 1


def test_a_code_held_before_a_dead_board_is_said_in_words(door: VirtualCompanion) -> None:
    door.start()
    door.kill()
    door._channels["scanner"] = socket.socket()  # as between the cut and the moment it is noticed
    with pytest.raises(CompanionError, match="the board is gone"):
        door.scan("anything")
    door._hang_up()
    assert not any("process" in seen for seen in door.observed), "a cut is not the firmware's end"
