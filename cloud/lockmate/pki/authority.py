"""The CA of a property: P-256, its key in the data folder with mode 0600.

Every certificate is valid from the CA's first day on: a door that lost the time proposes that day to TLS
(protocol section 5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lockmate import clock, settings
from lockmate.errors import Refused
from lockmate.pki.files import write_private, write_public

_CA_DAYS = 20 * 365
_SERVER_DAYS = 2 * 365
_CLIENT_DAYS = 10 * 365
_CRL_DAYS = 3_650  # the broker reads the file again at each retirement, not at a date
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class BadRequest(Refused):
    """Not a certificate request of a P-256 key that signed it."""

    code = "bad_request_of_key"
    status = 400


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def serial(self) -> str:
        """In hex."""
        return f"{self.certificate.serial_number:x}"

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """PKCS 8."""
        return _private(self.key, serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)

    @property
    def key_der(self) -> bytes:
        """SEC 1, the shortest that a board's TLS reads."""
        return _private(self.key, serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL)


class Authority:
    """Issues certificates; see `authority`."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The CA's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def server(self, common_name: str, names: Sequence[str] = (), *, days: int = _SERVER_DAYS) -> Issued:
        """For a broker: `common_name` and `names` (host names or addresses) are the names it may be called by."""
        wanted = dict.fromkeys([common_name, *names])
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in wanted])
        return self._issue(common_name, _SERVER, days, alternatives)

    def client(self, common_name: str) -> Issued:
        """For a companion or a worker: the broker takes the common name for its user name."""
        return self._issue(common_name, _CLIENT, _CLIENT_DAYS)

    def sign_request(self, request_der: bytes, common_name: str) -> x509.Certificate:
        """A companion's certificate for the key that made this request (PKCS 10, DER); that key stays where it is.

        The name is ours to give: what the request calls itself does not count. Raises BadRequest.
        """
        try:
            request = x509.load_der_x509_csr(request_der)
            key = request.public_key()
            if not request.is_signature_valid:
                raise BadRequest
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadRequest from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadRequest
        return self._certificate(common_name, key, _CLIENT, _CLIENT_DAYS)

    def certify(self, point: bytes, common_name: str, *, days: int = _CLIENT_DAYS) -> x509.Certificate:
        """A companion's certificate for the public point x(32) || y(32) of a key that it keeps. Raises BadRequest."""
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
        except ValueError:
            raise BadRequest from None
        return self._certificate(common_name, key, _CLIENT, days)

    @property
    def ends_ms(self) -> int:
        """The CA's own last moment, ms."""
        return int(self.certificate.not_valid_after_utc.timestamp()) * 1000

    def sign(self, document: bytes) -> bytes:
        """An ECDSA signature (P-256, SHA-256, DER) over a document that says itself what it is."""
        return self._key.sign(document, ec.ECDSA(hashes.SHA256()))

    def crl(self, revoked: Iterable[tuple[str, int]]) -> bytes:
        """The revocation list (PEM) for these (serial in hex, ms)."""
        now = _now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(self.certificate.not_valid_before_utc)
            .next_update(now + timedelta(days=_CRL_DAYS))
            .add_extension(x509.CRLNumber(clock.now_ms()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for serial, at in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(int(serial, 16))
                .revocation_date(datetime.fromtimestamp(at // 1000, UTC))
                .build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self, common_name: str, use: x509.ObjectIdentifier, days: int, alternatives: x509.ExtensionType | None = None
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        return Issued(self._certificate(common_name, key.public_key(), use, days, alternatives), key)

    def _certificate(
        self,
        common_name: str,
        key: ec.EllipticCurvePublicKey,
        use: x509.ObjectIdentifier,
        days: int,
        alternatives: x509.ExtensionType | None = None,
    ) -> x509.Certificate:
        ca = self.certificate
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(ca.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(ca.not_valid_before_utc)
            .not_valid_after(min(_now() + timedelta(days=days), ca.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def authority(property_id: str, name: str = "") -> Authority:
    """The CA of a property; made at the first call with its `name`, which `doors.commission` does.

    Never in passing: a new one in the place of one that was lost would be unknown to every door in service.
    """
    folder = settings.current().pki_folder(property_id)
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if not certificate.exists():
        if not name:
            raise settings.SettingsError("ca_missing", f"{certificate} does not exist. Restore it from its backup.")
        made = _make(name)
        write_private(key, made.key_pem)
        write_public(certificate, made.pem)
    return _load(certificate, key)


def _load(certificate: Path, key: Path) -> Authority:
    pem = settings.read_secret(key, "ca_key", least=100)
    private = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise settings.SettingsError("ca_key_bad", f"{key} is not the key of a property's CA. Restore it.")
    return Authority(x509.load_pem_x509_certificate(certificate.read_bytes()), private)


def _make(name: str) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    first = _now().replace(hour=0, minute=0, second=0, microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(first + timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issued(certificate, key)


def _usage(*, signs: bool) -> x509.KeyUsage:
    """A CA signs certificates and revocation lists; the others sign handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(
    key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding, form: serialization.PrivateFormat
) -> bytes:
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now_s(), UTC)
