"""Fitting: codes let laptops in once, boards become companions, spares take over, only a door itself is accepted."""

from __future__ import annotations

import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from lockmate import doors, fitting, pki, records, tables
from lockmate.doors import Companion, Revocation, policies
from lockmate.errors import BadField, NotFound
from lockmate.fitting import checks
from lockmate.keys import issuer
from lockmate.protocol import KINDS
from lockmate.staff import Audit

SENSES = ["door", "bolt", "motor", "handle", "privacy", "tamper"]


def provisioned(hotel, door="801", serial="240ac4000001", **how):
    request = pki.device_key(f"c-{serial}").request
    where = hotel.door(door) if door else None
    return fitting.boards.provision(hotel.property, where, request, serial=serial, chip="ESP32", by=hotel.desk, **how)


class Far:
    """The far end of a provisioned companion."""

    def __init__(self, hotel, made):
        self.hotel, self.row_id = hotel, made.companion.id
        self.link_key = bytes.fromhex(json.loads(made.files["/config.json"])["link_key"])
        self.seq = 0
        self.throws = 0

    @property
    def row(self):
        return Companion.get_by_id(self.row_id)

    def reports(self, **other):
        newest = policies.newest(self.row.door)
        held = {"policy_version": newest.version, "policy_hash": newest.hash} if newest else {}
        state = {"log": "0123456789abcdef", "seq": self.seq, "policy_version": 0, "policy_hash": "", "generation": 0,
                 "clock": [1, 2], "senses": SENSES, "throws": self.throws, "rssi": -60}  # fmt: skip
        doors.companions.heard(self.row, state | held | other)

    def tells(self, kind, **fields):
        self.seq += 1
        event = {"log": "0123456789abcdef", "seq": self.seq, "at": 1, "unsure": 0, "kind": kind} | fields
        body = doors.link.compact(event)
        line = doors.link.tag(self.link_key, body).encode() + b" " + body
        records.store(self.row, [records.parse(self.link_key, line)], 1)


def walk(far, row):
    """Everything that a good door tells during an acceptance."""
    far.reports()
    far.tells("opened", road="qr", verdict="open", key_id=row.key_id)
    for verdict in ("expired", "forged", "wrong_door"):
        far.tells("refused", road="qr", verdict=verdict)
    for kind in ("ajar", "card_open", "inside_open", "forced", "privacy_on"):
        far.tells(kind)
    far.throws += 1
    far.reports()


@pytest.fixture
def far(hotel):
    return Far(hotel, provisioned(hotel))


def test_a_code_lets_one_laptop_in_once_and_for_minutes(hotel, time):
    code = fitting.codes.make(hotel.property, by=hotel.desk)
    session, secret = fitting.codes.sign_in(code.lower().replace("-", " "), "laptop")
    assert fitting.codes.session_of(secret).id == session.id
    assert secret not in json.dumps([row.details for row in Audit.select()])
    with pytest.raises(fitting.WrongCode):
        fitting.codes.sign_in(code, "another")
    late = fitting.codes.make(hotel.property, by=hotel.desk)
    time.passes(minutes=15)
    with pytest.raises(fitting.WrongCode):
        fitting.codes.sign_in(late, "laptop")


def test_a_session_ends_with_the_shift_or_at_the_desk(hotel, another_hotel, time):
    session, secret = fitting.codes.sign_in(fitting.codes.make(hotel.property, by=hotel.desk), "laptop")
    with pytest.raises(NotFound):
        fitting.codes.end(another_hotel.property, session.id, by=another_hotel.desk)
    time.passes(hours=11)
    assert fitting.codes.session_of(secret)
    time.passes(hours=1)
    with pytest.raises(fitting.SessionOver):
        fitting.codes.session_of(secret)
    session, secret = fitting.codes.sign_in(fitting.codes.make(hotel.property, by=hotel.desk), "laptop")
    fitting.codes.end(hotel.property, session.id, by=hotel.desk)
    with pytest.raises(fitting.SessionOver):
        fitting.codes.session_of(secret)


def test_a_swapped_board_retires_the_one_that_hung_there(hotel):
    old = provisioned(hotel).companion
    made = provisioned(hotel, serial="240ac4000002")
    assert made.retired == (old.companion_id,)
    assert [one.companion_id for one in policies.companions_of(hotel.door("801"))] == ["c-240ac4000002"]
    assert [row.serial for row in Revocation.select()] == [old.certificate_serial]


