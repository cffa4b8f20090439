"""What is still to be told to companions: "stored up to n", the newest word for each (protocol section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockmate import clock
from lockmate.doors import link
from lockmate.protocol import TOPIC_ACK

if TYPE_CHECKING:
    from lockmate.doors.link import Speaker
    from lockmate.mqtt import Connection

_EXPIRES_S = 3_600  # for a door that is away; it asks again by sending its lines again


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything of `log` up to `seq` is committed; `tag` is that of line `seq`."""

    companion: Speaker
    log: str
    seq: int
    tag: str
    door: int
    policy_version: int

    def payload(self, topic: str) -> bytes:
        """Sealed, with the time of now: it is the answer's time that a door may take for its clock."""
        return link.seal(self.companion, topic, {
            "log": self.log, "seq": self.seq, "tag": self.tag, "at": clock.now_s(),
            "door": self.door, "policy_version": self.policy_version,
        })


class Acks:
    """At most one waits for each companion, so that a crowd can't fill the memory. Lost ones are asked for again."""

    def __init__(self, under_way_max: int = 64) -> None:
        self._waiting: dict[str, Ack] = {}
        self._under_way_max = under_way_max

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, ack: Ack) -> None:
        """A newer one takes the place of the one that waits."""
        self._waiting[ack.companion.companion_id] = ack

    def publish(self, connection: Connection) -> int:
        """Send as many as may be under way; how many went. Raises ConnectionLostError, and keeps what did not go."""
        gone = 0
        while self._waiting and connection.room and connection.under_way < self._under_way_max:
            companion_id, ack = next(iter(self._waiting.items()))
            topic = TOPIC_ACK % companion_id
            connection.publish(topic, ack.payload(topic), expires_s=_EXPIRES_S)
            del self._waiting[companion_id]
            gone += 1
        return gone
