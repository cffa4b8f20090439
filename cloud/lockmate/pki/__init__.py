"""Certificates: a CA per property, for its broker, its companions and the cloud's own workers."""

from __future__ import annotations

from lockmate.pki.authority import Authority, BadRequest, Issued, authority
from lockmate.pki.device import DeviceKey, device_key
from lockmate.pki.files import write_private, write_public

__all__ = [
    "Authority",
    "BadRequest",
    "DeviceKey",
    "Issued",
    "authority",
    "device_key",
    "write_private",
    "write_public",
]
