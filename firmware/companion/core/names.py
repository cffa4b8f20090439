"""Words of the protocol that the cloud shares: kinds, verdicts, events, roads, topics.

Kinds and verdicts are small integers inside the firmware; on the wire and in the journal
they are the words at that index. A test of the cloud holds both halves equal.
"""

KINDS = ("guest", "staff", "remote", "reset", "emergency")
TRUST_KINDS = KINDS + ("policy", "update")
GUEST = 0
STAFF = 1
REMOTE = 2
RESET_KIND = 3
EMERGENCY = 4
POLICY = 5
UPDATE = 6

# the longest life of a token, seconds from iat to exp, by kind (protocol section 3)
LIVES = (86_400, 43_200, 30, 86_400, 604_800)

ROADS = ("qr", "mqtt")
ROAD_QR = 0
ROAD_MQTT = 1

# in the order of protocol section 4; up to FORGED nothing of the token is proved
VERDICTS = (
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
MALFORMED = 0
UNSUPPORTED = 1
UNKNOWN_ISSUER = 2
WRONG_DOOR = 3
EXPIRED = 4
NOT_YET_VALID = 5
CLOCK_LOST = 6
LOCKED_OUT = 7
FORGED = 8
REVOKED = 9
SUPERSEDED = 10
ALREADY_USED = 11
LOCKDOWN = 12
PRIVACY = 13
OPEN = 14
RESET = 15

MODES = ("normal", "passage", "lockdown", "evacuate")

EVENT_KINDS = (
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

TOPIC_EVENTS = "lm/1/%s/up/events"
TOPIC_STATE = "lm/1/%s/up/state"
TOPIC_POLICY = "lm/1/%s/down/policy"
TOPIC_OPEN = "lm/1/%s/down/open"
TOPIC_RENEW = "lm/1/%s/down/renew"
TOPIC_ACK = "lm/1/%s/down/ack"
TOPIC_UPDATE = "lm/1/%s/down/update"

POLICY_BYTES_MAX = 4_096
MANIFEST_BYTES_MAX = 1_024
DENY_MAX = 128
SCHEDULE_MAX = 16
TRUST_MAX = 8


def name_of(verdict: int) -> str:
    """The word for a verdict, as the journal and the cloud know it."""
    return VERDICTS[verdict]
