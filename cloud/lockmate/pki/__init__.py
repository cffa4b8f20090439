"""Certificates: a CA per property, for its broker, its companions and the cloud's own workers."""

from __future__ import annotations

from lockmate.pki.authority import Authority, Issued, authority
from lockmate.pki.files import write_private, write_public

__all__ = ["Authority", "Issued", "authority", "write_private", "write_public"]
