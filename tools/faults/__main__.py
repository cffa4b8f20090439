"""`make faults`: power cuts, dying workers, random hands on a whole hotel; prints totals and, last, one JSON line."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time

from tools.faults.tally import Tally

KINDS = ("flash", "network", "clock", "processes", "signatures", "truth", "installer")


def main(argv: list[str] | None = None) -> int:
    """0 if everything held."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("--only", choices=KINDS, action="append", help="only this kind; may be repeated")
    parser.add_argument("--rounds", type=int, help="how many faults of a kind (default: each kind's own number)")
    words = parser.parse_args(argv)
    tallies = []
    for kind in words.only or KINDS:
        tally = Tally(kind)
        tallies.append(tally)
        begun = time.monotonic()
        print(f"{kind}: …", flush=True)
        work = importlib.import_module(f"tools.faults.{kind}")
        work.run(tally, words.rounds or work.ROUNDS)
        print(f"{kind}: {tally.tried} faults, {tally.checks} checks, {len(tally.violations)} violations, "
              f"{time.monotonic() - begun:.0f} s", flush=True)
    print(json.dumps({tally.kind: tally.facts() for tally in tallies}), flush=True)
    return 1 if any(tally.violations or not tally.tried for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
