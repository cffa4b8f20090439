"""Mosquitto's configuration: one listener with certificates on both sides, and who may say what.

The broker is not trusted with the truth (protocol section 6); what it enforces keeps doors out of each other's way.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INGEST = "cloud-ingest"
DELIVERY = "cloud-delivery"

MESSAGE_BYTES = 16_384  # the broker takes none larger: a policy is at most 4,161; events come in small batches
_QUEUED_MESSAGES = 1_000_000  # the default of 1,000 drops silently past it
_IN_FLIGHT = 8_000  # what an ingest worker may hold in its hands: two batches

_CONF = """\
# Written by `lockmate broker config`; written anew each time, so change the command's options instead.
per_listener_settings false
listener {port} {host}
socket_domain {domain}
cafile {ca}
certfile {cert}
keyfile {key}
crlfile {crl}
tls_version tlsv1.2

# A client is its certificate: the CN is its name and its client id, or one door could take over another's session.
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {acl}

# Sessions, queued and retained messages survive a restart. A kill -9 loses what came since the last save:
# the doors keep their events until the cloud itself says "stored".
persistence true
persistence_location {store}/
autosave_interval 30
autosave_on_changes false

max_inflight_messages {in_flight}
max_queued_messages {queued}
max_queued_bytes 0
message_size_limit {message_bytes}
set_tcp_nodelay true
sys_interval 0

log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
log_type error
log_type warning
log_type notice
connection_messages true

# Started as root, Mosquitto becomes this user; it must be able to read the private key above.
user {user}
"""

_ACL = """\
# Written by `lockmate broker config`.
# What a companion may do: write under its own up/, read its own down/. %u is the CN of its certificate.
pattern write lm/1/%u/up/events
pattern write lm/1/%u/up/state
pattern read lm/1/%u/down/+

{ingest}
user {delivery}
topic write lm/1/+/down/policy
topic write lm/1/+/down/open
topic write lm/1/+/down/update
topic write lm/1/+/down/renew
"""

_INGEST_ACL = """\
user {user}
topic read lm/1/+/up/#
topic write lm/1/+/down/ack
topic readwrite lm/1/{user}/last
"""


def ingest_user(number: int) -> str:
    """The name of the ingest worker with this number (from 1): its certificate's, its client id, its session's."""
    return INGEST if number == 1 else f"{INGEST}-{number}"


@dataclass(frozen=True)
class Certificates:
    """PEM files of the broker: whom it trusts, what it shows, who is revoked."""

    ca: Path
    cert: Path
    key: Path
    crl: Path


@dataclass(frozen=True)
class Written:
    """What was written, and how to start the broker with it."""

    conf: Path
    acl: Path

    @property
    def argv(self) -> list[str]:
        """The words that start Mosquitto in the foreground."""
        return ["mosquitto", "-c", str(self.conf)]


def write(folder: Path, certificates: Certificates, *, host: str = "127.0.0.1", port: int = 8883,
          user: str | None = None, ingest_workers: int = 1) -> Written:
    """Write mosquitto.conf and the access list into `folder`; raises ValueError for a path or name no line can hold."""
    folder = folder.resolve()
    store = folder / "store"
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = {
        "host": host, "domain": "ipv6" if ":" in host else "ipv4", "user": user or getpass.getuser(),
        "ca": certificates.ca.resolve(), "cert": certificates.cert.resolve(), "key": certificates.key.resolve(),
        "crl": certificates.crl.resolve(), "acl": folder / "acl", "store": store,
    }
    for name, word in words.items():
        if not str(word).isprintable():
            raise ValueError(f"{name} holds a character that the broker's configuration can't: {word!r}")
    workers = "\n".join(_INGEST_ACL.format(user=ingest_user(n)) for n in range(1, ingest_workers + 1))
    written = Written(folder / "mosquitto.conf", folder / "acl")
    _replace(written.acl, _ACL.format(ingest=workers, delivery=DELIVERY))
    _replace(written.conf, _CONF.format(port=port, in_flight=_IN_FLIGHT, queued=_QUEUED_MESSAGES,
                                        message_bytes=MESSAGE_BYTES, **words))
    return written


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: a broker that reloads never reads half a list."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o600)
    os.replace(draft, path)  # noqa: PTH105  the same call, and it says what it does
