"""The words and limits of the protocol are the same in both halves."""

from __future__ import annotations

import re

import pytest

from companion.core import clock as door_clock
from companion.core import names, policy
from companion.core import token as door_token
from lockmate import protocol

SHARED = [name for name in dir(names) if re.fullmatch(r"[A-Z][A-Z_]+", name) and name != "TYPE_CHECKING"]
# small integers of the firmware that are an index into a tuple the cloud has too
INDICES = {verdict.upper() for verdict in protocol.VERDICTS} | {"ROAD_QR", "ROAD_MQTT"}


@pytest.mark.parametrize("name", [name for name in SHARED if name not in INDICES])
def test_both_halves_have_the_same(name):
    assert getattr(protocol, name) == getattr(names, name)


@pytest.mark.parametrize("verdict", protocol.VERDICTS)
def test_a_verdict_has_the_number_of_its_place(verdict):
    assert names.VERDICTS[getattr(names, verdict.upper())] == verdict


def test_roads_have_the_numbers_of_their_places():
    assert (protocol.ROADS[names.ROAD_QR], protocol.ROADS[names.ROAD_MQTT]) == ("qr", "mqtt")


def test_limits_that_the_firmware_keeps_to_itself_are_the_same():
    assert door_token.TEXT_LENGTH == protocol.TEXT_LENGTH
    assert policy._SETTINGS == protocol.POLICY_SETTINGS
    assert policy._DAY == protocol.DAY
    assert door_clock.FRESH_MS == 60_000
