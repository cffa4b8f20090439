# mypy: ignore-errors
# (this runs in MicroPython)
"""Plays a scripted day on the real firmware and writes down each flash operation and what the door had done by then.

    micropython day.py IMAGE SCRIPT.json LOG

A line of the log is one JSON list: ["p", block, offset, hex], ["e", block], or ["fact", {...}].
"""

import asyncio
import binascii
import json
import sys

import bench_board as board
import firm

_LONG_S = 600  # a day's steps may take so long


class Day:
    """One boot after the other on the same flash."""

    def __init__(self, flash, log):
        self.flash = flash
        self.log = log
        flash.told = self.operation

    def operation(self, kind, block, offset, data):
        line = [kind, block]
        if kind == "p":
            line += [offset, binascii.hexlify(data).decode()]
        self.log.write(json.dumps(line) + "\n")

    def fact(self, **facts):
        self.log.write(json.dumps(["fact", facts]) + "\n")

    def written(self, journal, seq):
        found = journal.pending(seq - 1, 1)
        if found[0][0] != seq:
            raise ValueError("not there")
        self.fact(line=seq, tag=found[0][1][:16].decode())

    def moved(self, door):
        self.fact(bolt=door.journal.seq)
        self.believes(door)

    def believes(self, door):
        beliefs = door.beliefs
        self.fact(believes=[beliefs.generation, beliefs.clock_epoch or 0, beliefs.floor, beliefs.version])

    def boot(self, steps):
        """A boot in which these steps are taken, and then the power goes."""

        async def script(door):
            door.written = None
            for step in steps:
                await self.take(door, step)
            self.log.close()
            board.leave(0)

        code = firm.boot(self.flash, script, self.moved, self.written, _LONG_S)
        if code:
            raise ValueError("the firmware ended with %d" % code)

    async def take(self, door, step):
        if "scan" in step:
            verdict = await door.scan(step["scan"])
            if verdict != step["want"]:
                raise ValueError("%s in place of %s" % (verdict, step["want"]))
            self.fact(asked=step.get("n"), verdict=verdict)
        if "jump" in step:  # as if so much time had passed in one moment
            board.clock.wait(step["jump"])
        if "write" in step:
            door.journal.write(step["write"])
        if "mark" in step:
            self.fact(mark=step["mark"])
        if "ack" in step:
            journal = door.journal
            seq = journal.seq - step["ack"]
            self.fact(acked=seq)
            if not journal.stored(seq, journal.tag(seq)):
                raise ValueError("not taken")
            door.beliefs.policy_named(door.beliefs.version)
        if "policy" in step:
            policy = door.beliefs.accept(binascii.unhexlify(step["policy"]), door.clock, door.monotonic_ms())
            door.journal.write("policy", policy_version=policy.version)
            self.fact(policy=policy.version)
        self.believes(door)
        await asyncio.sleep_ms(step.get("wait", 400))


def main():
    image, script, path = sys.argv[1:4]
    flash = board.Flash(board.content_of(image))
    with open(script) as source:
        boots = json.load(source)
    done = 0
    for steps in boots:
        log = open(path, "a")
        day = Day(flash, log)
        day.boot(steps)
        log.close()
        with open(path) as held:  # the child's flash was its own: do what it did
            held.seek(done)
            for line in held:
                redo(flash.content, json.loads(line))
            done = held.tell()


def redo(content, line):
    if line[0] == "p":
        board.program(content, line[1] * board.BLOCK + line[2], binascii.unhexlify(line[3]))
    elif line[0] == "e":
        content[line[1] * board.BLOCK : (line[1] + 1) * board.BLOCK] = b"\xff" * board.BLOCK


if __name__ == "__main__":
    main()