def test_a_suites_second_door_hangs_beside_the_first(hotel):
    provisioned(hotel)
    assert provisioned(hotel, serial="240ac4000002", beside=True).retired == ()
    assert len(policies.companions_of(hotel.door("801"))) == 2
    with pytest.raises(fitting.SeveralCompanions):
        fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    assert fitting.acceptance.start(hotel.door("801"), "c-240ac4000002", by=hotel.desk)


def test_a_board_that_moves_leaves_its_former_door(hotel):
    first = provisioned(hotel)
    second = provisioned(hotel, "802")
    assert second.companion.id == first.companion.id
    assert policies.companions_of(hotel.door("801")) == []
    assert [row.serial for row in Revocation.select()] == [first.companion.certificate_serial]


def test_another_hotels_board_is_not_taken(hotel, another_hotel):
    provisioned(hotel)
    with pytest.raises(fitting.BoardElsewhere):
        provisioned(another_hotel)
    assert policies.companions_of(hotel.door("801"))


@pytest.mark.parametrize(("field", "board"), [("serial", {"serial": "24:0a:c4"}), ("chip", {"chip": "ESP8266"})])
def test_a_board_that_can_not_be_is_refused(hotel, field, board):
    good = {"serial": "240ac4000001", "chip": "ESP32", "firmware": "0.1.0", "digest": "0" * 64}
    with pytest.raises(fitting.BadBoard) as refused:
        fitting.boards.flashed(hotel.property, **(good | board), by=hotel.desk)
    assert refused.value.facts["field"] == field


def test_a_spare_takes_over_a_door_by_its_code_and_only_once(hotel, another_hotel):
    old = provisioned(hotel).companion
    spare = provisioned(hotel, None, "240ac4000009")
    assert json.loads(spare.files["/config.json"])["door"] == 0
    assert "/policy" not in spare.files
    with pytest.raises(fitting.NotASpare):
        fitting.boards.replace(another_hotel.door("801"), spare.spare_code, by=another_hotel.desk)
    took = fitting.boards.replace(hotel.door("801"), f" {spare.spare_code.lower()} ", by=hotel.desk)
    assert took.id == spare.companion.id
    assert [one.id for one in policies.companions_of(hotel.door("801"))] == [took.id]
    assert Companion.get_by_id(old.id).state == "retired"
    for code in (spare.spare_code, "", "XXXXX"):
        with pytest.raises(fitting.NotASpare):
            fitting.boards.replace(hotel.door("802"), code, by=hotel.desk)


def test_a_door_that_tells_everything_gets_a_signed_certificate(hotel, far):
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    assert checks.missing(fitting.acceptance.look(row).checks) == list(checks.CHECKS)
    walk(far, row)
    for name in ("light", "sound"):
        fitting.acceptance.answer(row, name, True, by=hotel.desk)
    done = fitting.acceptance.finish(row, by=hotel.desk)
    document, signature = fitting.acceptance.signed(done)
    ca = pki.authority(hotel.property.property_id).certificate.public_key()
    ca.verify(signature, document, ec.ECDSA(hashes.SHA256()))
    facts = json.loads(document)
    assert facts["companion"]["id"] == "c-240ac4000001"
    assert {check["name"] for check in facts["checks"]} == set(checks.CHECKS)
    evidence = {check["name"]: check["evidence"] for check in facts["checks"]}
    assert evidence["valid"]["seq"] == 1
    assert all(check["how"] == "sensed" for check in facts["checks"] if check["name"] not in ("light", "sound"))
    assert fitting.acceptance.finish(row, by=hotel.desk).document == document
    with pytest.raises(fitting.AcceptanceOver):
        fitting.acceptance.look(done)


@pytest.mark.parametrize("kind", ["opened", "ajar", "card_open", "inside_open", "forced", "privacy_on"])
def test_an_event_that_does_not_come_keeps_the_certificate_back(hotel, far, kind):
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    tells = far.tells
    far.tells = lambda told, **fields: tells("tamper" if told == kind else told, **fields)
    walk(far, row)
    for name in ("light", "sound"):
        fitting.acceptance.answer(row, name, True, by=hotel.desk)
    with pytest.raises(fitting.ChecksMissing) as refused:
        fitting.acceptance.finish(row, by=hotel.desk)
    assert refused.value.facts["checks"] == {"opened": "valid", "privacy_on": "privacy"}.get(kind, kind)


def test_what_came_before_the_acceptance_does_not_count(hotel, far):
    far.reports()
    far.tells("forced")
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    far.reports()
    assert "forced" in checks.missing(fitting.acceptance.look(row).checks)


