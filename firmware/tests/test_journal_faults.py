"""A full journal on flash that fails: what was written is there or told as lost, now and after the next boot."""

# runs on: cpython

import json

import check
import flash_ram
from companion.store.journal import Journal
from companion.store.raw import Area
from signing import LINK_KEY

NOW = 1795453300
OPENED = {"road": "qr", "verdict": "open", "key_id": "9f86d081884c7d65", "generation": 1}


def opened(flash):
    return Journal(Area(flash), LINK_KEY, lambda: (NOW, NOW), lambda n: bytes(n))


def everything(journal):
    return [json.loads(line[17:]) for _, line in journal.pending(0, 1 << 20)]


def test_a_program_that_fails_while_room_is_made_loses_nothing_untold():
    full = flash_ram.Ram(8)
    journal = opened(full)
    while not (journal._segments.free < 3 and journal._worth_packing() < len(journal._live)):
        journal.write("opened", **OPENED)
        journal.write("refused", road="qr", verdict="expired")
    for nth in range(200):
        part = full.copy()
        journal = opened(part)
        left = [nth]
        write = part.writeblocks

        def failing(block, buffer, offset=0, left=left, write=write):
            left[0] -= 1
            if left[0] == -1:
                raise OSError(5)
            write(block, buffer, offset)

        part.writeblocks = failing
        while journal.settle():
            pass
        for now in (journal, opened(part)):
            events = everything(now)
            there = [event["seq"] for event in events]
            for event in events:
                if event["kind"] == "log_lost":
                    there += range(event["from"], event["to"] + 1)
            assert set(range(1, journal.seq + 1)) <= set(there), nth
        if left[0] >= 0:
            return
    raise AssertionError


if __name__ == "__main__":
    check.run(globals())
