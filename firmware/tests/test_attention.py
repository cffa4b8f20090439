# runs on: micropython32 micropython
"""While a code is on its way the line waits, for a moment at most, and no garbage is collected then."""

import asyncio
import gc

import check

from companion.attention import Attention


class Clock:
    """Goes on a millisecond each time that it is looked at."""

    def __init__(self):
        self.ms = 0

    def __call__(self):
        self.ms += 1
        return self.ms


def turns(attention, during):
    """How often others had their turn while the line waited; during(n) comes with each."""

    async def others(told):
        while True:
            during(len(told))
            told.append(1)
            await asyncio.sleep(0)

    async def both():
        told = []
        task = asyncio.create_task(others(told))
        await attention.quiet()
        task.cancel()
        return len(told)

    return asyncio.run(both())


def test_the_line_gives_others_a_turn_and_goes_on_when_nobody_stands_before_the_door():
    assert 1 <= turns(Attention(Clock()), lambda n: None) <= 3


def test_the_line_waits_for_the_answer_to_a_code_that_begins_to_come():
    attention = Attention(Clock())
    attention.comes()

    def answered(n):
        if n == 5:
            attention.over()

    assert turns(attention, answered) >= 5


def test_codes_without_end_hold_up_the_line_for_a_moment_only():
    attention = Attention(Clock())
    attention.comes()
    assert turns(attention, lambda n: attention.comes()) > 5


def test_garbage_goes_when_a_code_begins_to_come_and_not_before_it_is_answered():
    attention = Attention(Clock())
    attention.tidy()
    clean = gc.mem_alloc()
    bytearray(2_000)
    attention.comes()
    assert gc.mem_alloc() < clean + 600
    begun = gc.mem_alloc()
    for _ in range(7):
        bytearray(1_000)
    assert gc.mem_alloc() > begun + 7_000
    attention.over()
    assert gc.mem_alloc() < clean + 600
    gc.threshold(-1)


def test_a_code_whose_rest_does_not_come_is_over_with_the_next_tick():
    clock = Clock()
    attention = Attention(clock)
    attention.comes()
    raised = gc.threshold()
    attention.tick()
    assert gc.threshold() == raised, "it may still come"
    clock.ms += 100
    attention.tick()
    assert gc.threshold() < raised and not attention.busy
    gc.threshold(-1)


if __name__ == "__main__":
    check.run(globals())
