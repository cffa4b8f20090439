"""Words and limits of the protocol that the firmware shares; a test holds both halves equal (docs/protocol.md)."""

from __future__ import annotations

import re
from typing import Final

KINDS: Final = ("guest", "staff", "remote", "reset", "emergency")
TRUST_KINDS: Final = (*KINDS, "policy", "update")
GUEST, STAFF, REMOTE, RESET_KIND, EMERGENCY, POLICY, UPDATE = range(7)

# the longest life of a token, seconds from iat to exp, by kind (section 3)
LIVES: Final = (86_400, 43_200, 30, 86_400, 604_800)

ROADS: Final = ("qr", "mqtt")

# in the order of section 4; up to "forged" nothing of the token is proved
VERDICTS: Final = (
    "malformed",
    "unsupported",
    "unknown_issuer",
    "wrong_door",
    "expired",
    "not_yet_valid",
    "clock_lost",
    "locked_out",
    "forged",
    "revoked",
    "superseded",
    "already_used",
    "lockdown",
    "privacy",
    "open",
    "reset",
)
UNPROVED: Final = VERDICTS[: VERDICTS.index("forged") + 1]

MODES: Final = ("normal", "passage", "lockdown", "evacuate")
DOOR_CLASSES: Final = ("room", "common")
CLOCK_LOST: Final = ("guests", "staff")

EVENT_KINDS: Final = (
    "opened",
    "refused",
    "card_open",
    "inside_open",
    "mechanical_open",
    "unknown_open",
    "ajar",
    "closed",
    "forced",
    "tamper",
    "privacy_on",
    "privacy_off",
    "policy",
    "update",
    "clock",
    "power",
    "battery_low",
    "boot",
    "fault",
    "log_lost",
)

TOPIC_EVENTS: Final = "lm/1/%s/up/events"
TOPIC_STATE: Final = "lm/1/%s/up/state"
TOPIC_POLICY: Final = "lm/1/%s/down/policy"
TOPIC_OPEN: Final = "lm/1/%s/down/open"
TOPIC_RENEW: Final = "lm/1/%s/down/renew"
TOPIC_ACK: Final = "lm/1/%s/down/ack"
TOPIC_UPDATE: Final = "lm/1/%s/down/update"

POLICY_BYTES_MAX: Final = 4_096
MANIFEST_BYTES_MAX: Final = 1_024
DENY_MAX: Final = 128
SCHEDULE_MAX: Final = 16
TRUST_MAX: Final = 8
LINK_SALT_BYTES: Final = 16

# what travels (sections 2 and 3)
RECORD_BYTES: Final = 34
WIRE_BYTES: Final = 98
TEXT_LENGTH: Final = 151
TEXT_PREFIX: Final = "HK1:"
EARLIEST: Final = 65_536  # of nbf and iat, seconds
U32_MAX: Final = 0xFFFFFFFF
SLOT_MAX: Final = 15
ZONE_MAX: Final = 31
DAY: Final = 86_400

# the settings a policy may carry: least and most
POLICY_SETTINGS: Final = {"bolt_ms": (50, 10_000), "ajar_s": (5, 3_600), "drift_ppm": (1, 1_000)}

COMPANION_ID: Final = re.compile(r"[a-z0-9-]{8,32}")
GENERATION_JUMP_MAX: Final = 1_000  # a reported generation further ahead alarms (section 7)
