"""The smoke run's summary: one JSON line, exit code 1 if any step fails, and nothing tried on top of a failed step."""

from __future__ import annotations

import json

import pytest

from tools.smoke.doorways import Doorways
from tools.smoke.journey import LAST, STEPS, Journey
from tools.smoke.paperwork import Paperwork
from tools.smoke.report import Halt, Report, must
from tools.smoke.staying import Staying


def last_line(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_all_well(capsys):
    report = Report(["one", "two"])
    for name in ("one", "two"):
        with report.step(name):
            must(True, "never said")
    assert report.finish({"broker": "mosquitto version 2"}) == 0
    steps = last_line(capsys)["steps"]
    assert [step["ok"] for step in steps.values()] == [True, True]
    assert all(isinstance(step["ms"], int) for step in steps.values())


def test_a_failed_step_says_why_and_stops_the_run(capsys):
    report = Report(["one", "two", "three"])
    with report.step("one"):
        pass
    with pytest.raises(Halt), report.step("two"):
        must(False, "door 801: the verdict is open, not revoked")
    assert report.finish({}) == 1
    said = capsys.readouterr().out
    assert "NOT  two" in said
    assert "door 801: the verdict is open, not revoked" in said
    steps = json.loads(said.strip().splitlines()[-1])["steps"]
    assert {name: step["ok"] for name, step in steps.items()} == {"one": True, "two": False, "three": False}


def test_a_step_that_breaks_in_any_other_way_fails_too(capsys):
    report = Report(["one"])
    with pytest.raises(Halt), report.step("one"):
        raise KeyError("policy_version")
    assert report.finish({}) == 1
    assert "KeyError" in capsys.readouterr().out


def test_every_step_has_its_walk():
    walks = [(part, name) for part in (Journey, Staying, Doorways, Paperwork) for name in part.STEPS]
    assert all(callable(getattr(part, f"_{name}")) for part, name in walks)
    assert [*(name for _part, name in walks), LAST] == STEPS
    assert len(set(STEPS)) == len(STEPS)
