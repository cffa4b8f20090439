"""Messages that come to a door again: sent by whoever has the broker, with the delivery worker's own certificate."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lockmate.delivery.broker import DELIVERY
from lockmate.mqtt import Broker, Connection
from tools.processes import LOOPBACK
from tools.smoke.report import must

if TYPE_CHECKING:
    from tools.hotel.house import House
    from tools.processes import Process

_SECONDS = 10


def publish(house: House, worker: Process, *messages: tuple[str, bytes]) -> None:
    """Send (topic, payload), in order, and wait until the broker has taken each.

    A certificate is one client of the broker, so the worker that holds it rests meanwhile.
    """
    files = house.data / "broker"
    place = Broker(LOOPBACK, house.broker_port, "localhost", files / "ca.pem", files / f"{DELIVERY}.pem",
                   files / f"{DELIVERY}.key")
    refused: list[str] = []
    taken: set[int] = set()

    def answered(mid: int, error: str) -> None:
        taken.add(mid)
        if error:
            refused.append(error)

    worker.stop()
    connection = Connection(place, DELIVERY, on_answer=answered)
    connection.open()
    try:
        sent = {connection.publish(topic, payload) for topic, payload in messages}
        end = time.monotonic() + _SECONDS
        while sent - taken and time.monotonic() < end:
            connection.turn(0.05)
        must(not sent - taken and not refused, f"the broker did not take {len(sent - taken)} messages: {refused}")
    finally:
        connection.close()
        worker.start()
