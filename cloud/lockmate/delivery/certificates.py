"""The broker's certificates and those of the cloud's own workers, from the property's CA."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from lockmate import clock, pki
from lockmate.delivery.broker import DELIVERY, Certificates, ingest_user
from lockmate.doors import companions

if TYPE_CHECKING:
    from pathlib import Path

    from lockmate.pki import Authority, Issued
    from lockmate.properties import Property

_RENEW = timedelta(days=60)
_SERVER = "server"


def write(folder: Path, property: Property, names: list[str], *, ingest_workers: int = 1) -> Certificates:
    """Write what is missing, foreign or soon over; the revocation list always. `names`: what the broker is called."""
    ca = pki.authority(property.property_id)
    pki.write_public(folder / "ca.pem", ca.pem)
    pki.write_public(folder / "crl.pem", companions.crl(property))
    if not _good(folder, _SERVER, ca, names):
        _write(folder, _SERVER, ca.server(names[0], names[1:]))
    for user in (*map(ingest_user, range(1, ingest_workers + 1)), DELIVERY):
        if not _good(folder, user, ca):
            _write(folder, user, ca.client(user))
    return Certificates(folder / "ca.pem", folder / f"{_SERVER}.pem", folder / f"{_SERVER}.key", folder / "crl.pem")


def _write(folder: Path, name: str, issued: Issued) -> None:
    pki.write_private(folder / f"{name}.key", issued.key_pem)
    pki.write_public(folder / f"{name}.pem", issued.pem)


def _good(folder: Path, name: str, ca: Authority, names: list[str] | None = None) -> bool:
    """Whether the pair is there, of this CA, not soon over, and (a server's) of these names."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if not certificate.exists() or not key.exists():
        return False
    try:
        held = x509.load_pem_x509_certificate(certificate.read_bytes())
        held.verify_directly_issued_by(ca.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    if held.not_valid_after_utc - datetime.fromtimestamp(clock.now_s(), UTC) < _RENEW:
        return False
    return names is None or _names_of(held) == set(names)


def _names_of(certificate: x509.Certificate) -> set[str]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    return {str(name.value) for name in alternatives}
