"""The broker's configuration keeps doors out of each other's way, on a real Mosquitto."""

from __future__ import annotations

import signal
import stat

import pytest

from cloud.tests.broker import NAME, Raw, Site, plain_tls_is_refused, wait
from lockmate.delivery import broker as configuration
from lockmate.delivery import certificates
from lockmate.doors import companions
from lockmate.mqtt import BrokerError
from lockmate.staff import Actor
from tools.processes import Process

pytestmark = pytest.mark.broker


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path).start()
    yield made
    made.close()


def test_a_companion_writes_only_under_its_own_up(site):
    site.door(801)
    with Raw(site, "c-801-test") as thief:
        assert thief.says("lm/1/c-801-test/up/events") == ""
        assert thief.says("lm/1/c-801-test/up/state", retained=True) == ""
        for topic in ("lm/1/c-802-test/up/events", "lm/1/c-802-test/up/state", "lm/1/c-801-test/up/other",
                      "lm/1/c-801-test/down/policy", "lm/1/c-802-test/down/open", "lm/1/c-801-test/down/ack", "other"):
            assert thief.says(topic) == "Not authorized", topic


def test_a_companion_reads_only_its_own_down(site):
    site.door(801)
    with Raw(site, "c-801-test") as thief, Raw(site, "cloud-delivery") as cloud:
        thief.connection.subscribe("lm/1/+/down/#", "lm/1/c-802-test/down/open", "#")
        for companion in ("c-802-test", "c-801-test"):
            assert cloud.says(f"lm/1/{companion}/down/policy", retained=True) == ""
            assert cloud.says(f"lm/1/{companion}/down/open") == ""
        thief.until(lambda: len(thief.arrived) >= 2, "its own two")
        assert {arrival.topic.split("/")[2] for arrival in thief.arrived} == {"c-801-test"}


def test_the_workers_may_do_their_part_only(site):
    with Raw(site, "cloud-ingest") as ingest, Raw(site, "cloud-delivery") as delivery:
        assert ingest.says("lm/1/c-801-test/down/ack") == ""
        assert ingest.says("lm/1/c-801-test/down/policy") == "Not authorized"
        assert ingest.says("lm/1/c-801-test/up/events") == "Not authorized"
        assert delivery.says("lm/1/c-801-test/down/open") == ""
        assert delivery.says("lm/1/c-801-test/down/update") == ""
        assert delivery.says("lm/1/c-801-test/down/ack") == "Not authorized"
        delivery.connection.subscribe("lm/1/+/up/#")
        site.door(801)
        with Raw(site, "c-801-test") as door:
            assert door.says("lm/1/c-801-test/up/events") == ""
        assert delivery.says("lm/1/c-801-test/down/open") == ""
        assert delivery.arrived == []


def test_a_client_id_is_the_certificates_and_takes_over_nobodys_session(site):
    site.door(801)
    with Raw(site, "cloud-ingest", session_seconds=600) as ingest:
        ingest.connection.subscribe("lm/1/+/up/#")
        with Raw(site, "c-801-test", client_id="cloud-ingest", session_seconds=600) as thief:
            assert not thief.connection.session_present
            assert thief.says("lm/1/c-801-test/up/events", b"mine") == ""
            ingest.until(lambda: ingest.arrived, "the message, on a connection that is still its own")


def test_nobody_enters_without_a_certificate(site):
    assert plain_tls_is_refused(site)


def test_a_certificate_of_another_ca_is_refused(site, tmp_path):
    from lockmate import pki

    other = pki.authority("00" * 8, "other").client("cloud-ingest")
    pki.write_private(site.files / "forged.key", other.key_pem)
    pki.write_public(site.files / "forged.pem", other.pem)
    with pytest.raises(BrokerError), Raw(site, "forged"):
        pass


def test_the_brokers_own_name_is_checked(site):
    made = Raw(site, "cloud-ingest")
    made.connection._broker = site.place("cloud-ingest", "another.name")
    with pytest.raises(BrokerError, match=r"another\.name"), made:
        pass


def test_a_retired_companion_is_refused_after_the_list_is_read_again(site):
    door = site.door(801)
    with Raw(site, door.id):
        pass
    companions.retire(door.row, by=Actor.system(site.property))
    site.configure()
    site.broker.signal(signal.SIGHUP)

    def refused():
        try:
            with Raw(site, door.id):
                return False
        except BrokerError:
            return True

    wait(refused, "the broker to refuse a retired companion")


def test_what_is_too_large_is_not_passed_on(site):
    door = site.door(801).comes()
    with Raw(site, "cloud-ingest") as ingest:
        ingest.connection.subscribe("lm/1/+/up/#")
        door.says("events", bytes(20_000))
        door.says("events", b"small")
        ingest.until(lambda: ingest.arrived, "the small one")
        assert [arrival.payload for arrival in ingest.arrived] == [b"small"]


def test_sessions_and_policies_survive_a_restart_of_the_broker(site):
    site.door(801)
    with Raw(site, "cloud-delivery") as cloud:
        cloud.says("lm/1/c-801-test/down/policy", b"kept", retained=True)
    site.broker.stop()
    site.start()
    with Raw(site, "c-801-test") as door:
        door.connection.subscribe("lm/1/c-801-test/down/#")
        door.until(lambda: door.arrived, "the retained policy")
        assert door.arrived[0].payload == b"kept"


def test_certificates_are_kept_while_they_are_good_and_made_anew_for_another_name(site):
    before = {file.name: file.read_bytes() for file in site.files.glob("*.pem")}
    site.configure()
    after = {file.name: file.read_bytes() for file in site.files.glob("*.pem")}
    assert {name for name in before if before[name] != after[name]} <= {"crl.pem"}
    certificates.write(site.files, site.property, [NAME, "other.name"])
    assert (site.files / "server.pem").read_bytes() != before["server.pem"]
    assert (site.files / "cloud-ingest.pem").read_bytes() == before["cloud-ingest.pem"]


def test_private_keys_are_for_their_owner_only(site):
    keys = list(site.files.glob("*.key"))
    assert len(keys) == 3
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_one_listener_on_loopback(site):
    assert [line for line in site.written.conf.read_text().splitlines() if line.startswith("listener")] == [
        f"listener {site.port} 127.0.0.1"
    ]


def test_a_path_that_no_line_can_hold_is_refused(site, tmp_path):
    files = certificates.write(site.files, site.property, [NAME])
    with pytest.raises(ValueError, match="acl"):
        configuration.write(tmp_path / "two\nlines", files)


def test_a_folder_with_a_blank_in_its_name_works(site, tmp_path):
    files = certificates.write(tmp_path / "two words", site.property, [NAME])
    written = configuration.write(tmp_path / "two words", files, port=site.port)
    site.broker.stop()
    with Process("broker", written.argv, log=tmp_path / "other.log") as other:
        other.wait_for_port(site.port)
