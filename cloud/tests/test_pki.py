"""Certificates: P-256, from the CA's first day on, private keys for their owner only."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lockmate import pki
from lockmate.settings import SettingsError


@pytest.fixture
def ca(hotel):
    return pki.authority(hotel.property.property_id)


def test_a_property_keeps_its_ca(hotel, ca):
    assert pki.authority(hotel.property.property_id).pem == ca.pem
    assert ca.certificate.subject.rfc4514_string() == "CN=Lakeside"


def test_a_ca_that_was_lost_is_not_made_anew_in_passing(hotel, house):
    folder = house.pki_folder(hotel.property.property_id)
    (folder / "ca.pem").rename(folder / "lost.pem")
    with pytest.raises(SettingsError) as error:
        hotel.companion("801")
    assert error.value.code == "ca_missing"
    assert not (folder / "ca.pem").exists()


def test_a_property_has_a_ca_of_its_own(ca, another_hotel):
    other = pki.authority(another_hotel.property.property_id)
    with pytest.raises(Exception):  # noqa: B017 - the library's choice: any failure will do
        ca.client("c-801-test").certificate.verify_directly_issued_by(other.certificate)


def test_private_keys_are_for_their_owner_only(hotel, house, ca, tmp_path):
    assert (house.pki_folder(hotel.property.property_id) / "ca.key").stat().st_mode & 0o777 == 0o600
    pki.write_private(tmp_path / "deep/new.key", b"first")
    pki.write_private(tmp_path / "deep/new.key", ca.client("x").key_pem)
    assert (tmp_path / "deep/new.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["new.key"]


def test_a_ca_key_that_others_can_read_is_not_used(hotel, house):
    (house.pki_folder(hotel.property.property_id) / "ca.key").chmod(0o644)
    with pytest.raises(SettingsError) as error:
        pki.authority(hotel.property.property_id)
    assert error.value.code == "ca_key_open"


@pytest.mark.parametrize(("kind", "years"), [("server", 2), ("client", 10)])
def test_certificates_hold_from_the_cas_first_day(ca, time, kind, years):
    time.passes(days=100)
    certificate = getattr(ca, kind)("some-name").certificate
    assert certificate.not_valid_before_utc == ca.certificate.not_valid_before_utc
    ends = datetime.fromtimestamp(time.now_s, UTC)
    assert (certificate.not_valid_after_utc - ends).days == years * 365
    assert isinstance(certificate.public_key().curve, ec.SECP256R1)


def test_nothing_outlives_its_ca(ca, time):
    time.passes(days=19 * 365)
    assert ca.client("late-companion").certificate.not_valid_after_utc == ca.certificate.not_valid_after_utc


def test_a_server_is_known_by_its_names_and_addresses(ca):
    issued = ca.server("broker.hotel.test", ["127.0.0.1", "localhost"])
    names = issued.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.hotel.test", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_der_and_pem_are_the_same_key(ca):
    issued = ca.client("c-801-test")
    key = serialization.load_der_private_key(issued.key_der, password=None)
    assert key.private_numbers() == serialization.load_pem_private_key(issued.key_pem, password=None).private_numbers()
    assert x509.load_der_x509_certificate(issued.der) == x509.load_pem_x509_certificate(issued.pem)


def context(side, ca, issued, folder, name):
    pki.write_public(folder / f"{name}.pem", issued.pem)
    pki.write_private(folder / f"{name}.key", issued.key_pem)
    made = ssl.SSLContext(side)
    made.load_verify_locations(cadata=ca.pem.decode())
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    return made


def test_openssl_takes_them_strictly_on_both_ends(house, tmp_path):
    """Without the test clock: OpenSSL looks at the machine's own time."""
    ca = pki.authority("0" * 16, "Real time")
    server = context(ssl.PROTOCOL_TLS_SERVER, ca, ca.server("broker.hotel.test"), tmp_path, "server")
    client = context(ssl.PROTOCOL_TLS_CLIENT, ca, ca.client("c-801-test"), tmp_path, "client")
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with server.wrap_socket(listener.accept()[0], server_side=True) as connection:
                seen.append(connection.getpeercert()["subject"])
                connection.sendall(b"hello")

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            socket.create_connection(listener.getsockname()) as plain,
            client.wrap_socket(plain, server_hostname="broker.hotel.test") as connection,
        ):
            assert connection.recv(5) == b"hello"
        thread.join()
    assert seen == [((("commonName", "c-801-test"),),)]


def test_the_revocation_list_names_serials(ca, time):
    crl = x509.load_pem_x509_crl(ca.crl([("ff", time.now_ms), ("10", time.now_ms)]))
    assert sorted(entry.serial_number for entry in crl) == [16, 255]
    assert crl.next_update_utc > datetime.fromtimestamp(time.now_s, UTC)
