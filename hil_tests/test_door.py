"""What every door must do, simulated or on the bench."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tools.hotel.trial import TrialDoor

if TYPE_CHECKING:
    from hil_tests.conftest import Dut


def test_a_valid_qr_opens_and_is_in_the_journal(dut: Dut) -> None:
    assert dut.scan(dut.trial.token(key_id=bytes.fromhex("a1b2c3d4e5f60718"))) == "open"
    assert dut.opens == 1
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
    assert dut.opens == 1


def test_junk_on_the_scanner_changes_nothing(dut: Dut) -> None:
    noise = random.Random(20)
    for _ in range(300):
        line = bytes(noise.randrange(256) for _ in range(noise.randrange(400)))
        dut.show(line + b"\r")
    dut.show(b"\r\n\r\n" + b"HK1:" * 4000 + b"\r")
    assert dut.scan(dut.trial.token(), until="open") == "open"
    assert dut.opens == 1


def test_an_open_by_the_locks_own_card_is_sensed(dut: Dut) -> None:
    dut.sense("motor", 1)
    assert b'"card":null' in dut.events("card_open")[0]
    dut.sense("motor", 0)
    assert dut.opens == 0
