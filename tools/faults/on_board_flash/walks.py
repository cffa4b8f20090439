# mypy: ignore-errors
# (this runs in MicroPython)
"""Random journals on flash that fails (firmware/tests/journal_fuzz.py), one after the other.

    micropython walks.py FIRST STEP MANY

Takes walks FIRST, FIRST + STEP, … below MANY. Prints what does not hold, and at the end one JSON line of counts.
"""

import json
import sys

import check  # noqa: F401 - puts the firmware on the path
from journal_fuzz import SORTS, Walk

_STEPS = 2_500


def main():
    first, step, many = [int(word) for word in sys.argv[1:4]]
    counts = {"tried": 0, "wrong": 0, "failed": 0, "cuts": 0}
    for seed in range(first, many, step):
        sort = SORTS[seed % len(SORTS)]
        walk = Walk(seed, sort)
        counts["tried"] += 1
        try:
            walk.go(_STEPS)
        except AssertionError as what:
            counts["wrong"] += 1
            print("WRONG journal %d of %s: %s" % (seed, sort, what))
        counts["failed"] += walk.flash.failed
        counts["cuts"] += walk.flash.cuts
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
