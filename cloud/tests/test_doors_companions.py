"""Companions are enrolled with all they need, heard as the protocol says, and retired."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from companion.core import mac as door_mac
from companion.store.config import Config
from lockmate import clock, doors, pki
from lockmate.doors import companions, link, policies, rooms
from lockmate.doors.models import Companion, Policy, Revocation
from lockmate.errors import NotFound
from lockmate.outbox import Outbox

pytestmark = pytest.mark.both_databases

VECTORS = json.loads((Path(__file__).parents[2] / "docs/vectors/hk1.json").read_text())


def sent_to(companion):
    topic = f"lm/1/{companion.id}/down/policy"
    return list(Outbox.select().where(Outbox.address == topic, Outbox.state == "pending"))


@pytest.fixture
def companion(hotel):
    made = hotel.companion("801")
    Outbox.delete().execute()
    return made


@pytest.fixture
def of_vectors(hotel):
    """The companion of the vectors: its id and link key."""
    hotel.companion("801", VECTORS["link"]["companion_id"])
    key = bytes.fromhex(VECTORS["link"]["link_key"])
    row = companions.by_id(VECTORS["link"]["companion_id"])
    row.link_key = link.seal_key(row.companion_id, key)
    row.save()
    return row


def enrol(hotel, door, companion_id="c-801-test", request=None, **other):
    request = pki.device_key(companion_id).request if request is None else request
    return companions.enrol(hotel.property, hotel.door(door), companion_id, request, **other)


def test_enrolment_gives_exactly_what_goes_on_the_flash(hotel):
    device = pki.device_key("c-801-test")
    enrolment = enrol(hotel, "801", request=device.request, wifi=(("Hotel", "secret"),))
    assert set(enrolment.files) == {"/config.json", "/ca.der", "/cert.der", "/policy"}  # the key is the device's own
    config = json.loads(enrolment.files["/config.json"])
    assert config == enrolment.config
    assert (config["companion_id"], config["door"]) == ("c-801-test", 801)
    assert config["property_id"] == hotel.property.property_id
    assert [(entry["slot"], entry["kinds"]) for entry in config["trust"]] == [
        (4, ["emergency"]),
        (8, ["policy"]),
        (11, ["update"]),
    ]
    assert Config(enrolment.files["/config.json"]).wifi == [{"ssid": "Hotel", "password": "secret"}]
    assert set(config["broker"]) == {"host", "port", "name"}
    certificate = x509.load_der_x509_certificate(enrolment.files["/cert.der"])
    certificate.verify_directly_issued_by(x509.load_der_x509_certificate(enrolment.files["/ca.der"]))
    key = serialization.load_der_private_key(device.key_der, password=None)
    assert key.public_key() == certificate.public_key()
    assert certificate.subject.rfc4514_string() == "CN=c-801-test"
    assert enrolment.companion.certificate_serial == f"{certificate.serial_number:x}"


def test_secrets_are_not_printed(hotel):
    enrolment = enrol(hotel, "801")
    assert enrolment.config["link_key"] not in repr(enrolment)
    assert "config.json" not in repr(enrolment)


def test_the_link_key_is_sealed_in_the_database(hotel, companion):
    row = companion.row
    assert companion.link_key not in bytes(row.link_key)
    assert link.key_of(row) == companion.link_key


@pytest.mark.parametrize("bad", ["short", "UPPER-CASE", "with blank", "a" * 33, "cloud-ingest", "under_score1"])
def test_an_id_that_is_none_is_refused(hotel, bad):
    with pytest.raises(doors.BadCompanion):
        enrol(hotel, "801", bad)


@pytest.mark.parametrize("request_of", ["nothing", "another curve", "a changed byte"])
def test_a_request_that_its_key_did_not_sign_is_refused(hotel, request_of):
    key = ec.generate_private_key(ec.SECP384R1() if request_of == "another curve" else ec.SECP256R1())
    signed = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    der = signed.public_bytes(serialization.Encoding.DER)
    if request_of == "a changed byte":
        der = der[:-1] + bytes([der[-1] ^ 1])
    with pytest.raises(pki.BadRequest):
        enrol(hotel, "801", request=b"" if request_of == "nothing" else der)
    assert not Companion.select().exists()


def test_a_renewed_certificate_ends_the_old_one(hotel, companion):
    old, fresh = companion.row.certificate_serial, pki.device_key(companion.id)
    certificate = x509.load_der_x509_certificate(companions.renew(companion.row, fresh.request, by=hotel.desk))
    assert companion.row.certificate_serial == f"{certificate.serial_number:x}" != old
    assert [row.serial for row in Revocation.select()] == [old]
    assert link.key_of(companion.row) == companion.link_key


def test_an_id_in_service_is_not_enrolled_again_but_a_retired_one_is(hotel, companion):
    with pytest.raises(doors.CompanionExists):
        hotel.companion("802", companion.id)
    old = companion.row
    companions.retire(old, by=hotel.desk)
    again = hotel.companion("802", companion.id)
    assert again.row.door.name == "802"
    assert again.link_key != companion.link_key
    assert [row.serial for row in Revocation.select()] == [old.certificate_serial]


def test_a_retired_companion_is_on_the_revocation_list(hotel, companion):
    companions.retire(companion.row, by=hotel.desk)
    crl = x509.load_pem_x509_crl(companions.crl(hotel.property))
    assert crl.is_signature_valid(pki.authority(hotel.property.property_id).certificate.public_key())
    assert crl.get_revoked_certificate_by_serial_number(int(companion.row.certificate_serial, 16))


def test_another_hotels_door_is_not_found(hotel, another_hotel):
    with pytest.raises(NotFound):
        companions.enrol(hotel.property, another_hotel.door("801"), "c-801-test", pki.device_key("x").request)
    with pytest.raises(NotFound):
        enrol(hotel, "801", by=another_hotel.desk)
    companion = hotel.companion("801")
    with pytest.raises(NotFound):
        companions.retire(companion.row, by=another_hotel.desk)


def test_the_state_of_the_vectors_is_opened(of_vectors):
    topic = f"lm/1/{of_vectors.companion_id}/up/state"
    state = link.open_sealed(of_vectors, topic, VECTORS["link"]["state"].encode())
    assert state["generation"] == 43
    assert companions.heard(of_vectors, state).kept


def test_the_ack_of_the_vectors_is_sealed_to_the_byte(of_vectors):
    topic = f"lm/1/{of_vectors.companion_id}/down/ack"
    document = json.loads(VECTORS["link"]["ack"])
    del document["mac"]
    assert link.seal(of_vectors, topic, document) == VECTORS["link"]["ack"].encode()


def test_what_the_door_seals_is_opened_and_what_is_sealed_the_door_opens(of_vectors):
    key = link.key_of(of_vectors)
    sealed = door_mac.seal(key, "lm/1/x/up/state", b'{"a":1}')
    assert link.open_sealed(of_vectors, "lm/1/x/up/state", sealed) == {"a": 1}
    assert door_mac.open_sealed(key, "t", link.seal(of_vectors, "t", {"b": [1, None]})) == {"b": [1, None]}


@pytest.mark.parametrize("n", [0, 1, 30, -1, -2, -75, -40])
def test_a_message_that_was_touched_anywhere_is_not_opened(of_vectors, n):
    topic = f"lm/1/{of_vectors.companion_id}/up/state"
    payload = bytearray(VECTORS["link"]["state"].encode())
    payload[n] ^= 1
    with pytest.raises(doors.BadMac):
        link.open_sealed(of_vectors, topic, bytes(payload))


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"online":false}', b"\xff" * 200])
def test_a_message_without_a_mac_is_not_opened(of_vectors, payload):
    with pytest.raises(doors.BadMac):
        link.open_sealed(of_vectors, "t", payload)


def test_a_mac_for_another_topic_or_over_no_object_is_not_opened(of_vectors):
    with pytest.raises(doors.BadMac):
        link.open_sealed(of_vectors, "other", VECTORS["link"]["state"].encode())
    with pytest.raises(doors.BadMac):
        link.open_sealed(of_vectors, "t", link.seal(of_vectors, "t", b"[1]"))


def test_a_policy_is_confirmed_when_the_door_reports_it(hotel, companion, time):
    policy = policies.publish(hotel.door("801"))
    assert not companion.reports().in_step
    time.passes(seconds=40)
    companion.holds(policy)
    heard = companion.reports()
    assert (heard.kept, heard.in_step, heard.resent) == (True, True, False)
    assert companion.row.policy_confirmed_at == time.now_ms
    assert Policy.get_by_id(policy.id).confirmed_at == time.now_ms
    time.passes(hours=1)
    companion.reports()
    assert companion.row.policy_confirmed_at == Policy.get_by_id(policy.id).confirmed_at == time.now_ms - 3_600_000
    assert companion.row.online


def test_a_suites_policy_is_confirmed_when_both_its_companions_report_it(hotel, time):
    left, right = hotel.companion("801", "suite-left-door"), hotel.companion("801", "suite-right-door")
    policy = policies.publish(hotel.door("801"))
    left.holds(policy)
    left.reports()
    assert Policy.get_by_id(policy.id).confirmed_at is None
    right.holds(policy)
    right.reports()
    assert Policy.get_by_id(policy.id).confirmed_at == time.now_ms


def test_a_door_that_reports_an_older_policy_is_sent_the_newest(hotel, companion):
    policy = policies.publish(hotel.door("801"))
    Outbox.delete().execute()
    assert companion.reports().resent
    assert [bytes(row.payload) for row in sent_to(companion)] == [policies.wire(policy)]


def test_a_door_with_the_right_version_and_another_hash_is_not_in_step(companion):
    assert companion.reports().in_step
    assert not companion.reports(policy_hash="0" * 16).in_step


def test_a_door_ahead_of_a_restored_database_is_sent_a_newer_policy(hotel, companion):
    ahead = companion.policy_version + 5_000_000
    assert companion.reports(policy_version=ahead).resent
    assert policies.newest(hotel.door("801")).version == ahead + 1


def test_a_policy_that_we_do_not_know_confirms_none_of_ours(hotel, companion):
    ours = policies.publish(hotel.door("801"))
    companion.reports(policy_version=ours.version + 5_000_000, policy_hash="f" * 16)
    assert Policy.get_by_id(ours.id).confirmed_at is None
    companion.reports(policy_version=policies.newest(hotel.door("801")).version, policy_hash="0" * 16)
    assert not Policy.select().where(Policy.confirmed_at.is_null(False)).exists()


def test_our_version_over_other_bytes_is_followed_by_a_newer_one(hotel, companion):
    held = companion.policy_version
    assert companion.reports(policy_hash="0" * 16).resent
    assert policies.newest(hotel.door("801")).version > held


def test_the_next_stay_shares_no_generation_with_a_time_that_a_restore_lost(hotel, companion):
    companion.generation = 1  # given, in the time that was lost
    companion.reports(policy_version=companion.policy_version + 5_000_000)
    assert rooms.rules_of(hotel.door("801")).generation == 1  # whoever sleeps there is not put out of the room
    companion.holds(policies.newest(hotel.door("801")))
    companion.reports()
    assert rooms.give(hotel.door("801")) == 2


def test_what_a_door_knew_beyond_the_books_outlives_its_companion(hotel, companion):
    companion.generation = 6
    companion.reports(policy_version=companion.policy_version + 5_000_000)
    companions.retire(companion.row, by=hotel.desk)
    hotel.companion("801", "c-801-another")
    assert rooms.give(hotel.door("801")) == 7


def test_a_room_that_is_taken_keeps_its_generation_when_the_database_is_behind(hotel, companion):
    assert rooms.give(hotel.door("801")) == 1
    companion.generation = 1
    companion.reports(policy_version=companion.policy_version + 5_000_000)
    assert rooms.rules_of(hotel.door("801")).generation == 1


def test_a_report_that_the_broker_had_kept_does_not_say_that_the_door_speaks_now(companion, time):
    companion.reports()
    heard_at, old = companion.row.heard_at, companion.state()
    time.passes(days=3)
    assert companions.heard(companion.row, old, retained=True).kept
    assert companion.row.heard_at <= heard_at + 2_000
    assert companions.heard(companion.row, old | {"clock": [time.now_s, None]}, retained=True).kept
    assert companion.row.heard_at <= heard_at + 2_000


def test_a_report_that_was_overtaken_is_ignored(companion):
    companion.seq = 9
    companion.generation = 3
    assert companion.reports().kept
    assert not companion.reports(seq=8, generation=1).kept
    assert companion.row.generation == 3


def test_a_report_of_an_older_journal_is_ignored(companion):
    companion.seq = 9
    companion.reports()
    old = companion.state()
    companion.log, companion.seq = "f" * 16, 1
    assert companion.reports().kept
    assert not companions.heard(companion.row, old).kept
    assert companion.row.log == "f" * 16


def test_a_report_that_was_overtaken_by_lines_counts_and_one_that_was_overtaken_by_a_report_does_not(hotel, companion):
    """Several workers share what comes: lines written after a report may be stored before it."""
    from lockmate import records

    lines = [records.parse(companion.link_key, companion.line("boot")) for _ in range(3)]
    records.store(companion.row, lines, clock.now_ms())
    assert companion.reports(seq=2).kept
    assert companion.reports(seq=3).kept
    assert not companion.reports(seq=2).kept
    companion.line("boot")  # on its way
    records.store(companion.row, [records.parse(companion.link_key, companion.line("policy"))], clock.now_ms())
    assert not companion.reports(seq=3).kept  # said again by whoever kept it
    assert companion.reports(seq=4).kept


def test_the_reported_generation_and_clock_are_kept_with_the_rest(hotel, companion, time):
    companion.generation = 4
    companion.reports(clock=[time.now_s - 5, None], firmware="0.1.0", heap=70_000)
    row = companion.row
    assert (row.generation, row.clock_lo, row.clock_hi) == (4, time.now_s - 5, None)
    assert json.loads(row.report) == {"firmware": "0.1.0", "heap": 70_000}
    assert rooms.reported_generation(hotel.door("801")) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"log": "xyz"},
        {"log": None},
        {"seq": -1},
        {"seq": True},
        {"seq": 1 << 70},
        {"policy_version": "1"},
        {"policy_hash": 5},
        {"generation": 1 << 32},
        {"clock": 5},
        {"clock": [1]},
        {"clock": [None, 5]},
        {"oldest": -4},
        {"oldest": 2},
    ],
)
def test_a_report_with_a_wrong_field_is_refused_and_changes_nothing(companion, wrong):
    before = companion.row.__data__
    with pytest.raises(doors.BadState):
        companion.reports(**wrong)
    assert companion.row.__data__ == before


def test_a_report_with_a_field_missing_is_refused(companion):
    for name in ("log", "seq", "policy_version", "policy_hash", "generation", "clock"):
        report = companion.state()
        del report[name]
        with pytest.raises(doors.BadState):
            companions.heard(companion.row, report)


def test_the_last_will_puts_out_the_online_light_and_nothing_else(companion):
    companion.reports()
    before = companion.row.__data__
    companions.offline(companion.row)
    assert companion.row.__data__ == before | {"online": False}


def test_a_retired_companions_report_brings_it_no_policy(hotel, companion):
    companions.retire(companion.row, by=hotel.desk)
    policies.publish(hotel.door("801"))
    assert not companion.reports().resent
    assert Companion.get().state == "retired"
