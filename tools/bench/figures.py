"""Figures of a measure: a median, how far the runs lay apart, and ratios whose two sides ran side by side."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Figure(TypedDict):
    """One measure: the median of its runs, and the least and the greatest of them."""

    value: float
    unit: str
    baseline: str
    runs: int
    spread: list[float]


def size_of(name: str, usual: int) -> int:
    """How many of something a measure takes: LOCKMATE_BENCH_<name>, or the usual number."""
    return int(os.environ.get("LOCKMATE_BENCH_" + name) or usual)


def figure(values: Sequence[float], unit: str, baseline: str = "") -> Figure:
    """The figure of several runs."""
    return Figure(value=_short(statistics.median(values)), unit=unit, baseline=baseline, runs=len(values),
                  spread=[_short(min(values)), _short(max(values))])


def seconds(work: Callable[[], object], *, cpu: bool = False) -> float:
    """How long it takes, once; cpu: of this process's processor time, which others on the machine don't lengthen."""
    clock = time.process_time if cpu else time.perf_counter
    begun = clock()
    work()
    return clock() - begun


def rate_ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int = 9, *,
               cpu: bool = False) -> list[float]:
    """How many times as fast ours is as theirs, run after run; both sides do the same number of things.

    Each pair runs back to back, and who begins changes from pair to pair: what slows the machine slows both.
    """
    ours()
    theirs()
    ratios = []
    for turn in range(runs):
        if turn % 2:
            theirs_s, ours_s = seconds(theirs, cpu=cpu), seconds(ours, cpu=cpu)
        else:
            ours_s, theirs_s = seconds(ours, cpu=cpu), seconds(theirs, cpu=cpu)
        ratios.append(theirs_s / ours_s)
    return ratios


def _short(value: float) -> float:
    return float(f"{value:.4g}")
