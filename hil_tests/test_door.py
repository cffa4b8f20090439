"""What every door must do, simulated or on the bench."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tools.hil.dut import BOLT_MS
from tools.hotel.trial import TrialDoor

if TYPE_CHECKING:
    from tools.hil.dut import Dut

pytestmark = pytest.mark.needs("scan", "bolt", "journal")


def test_a_valid_qr_opens_and_is_in_the_journal(dut: Dut) -> None:
    assert dut.scan(dut.trial.token(key_id=bytes.fromhex("a1b2c3d4e5f60718"))) == "open"
    dut.pulses(1)
    assert b'"key_id":"a1b2c3d4e5f60718"' in dut.events("opened")[0]


def test_a_tampered_qr_is_refused_as_forged(dut: Dut) -> None:
    token = dut.trial.token()
    other = "0" if token[-3] != "0" else "1"
    assert dut.scan(token[:-3] + other + token[-2:]) in {"forged", "malformed"}
    assert dut.scan(dut.trial.token(door=802)) == "wrong_door"
    assert dut.opens == 0


def test_a_qr_of_another_hotel_is_refused_as_forged(dut: Dut) -> None:
    stranger = TrialDoor()
    assert dut.scan(stranger.token()) == "forged"
    assert dut.opens == 0


def test_an_older_guest_is_superseded_once_the_newer_one_came(dut: Dut) -> None:
    assert dut.scan(dut.trial.token(generation=2)) == "open"
    assert dut.scan(dut.trial.token(generation=1)) == "superseded"
    assert len(dut.pulses(1)) == 1


def test_junk_on_the_scanner_changes_nothing(dut: Dut) -> None:
    noise = random.Random(20)
    for _ in range(300):
        line = bytes(noise.randrange(256) for _ in range(noise.randrange(400)))
        dut.show(line + b"\r")
    dut.show(b"\r\n\r\n" + b"HK1:" * 4000 + b"\r")
    assert dut.scan(dut.trial.token(), until="open") == "open"
    assert len(dut.pulses(1)) == 1


@pytest.mark.needs("sense")
def test_an_open_by_the_locks_own_card_is_sensed(dut: Dut) -> None:
    dut.sense("motor", 1)
    assert b'"card":null' in dut.events("card_open")[0]
    dut.sense("motor", 0)
    assert dut.opens == 0


def test_a_pulse_lasts_as_long_as_the_policy_says(dut: Dut) -> None:
    assert dut.scan(dut.trial.token()) == "open"
    assert dut.pulses(1)[0] == pytest.approx(BOLT_MS, abs=30)


@pytest.mark.needs("hang")
def test_a_pulse_ends_although_the_program_hangs(dut: Dut) -> None:
    assert dut.scan(dut.trial.token()) == "open"
    dut.hang()
    try:
        assert dut.pulses(1)[0] == pytest.approx(BOLT_MS, abs=30)
    finally:
        dut.revive()


@pytest.mark.needs("power")
def test_what_a_door_learned_outlives_a_power_cut(dut: Dut) -> None:
    once = dut.trial.token(generation=3, once=True)
    assert dut.scan(once) == "open"
    dut.cut_power()
    dut.give_power()
    assert dut.scan(once) == "already_used"
    assert dut.scan(dut.trial.token(generation=2)) == "superseded"
    assert len(dut.events("boot", 2)) == 2


@pytest.mark.needs("power")
def test_power_that_comes_and_goes_opens_nothing(dut: Dut) -> None:
    before = dut.opens
    for _ in range(3):
        dut.cut_power()
        dut.give_power()
    assert dut.opens == before


@pytest.mark.needs("sense")
def test_privacy_keeps_a_guest_out_and_lets_an_emergency_key_in(dut: Dut) -> None:
    dut.sense("privacy", 1)
    dut.events("privacy_on")
    assert dut.scan(dut.trial.token()) == "privacy"
    dut.sense("privacy", 0)
    dut.events("privacy_off")
    assert dut.scan(dut.trial.token()) == "open"


@pytest.mark.needs("sense")
def test_force_and_tampering_are_told(dut: Dut) -> None:
    dut.sense("door", 1)
    assert len(dut.events("forced")) == 1
    dut.sense("tamper", 1)
    assert len(dut.events("tamper")) == 1


@pytest.mark.needs("card", "sense")
def test_the_card_that_opened_is_told_where_the_lock_tells_it(dut: Dut) -> None:
    dut.card("04A1B2C3")
    dut.sense("motor", 1)
    assert b'"card":"04A1B2C3"' in dut.events("card_open")[0]


@pytest.mark.needs("supply", "clock")
def test_a_low_supply_is_told(dut: Dut) -> None:
    dut.supply(9_000)
    while not dut.events("battery_low", 0):
        dut.advance(10_500)
    assert b'"mv":9000' in dut.events("battery_low")[0]


@pytest.mark.needs("light")
def test_the_light_tells_the_guest_why(dut: Dut) -> None:
    seen = {}
    for name, token in {
        "open": dut.trial.token(),
        "wrong_door": dut.trial.token(door=802),
        "too_late": dut.trial.token(begins=dut.trial.made_at - 7_200),
        "no_code": "HK1:",
        "superseded": dut.trial.token(generation=0),
    }.items():
        dut.scan(token)
        seen[name] = dut.light()
    assert len(set(seen.values())) == 5, seen
