"""A companion's own key: made where it will be used, told to the CA by a certificate request and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """key_der: SEC 1, for the board's flash and nothing else; request: PKCS 10 (DER), for the property's CA."""

    key_der: bytes = field(repr=False)
    request: bytes


def device_key(companion_id: str) -> DeviceKey:
    """A new P-256 key, and the request for its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, companion_id)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    der = serialization.Encoding.DER
    return DeviceKey(
        key.private_bytes(der, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()),
        request.public_bytes(der),
    )
