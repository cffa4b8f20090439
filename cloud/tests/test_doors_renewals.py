"""Certificates and networks are renewed over the air: by the door's own key; the old goes when the new is in use."""

from __future__ import annotations

import base64
import hashlib

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from lockmate import doors
from lockmate.commands import companions as commands
from lockmate.doors import companions, link, renewals
from lockmate.doors.errors import BadNetworks
from lockmate.doors.models import Companion, Renewal, Revocation
from lockmate.errors import NotFound
from lockmate.outbox import Outbox
from lockmate.staff import Actor

pytestmark = pytest.mark.both_databases
YEAR = 365


@pytest.fixture
def companion(hotel):
    return hotel.companion("801")


@pytest.fixture
def by(hotel):
    return Actor.system(hotel.property, "operator")


def topic(companion):
    return f"lm/1/{companion.id}/down/renew"


def said(companion):
    """The newest document for a door, opened with its link key; None if the topic was emptied."""
    row = Outbox.select().where(Outbox.address == topic(companion)).order_by(Outbox.id.desc()).get()
    assert row.retained
    return link.open_sealed(companion.row, topic(companion), bytes(row.payload)) if row.payload else None


def new_key():
    """A key pair as a door makes it: its public point."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return numbers.x.to_bytes(32) + numbers.y.to_bytes(32)


def certificate_in(document):
    return x509.load_der_x509_certificate(base64.b64decode(document["certificate"]))


def fingerprint(document):
    return hashlib.sha256(base64.b64decode(document["certificate"])).hexdigest()[:16]


def test_a_door_gets_a_certificate_for_the_key_that_it_made_and_the_old_one_is_refused_when_it_is_in_use(
    hotel, companion, by
):
    old = companion.row.certificate_serial
    row = renewals.renew_certificate(companion.row, by=by)
    assert said(companion) == {"version": row.version, "what": "key"}
    point = new_key()
    companion.reports(renewal={"version": row.version, "key": point.hex()})
    document = said(companion)
    assert (document["version"], document["what"]) == (row.version, "certificate")
    certificate = certificate_in(document)
    numbers = certificate.public_key().public_numbers()
    assert numbers.x.to_bytes(32) + numbers.y.to_bytes(32) == point
    assert certificate.subject.rfc4514_string() == f"CN={companion.id}"
    assert not Revocation.select().where(Revocation.serial == old).exists(), "it is still the one in use"
    assert companion.row.certificate_serial == old
    companion.reports(certificate=fingerprint(document), renewed=row.version)
    assert companion.row.certificate_serial == f"{certificate.serial_number:x}"
    assert companion.row.certificate_ends == certificate.not_valid_after_utc.timestamp() * 1000
    assert Revocation.select().where(Revocation.serial == old).exists()
    assert said(companion) is None
    assert renewals.under_way(companion.row) is None


def test_what_a_door_tells_otherwise_moves_nothing(hotel, companion, by):
    row = renewals.renew_certificate(companion.row, by=by)
    key = new_key().hex()
    for told in (None, 5, {}, {"version": row.version}, {"version": row.version - 1, "key": key},
                 {"version": row.version, "key": "zz" * 64}, {"version": row.version, "key": key[:-2]},
                 {"version": row.version, "key": "00" * 64}, {"version": row.version, "key": 5}):  # fmt: skip
        companion.reports(renewal=told)
        assert renewals.under_way(companion.row).what == "key"
    companion.reports(renewal={"version": row.version, "key": key})
    companion.reports(certificate="0" * 16, renewed=row.version)
    assert renewals.under_way(companion.row).what == "certificate", "it does not show the one that we gave it"


def test_networks_travel_sealed_and_are_not_kept_when_they_are_in_use(companion, by):
    row = renewals.renew_networks(companion.row, [("酒店", "secret word"), ("Staff", "")], by=by)
    document = said(companion)
    assert (document["version"], document["what"]) == (row.version, "networks")
    assert b"secret word" not in base64.b64decode(document["sealed"])
    assert renewals.seal(companion.link_key, b"x", bytes(16)) != renewals.seal(companion.link_key, b"x")
    companion.reports(renewed=row.version - 1)
    assert renewals.under_way(companion.row) is not None
    companion.reports(renewed=row.version)
    assert renewals.under_way(companion.row) is None
    assert said(companion) is None
    assert bytes(Renewal.get().payload) == b""


@pytest.mark.parametrize("networks", [[], [("", "x")], [("a" * 33, "x")], [("酒" * 11, "x")], [("a", "x" * 65)],
                                      [("a", "b")] * 9])  # fmt: skip
def test_networks_that_no_door_can_keep_are_refused(companion, by, networks):
    with pytest.raises(BadNetworks):
        renewals.renew_networks(companion.row, networks, by=by)
    assert renewals.under_way(companion.row) is None


def test_eight_of_the_longest_networks_fit_into_a_document(companion, by):
    renewals.renew_networks(companion.row, [("酒" * 10, "x" * 64)] * 8, by=by)
    assert len(bytes(renewals.under_way(companion.row).payload)) <= 2_048
    with pytest.raises(BadNetworks):
        renewals.renew_networks(companion.row, [("酒" * 10, "\\" * 64)] * 8, by=by)
    renewals.renew_networks(companion.row, [("a", "\\" * 58 + "x")] * 8 + [], by=by)
    assert len(bytes(renewals.under_way(companion.row).payload)) <= 2_048


def test_a_newer_renewal_takes_the_place_of_one_under_way_with_a_higher_version(companion, by):
    first = renewals.renew_certificate(companion.row, by=by)
    second = renewals.renew_networks(companion.row, [("Hotel", "x")], by=by)
    assert second.version > first.version
    companion.reports(renewed=second.version + 5)  # the books were restored: the door knows more
    third = renewals.renew_certificate(companion.row, by=by)
    assert third.version > second.version + 5
    assert Renewal.select().count() == 1


def test_certificates_are_renewed_by_themselves_years_before_their_end(hotel, companion, time):
    assert doors.renewals.tend(time.now_ms) == 0
    time.passes(days=7 * YEAR + 3)
    assert doors.renewals.tend(time.now_ms) == 1
    assert said(companion)["what"] == "key"
    assert doors.renewals.tend(time.now_ms) == 0, "once"


def test_one_whose_end_was_not_written_down_counts_from_its_enrolment(companion, time):
    Companion.update(certificate_ends=None).execute()
    assert doors.renewals.tend(time.now_ms) == 0
    time.passes(days=7 * YEAR + 3)
    assert doors.renewals.tend(time.now_ms) == 1


def test_none_is_asked_for_that_could_not_last_longer(companion, time):
    ends = companion.row.certificate_ends
    time.passes(days=16 * YEAR)
    doors.renewals.tend(time.now_ms)
    version = renewals.under_way(companion.row).version
    companion.reports(renewal={"version": version, "key": new_key().hex()})
    companion.reports(certificate=fingerprint(said(companion)), renewed=version)
    assert companion.row.certificate_ends > ends
    time.passes(days=2 * YEAR)
    assert doors.renewals.tend(time.now_ms) == 0, "it lasts as long as its CA"


def test_what_may_have_been_lost_is_put_out_again_each_hour_while_the_door_is_on_line(companion, by, time):
    companion.reports()
    renewals.renew_certificate(companion.row, by=by)
    before = Outbox.select().where(Outbox.address == topic(companion)).count()
    time.passes(minutes=61)
    assert doors.renewals.tend(time.now_ms) == 1
    assert doors.renewals.tend(time.now_ms) == 0
    assert Outbox.select().where(Outbox.address == topic(companion)).count() == before + 1
    companions.offline(companion.row)
    time.passes(minutes=61)
    assert doors.renewals.tend(time.now_ms) == 0


def test_a_retired_companion_is_told_nothing_more(companion, by):
    renewals.renew_certificate(companion.row, by=by)
    companions.retire(companion.row, by=by)
    assert renewals.under_way(companion.row) is None
    with pytest.raises(NotFound):
        renewals.renew_certificate(companion.row, by=by)


def test_the_operator_asks_for_renewals_and_sees_how_far_they_are(hotel, companion, tmp_path, monkeypatch):
    file = tmp_path / "wifi.toml"
    file.write_text('[[network]]\nssid = "Hotel"\npassword = "secret"\n')


    def run(*words):
        return CliRunner().invoke(commands.companions, words)

    monkeypatch.setattr(commands, "ground", lambda: None)  # it is laid: the test's own database
    monkeypatch.setattr(commands, "the_property", lambda _id: hotel.property)

    done = run("networks", str(file))
    assert (done.exit_code, done.output.split()[0]) == (0, "1"), done.output
    assert f"{companion.id}  networks  since" in run("renewals").output
    assert run("renew", "--companion", companion.id).exit_code == 0
    assert f"{companion.id}  key  since" in run("renewals").output
    assert isinstance(run("renew", "--companion", "c-none").exception, NotFound)
    file.write_text("network = 5\n")
    assert run("networks", str(file)).exit_code == 2
