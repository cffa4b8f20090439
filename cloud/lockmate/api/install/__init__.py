"""What `lockmate-installer` asks of the cloud: JSON, behind a session that a one-time code from the desk begins.

Secrets go one way: a provisioning holds the companion's link key and the Wi-Fi's passwords, never its private key,
which is made on the laptop and told only as a certificate request.
"""

from __future__ import annotations

from flask import Blueprint

install = Blueprint("install", __name__)

from lockmate.api.install import accepting, boarding, entering  # noqa: E402 - they hang on `install`

__all__ = ["accepting", "boarding", "entering", "install"]
