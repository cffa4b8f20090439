"""A companion's certificate: its serial, its fingerprint, its end, and its place on the revocation list."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from lockmate import clock, outbox
from lockmate.doors.models import Revocation

if TYPE_CHECKING:
    from cryptography import x509

    from lockmate.properties.models import Property

REVOKING = "crl"  # the outbox's channel: the broker is to read the property's revocation list anew


def serial_of(certificate: x509.Certificate) -> str:
    """In hex, as the revocation list is kept."""
    return f"{certificate.serial_number:x}"


def der_of(certificate: x509.Certificate) -> bytes:
    """As it lies on a board's flash."""
    return certificate.public_bytes(serialization.Encoding.DER)


def fingerprint_of(certificate: x509.Certificate) -> str:
    """As a state tells it: the first 8 bytes of SHA-256 of the DER, hex."""
    return hashlib.sha256(der_of(certificate)).hexdigest()[:16]


def ends_of(certificate: x509.Certificate) -> int:
    """Its last moment, ms."""
    return int(certificate.not_valid_after_utc.timestamp()) * 1000


def revoke(property: Property, serial: str) -> None:
    """Put a serial on the property's list, which the broker is then made to read; inside the caller's transaction."""
    if serial:
        Revocation.insert(property=property, serial=serial, at=clock.now_ms()).on_conflict_ignore().execute()
        hotel = property.property_id
        outbox.put(REVOKING, hotel, b"", property_id=property.id, order_key=f"crl {hotel}")