def test_what_the_board_senses_is_never_asked(hotel, far):
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    far.reports()
    for name in ("bolt", "forced", "valid"):
        with pytest.raises(BadField):
            fitting.acceptance.answer(row, name, True, by=hotel.desk)
    far.reports(senses=["door"])
    fitting.acceptance.answer(row, "bolt", True, by=hotel.desk)
    states = {check.name: check.state for check in fitting.acceptance.look(row).checks}
    assert states["bolt"] == "passed"
    assert {name for name, state in states.items() if state == "absent"} == {
        "card_open", "inside_open", "forced", "privacy"
    }  # fmt: skip


def test_a_weak_signal_an_unsure_clock_or_an_old_policy_does_not_pass(hotel, far):
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    far.reports(rssi=-90, clock=[1, None])
    waiting = checks.missing(fitting.acceptance.look(row).checks)
    assert {"signal", "clock"} <= set(waiting)
    policies.publish(hotel.door("801"))
    assert "policy" in checks.missing(fitting.acceptance.look(row).checks)


def swapped(row):
    seen = fitting.acceptance.look(row)
    return seen.elsewhere, bool(seen.proof), seen.swapped


def test_two_swapped_doors_are_told_once_the_other_ones_code_opens(hotel, far):
    from companion.core.token import read as read_token

    other = Far(hotel, provisioned(hotel, "802", "240ac4000002"))
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    assert swapped(row) == ("", False, False)
    other.tells("refused", road="qr", verdict="wrong_door")
    assert swapped(row) == ("c-240ac4000002", True, False)
    proof = read_token(fitting.acceptance.look(row).proof)
    assert (proof.door, proof.key_id.hex()) == (802, row.key_id)
    other.tells("opened", road="qr", verdict="open", key_id="00" * 8)  # a guest at 802
    assert swapped(row) == ("c-240ac4000002", True, False)
    other.tells("opened", road="qr", verdict="open", key_id=row.key_id)
    assert swapped(row) == ("c-240ac4000002", False, True)


def test_a_guest_before_the_wrong_door_swaps_nothing(hotel, far):
    other = Far(hotel, provisioned(hotel, "802", "240ac4000002"))
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    other.tells("refused", road="qr", verdict="wrong_door")
    assert swapped(row)[0]
    far.tells("refused", road="qr", verdict="wrong_door")  # the proof was held here, before the door's own companion
    assert swapped(row) == ("", False, False)


def test_a_colleague_who_checks_the_other_door_is_no_swap_once_that_one_opened(hotel, far):
    other = Far(hotel, provisioned(hotel, "802", "240ac4000002"))
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    theirs = fitting.acceptance.start(hotel.door("802"), by=hotel.desk)
    other.tells("refused", road="qr", verdict="wrong_door")
    assert swapped(row)[0]
    other.tells("opened", road="qr", verdict="open", key_id=theirs.key_id)
    assert swapped(row) == ("", False, False)


def test_an_occupied_rooms_guest_loses_nothing_by_the_proof_of_a_swap(hotel, far):
    from companion.core.token import read as read_token

    other = Far(hotel, provisioned(hotel, "802", "240ac4000002"))
    hotel.checked_in("802")
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    other.tells("refused", road="qr", verdict="wrong_door")
    assert KINDS[read_token(fitting.acceptance.look(row).proof).kind] == "staff"


def test_the_codes_that_are_shown_are_what_they_say(hotel, far):
    """The firmware's own gate judges them, with a door's beliefs."""
    from companion.core.token import read as read_token

    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    codes = fitting.acceptance.codes_of(row)
    read = {name: read_token(text) for name, text in codes.items()}
    public = {entry["slot"]: bytes.fromhex(entry["key"]) for entry in issuer.trust(hotel.property)}
    from companion.core.ed25519 import Verifier

    def verifies(token):
        covered = token.signed(bytes.fromhex(hotel.property.property_id))
        return Verifier(public[token.slot]).verify(covered, token.signature)

    assert {name: verifies(token) for name, token in read.items()} == {
        "valid": True, "expired": True, "tampered": False, "wrong_door": True
    }  # fmt: skip
    assert read["valid"].door == 801 != read["wrong_door"].door
    assert read["expired"].exp < read["valid"].nbf


def test_an_occupied_room_is_tried_with_a_staff_key(hotel, far):
    from companion.core.token import read as read_token

    def kind():
        row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
        return KINDS[read_token(fitting.acceptance.codes_of(row)["valid"]).kind]

    assert kind() == "guest"
    hotel.checked_in("801")
    assert kind() == "staff"


