"""The gate: every way to open a door is one token through here (protocol section 4).

Pure: what the door believes, the clock's interval and the monotonic time come in, a verdict
and what it teaches go out. Lay `decide` beside the protocol's table: one return a line.
"""

from companion.core import token as tokens
from companion.core.names import (
    ALREADY_USED,
    CLOCK_LOST,
    EMERGENCY,
    EXPIRED,
    FORGED,
    GUEST,
    LOCKDOWN,
    LOCKED_OUT,
    MALFORMED,
    NOT_YET_VALID,
    OPEN,
    PRIVACY,
    REMOTE,
    RESET,
    RESET_KIND,
    REVOKED,
    STAFF,
    SUPERSEDED,
    UNKNOWN_ISSUER,
    UNSUPPORTED,
    WRONG_DOOR,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from companion.core.shapes import GateBeliefs

_REMOTE_UNSURE_MAX = 60  # seconds of hi - lo within which a remote open is believed


class Learns:
    """What an accepted token teaches the door; on flash before the bolt moves."""

    def __init__(self, floor: int, generation: int | None, used: bytes | None, used_until: int) -> None:
        self.floor = floor  # seconds; the true time is not earlier
        self.generation = generation  # the room's new generation, None if it stands
        self.used = used  # a once key's id, None for others
        self.used_until = used_until  # seconds; the used key is kept until lo is past this


def judge(
    text: str | bytes, road: int, beliefs: "GateBeliefs", clock: tuple[int, int | None], now_ms: int
) -> tuple[int, tokens.Token | None, Learns | None]:
    """The verdict on a scanned text: (verdict, Token or None, Learns or None); see `decide`."""
    try:
        token = tokens.read(text)
    except tokens.Unsupported:
        return UNSUPPORTED, None, None
    except tokens.Malformed:
        return MALFORMED, None, None
    verdict, learns = decide(token, road, beliefs, clock, now_ms)
    return verdict, token, learns


def decide(
    token: tokens.Token, road: int, beliefs: "GateBeliefs", clock: tuple[int, int | None], now_ms: int
) -> tuple[int, Learns | None]:
    """The verdict on one token at this door: (verdict, Learns or None).

    token: Token; road: ROAD_QR or ROAD_MQTT; beliefs: see store/beliefs.py; clock: (lo, hi) in
    seconds, hi None if the time was lost; now_ms: monotonic. Learns only with OPEN and RESET.
    """
    lo, hi = clock
    if not token.fits(road):
        return MALFORMED, None
    verifier = beliefs.verifier(token.slot, token.kind)
    if verifier is None:
        return UNKNOWN_ISSUER, None
    if not _for_this_door(token, beliefs):
        return WRONG_DOOR, None
    if token.exp < lo:
        return EXPIRED, None
    if hi is not None and token.nbf > hi:
        return NOT_YET_VALID, None
    if _clock_too_unsure(token, beliefs, lo, hi):
        return CLOCK_LOST, None
    if beliefs.locked_out(road, now_ms):
        return LOCKED_OUT, None
    if not verifier.verify(token.signed(beliefs.property_id), token.signature):
        return FORGED, None
    if beliefs.denied(token.key_id) or (token.kind == GUEST and token.iat < beliefs.min_iat):
        return REVOKED, None
    if _superseded(token, beliefs):
        return SUPERSEDED, None
    if token.once and (beliefs.was_used(token.key_id) or beliefs.used_full()):
        return ALREADY_USED, None
    if token.kind not in (STAFF, EMERGENCY) and beliefs.mode(lo, hi) == "lockdown":
        return LOCKDOWN, None
    if beliefs.privacy and not token.over_privacy:
        return PRIVACY, None
    return RESET if token.kind == RESET_KIND else OPEN, _lesson(token, beliefs, hi)


def _for_this_door(token: tokens.Token, beliefs: "GateBeliefs") -> bool:
    if token.door and token.door == beliefs.door:
        return True
    if beliefs.is_room and token.kind not in (STAFF, EMERGENCY):
        return False
    return bool(token.zones & beliefs.zones)


def _clock_too_unsure(token: tokens.Token, beliefs: "GateBeliefs", lo: int, hi: int | None) -> bool:
    if token.kind == GUEST:
        return hi is None and not beliefs.guests_when_lost
    if token.kind == REMOTE:  # never after its time, whoever kept it back: by the latest that it may be now
        return hi is None or hi - lo > _REMOTE_UNSURE_MAX or token.exp < hi
    return False


def _superseded(token: tokens.Token, beliefs: "GateBeliefs") -> bool:
    if token.kind == STAFF:
        return token.generation < beliefs.staff_epoch
    if token.kind == EMERGENCY:
        return token.generation < beliefs.emergency_epoch
    if token.kind == REMOTE:
        return False
    return beliefs.is_room and token.generation < beliefs.generation


def _lesson(token: tokens.Token, beliefs: "GateBeliefs", hi: int | None) -> Learns:
    """A guest's or reset token for this room raises its generation; every token tells the time."""
    floor = token.iat if hi is None else min(token.iat, hi)
    generation = None
    if token.kind in (GUEST, RESET_KIND) and beliefs.is_room and token.generation > beliefs.generation:
        generation = token.generation  # at a room such a token can only have matched by its door
    return Learns(floor, generation, token.key_id if token.once else None, token.exp)
