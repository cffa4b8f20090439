"""The smoke run's check of a trail finds what is wrong with one."""

from __future__ import annotations

import hashlib
import hmac
import json

from tools.smoke.books import trail_faults

KEY = bytes(range(32))


def event(seq, kind="opened", log="ab" * 8, key=KEY):
    line = json.dumps({"log": log, "seq": seq, "at": 1, "unsure": 0, "kind": kind}, separators=(",", ":")).encode()
    tag = hmac.new(key, line, hashlib.sha256).hexdigest()[:16]
    return {"log": log, "seq": seq, "kind": kind, "tag": tag, "line": line}


def test_a_whole_trail_has_no_faults():
    assert trail_faults([event(1), event(2), event(3)], KEY) == []


def test_a_gap_is_named():
    assert trail_faults([event(1), event(3)], KEY) == [f"log {'ab' * 8}: missing [2]"]


def test_a_lost_beginning_is_a_gap():
    assert "missing [1]" in trail_faults([event(2)], KEY)[0]


def test_a_double_is_named():
    assert "stored twice: [2]" in trail_faults([event(1), event(2), event(2)], KEY)[0]


def test_a_line_under_another_key_is_named():
    assert "its tag is" in trail_faults([event(1, key=bytes(32))], KEY)[0]


def test_columns_that_differ_from_the_line_are_named():
    assert "columns differ" in trail_faults([{**event(1), "kind": "refused"}], KEY)[0]