def test_a_certificate_counts_until_the_companion_is_enrolled_anew(hotel, far, time):
    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    walk(far, row)
    for name in ("light", "sound"):
        fitting.acceptance.answer(row, name, True, by=hotel.desk)
    assert fitting.acceptance.waits(hotel.door("801"))
    fitting.acceptance.finish(row, by=hotel.desk)
    assert not fitting.acceptance.waits(hotel.door("801"))
    states = {one.door.name: one for one in fitting.fleet.doors(hotel.property)}
    assert (states["801"].state, states["801"].lacks) == ("in_service", [])
    assert (states["802"].state, states["802"].lacks) == ("made", ["board"])
    time.passes(minutes=1)
    provisioned(hotel)
    assert fitting.acceptance.waits(hotel.door("801")) and not fitting.acceptance.waits(hotel.door("802"))
    states = {one.door.name: one for one in fitting.fleet.doors(hotel.property)}
    assert (states["801"].state, states["801"].lacks) == ("provisioned", ["heard", "policy", "acceptance", "line"])


def test_boards_are_listed_until_they_hang(hotel):
    fitting.boards.flashed(hotel.property, "240ac4000005", "ESP32", "0.1.0", "0" * 64, by=hotel.desk)
    spare = provisioned(hotel, None, "240ac4000006")
    gone = provisioned(hotel, "802", "240ac4000007")
    fitting.boards.retire(gone.companion, by=hotel.desk)
    provisioned(hotel, "803", "240ac4000008")
    listed = {row.board.serial[-1]: (row.state, row.board.spare_code) for row in fitting.fleet.boards(hotel.property)}
    assert listed == {"5": ("flashed", ""), "6": ("spare", spare.spare_code), "7": ("retired", "")}


TABLE = "number,name,class,zones\n1001,1001,room,8\n1002,豪华房,客房,\n9100,Pool,common,Guests\n"


def test_rooms_come_from_a_table_all_or_none(hotel):
    assert [line.error_code for line in fitting.rooms.read_csv(hotel.property, TABLE)] == [None] * 3
    made = fitting.rooms.import_csv(hotel.property, TABLE.encode("gb18030"), by=hotel.desk)
    assert [(door.number, door.name, door.door_class, door.zones) for door in made] == [
        (1001, "1001", "room", 1 << 8), (1002, "豪华房", "room", 0), (9100, "Pool", "common", 1)
    ]  # fmt: skip
    again = fitting.rooms.read_csv(hotel.property, TABLE)
    assert [line.error_code for line in again] == ["door_exists"] * 3


@pytest.mark.parametrize(
    ("line", "code"),
    [("0,zero", "bad_door"), ("x,x", "bad_door"), ("801,new", "door_exists"), ("1005,801", "door_exists"),
     ("1001,other", "room_line_twice"), ("1006,1001", "room_line_twice"), ("1007,y,villa", "bad_door"),
     ("1008,z,room,Cellar", "bad_door"), (f"1009,{'n' * 41}", "bad_door")],
)  # fmt: skip
def test_each_bad_line_is_named_and_nothing_is_imported(hotel, line, code):
    table = f"{TABLE}{line}\n"
    judged = fitting.rooms.read_csv(hotel.property, table)
    assert [(one.number, one.error_code) for one in judged if one.error_code] == [(5, code)]
    with pytest.raises(tables.CsvLinesBad) as refused:
        fitting.rooms.import_csv(hotel.property, table, by=hotel.desk)
    assert refused.value.facts == {"bad": 1, "first": 5}
    assert not any(row.door.number == 1001 for row in fitting.fleet.doors(hotel.property))


def test_the_certificate_on_paper_carries_the_signed_document(hotel, far):
    import pypdfium2

    from lockmate.paper.certificate import certificate

    row = fitting.acceptance.start(hotel.door("801"), by=hotel.desk)
    walk(far, row)
    for name in ("light", "sound"):
        fitting.acceptance.answer(row, name, True, by=hotel.desk)
    document, signature = fitting.acceptance.signed(fitting.acceptance.finish(row, by=hotel.desk))
    paper = pypdfium2.PdfDocument(certificate(document, signature, "Asia/Shanghai"))
    attached = {paper.get_attachment(n).get_name(): bytes(paper.get_attachment(n).get_data()) for n in range(2)}
    assert attached == {"acceptance.json": document, "acceptance.json.sig": signature}
    text = paper[0].get_textpage().get_text_range()
    assert "验收证书" in text
    assert hashlib.sha256(document).hexdigest() in text
