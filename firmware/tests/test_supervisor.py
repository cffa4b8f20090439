"""The watchdog is fed only while all tasks move; the one that died or stands still is named; safe mode."""

import asyncio
import sys

import check
from companion.restarts import Restarts
from companion.store.faults import describe
from companion.supervisor import NEVER, Supervisor


class Board:
    def __init__(self):
        self.watchdog = self
        self.fed = 0
        self.ms = 0

    def feed(self):
        self.fed += 1

    def monotonic_ms(self):
        return self.ms


async def forever():
    while True:
        await asyncio.sleep(3600)


async def dies(error):
    await asyncio.sleep(0)
    raise error


async def ends():
    await asyncio.sleep(0)


def watched(work):
    async def go():
        supervisor = Supervisor(Board())
        supervisor.start("steady", forever())
        supervisor.start("other", work)
        return await asyncio.wait_for(supervisor.watch(), 5)

    return asyncio.run(go())


def place_of(told):
    """A reason without its place, which only MicroPython tells."""
    return told[0], told[1].split(" at ")[0]


def test_a_task_that_dies_is_named_with_its_reason_and_no_secret():
    assert place_of(watched(dies(OSError(5)))) == ("other", "OSError 5")
    told = watched(dies(ValueError("the secret\n  File \"the secret\", line 1, in x")))
    assert place_of(told) == ("other", "ValueError") and "secret" not in told[1]
    if sys.implementation.name == "micropython":
        assert told[1].startswith("ValueError at ") and told[1].split(":")[-1].isdigit()
    assert watched(ends()) == ("other", "ended")
    assert len(describe(OSError(10**100))) <= 80


def test_a_task_that_the_gate_does_without_is_missed_only_later():
    board = Board()

    async def go():
        supervisor = Supervisor(board)
        supervisor.start("gate", forever())
        supervisor.start("line", dies(OSError(5)), bearable_ms=600_000)
        watching = asyncio.create_task(supervisor.watch())
        supervisor._pause = short
        while board.fed < 50:
            await asyncio.sleep(0)
        assert not watching.done()
        board.ms = 600_000
        return await asyncio.wait_for(watching, 5)

    assert place_of(asyncio.run(go())) == ("line", "OSError 5")
    assert board.fed >= 50


async def short():
    await asyncio.sleep(0)


def looked(rounds, silent_ms, moves, **more):
    """(how often the watchdog was fed in so many looks, who was told)."""
    board = Board()
    left = [rounds]
    supervisor = Supervisor(board)

    async def no_sleep():
        left[0] -= 1
        if moves:
            supervisor.moved("task")
        if left[0] <= 0:
            raise EOFError
        await asyncio.sleep(0)

    async def go():
        supervisor.start("task", more.pop("work", None) or forever(), silent_ms, **more)
        supervisor.start("untold", forever())
        supervisor._pause = no_sleep
        return await supervisor.watch()

    try:
        told = asyncio.run(go())
    except EOFError:
        told = None
    return board.fed, told


async def steady():
    while True:
        await asyncio.sleep(0)


async def stuck():
    while True:
        await asyncio.sleep(3600)


def test_the_watchdog_is_fed_only_while_all_move_and_who_stands_still_is_named():
    assert looked(100, 5_000, True) == (100, None)
    assert looked(100, 5_000, False) == (10, ("task", "stands still"))


def test_a_task_that_tells_nothing_moves_when_the_loop_runs_it():
    assert looked(100, 5_000, False, work=steady(), steps=True) == (100, None)
    fed, told = looked(100, 5_000, False, work=stuck(), steps=True)
    assert fed < 20 and told == ("task", "stands still")


def test_what_is_borne_for_ever_neither_ends_nor_stops_anything():
    assert looked(100, 5_000, False, bearable_ms=NEVER) == (100, None)
    assert looked(100, None, False, work=ends(), bearable_ms=NEVER) == (100, None)


def test_a_task_that_moves_by_steps_is_cancelled_like_any_other():
    async def go():
        supervisor = Supervisor(Board())
        supervisor.start("task", stuck(), 1_000, steps=True)
        await asyncio.sleep(0)
        task = supervisor._tasks[0].task
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"

    assert asyncio.run(go()) == "cancelled"


class Memory:
    """What a restart leaves."""

    def __init__(self):
        self.held = b""

    def memory(self):
        return self.held

    def remember(self, data):
        self.held = data


def boots(memory, *lived_ms):
    """Boots that each lived so long and then restarted by themselves; whether each was in safe mode."""
    found = []
    for ms in lived_ms:
        restarts = Restarts(memory)
        found.append(restarts.safe)
        for at in range(0, ms, 250):
            restarts.tick(at)
        restarts.note(ms)
    return found


def test_three_restarts_within_ten_minutes_lead_to_safe_mode():
    assert boots(Memory(), 5_000, 5_000, 5_000, 5_000) == [False, False, False, True]
    assert boots(Memory(), 100_000, 100_000, 100_000, 5_000) == [False, False, False, True]
    assert boots(Memory(), 250_000, 250_000, 250_000, 5_000, 5_000) == [False] * 5
    assert boots(Memory(), 3_600_000, 5_000, 5_000, 5_000) == [False, False, False, True]


def test_a_boot_that_the_watchdog_ended_counts_too():
    memory = Memory()
    for _ in range(3):
        assert not Restarts(memory).safe
    assert Restarts(memory).safe


def test_safe_mode_lasts_over_restarts_and_ends_with_power_or_after_an_hour():
    memory = Memory()
    boots(memory, 5_000, 5_000, 5_000)
    assert boots(memory, 900_000, 5_000) == [True, True]
    restarts = Restarts(memory)
    assert restarts.safe and not restarts.over(3_599_999) and restarts.over(3_600_000)
    assert boots(memory, 5_000) == [False]
    memory.held = b"of another firmware"
    assert boots(memory, 5_000) == [False]
    assert boots(Memory(), 5_000) == [False]


def test_a_door_that_dies_young_waits_before_it_starts_again():
    waited = []
    sleep = asyncio.sleep

    async def noted(seconds):
        waited.append(seconds)

    board = Board()
    supervisor = Supervisor(board)
    asyncio.sleep = noted
    try:
        asyncio.run(supervisor.linger())
        board.ms = 60_000
        asyncio.run(supervisor.linger())
    finally:
        asyncio.sleep = sleep
    assert waited == [10]


check.run(globals())
