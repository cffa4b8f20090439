"""The watchdog is fed only while all tasks move; the one that died is named."""

import asyncio

import check
from companion.supervisor import Supervisor


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


def test_a_task_that_dies_is_named_with_its_reason():
    assert watched(dies(OSError(5))) == ("other", "OSError 5")
    assert watched(dies(ValueError("the secret"))) == ("other", "ValueError")
    assert watched(ends()) == ("other", "ended")


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

    assert asyncio.run(go()) == ("line", "OSError 5")
    assert board.fed >= 50


async def short():
    await asyncio.sleep(0)


def fed(rounds, silent_ms, moves):
    """How often the watchdog was fed in so many looks."""
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
        supervisor.start("task", forever(), silent_ms)
        supervisor.start("untold", forever())
        supervisor._pause = no_sleep
        await supervisor.watch()

    try:
        asyncio.run(go())
    except EOFError:
        pass
    return board.fed


def test_the_watchdog_is_fed_only_while_all_move():
    assert fed(100, 5_000, True) == 100
    assert fed(100, 5_000, False) == 10


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
