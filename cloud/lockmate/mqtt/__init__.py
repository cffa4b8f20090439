"""MQTT 5 for the workers: one connection at a time, driven by the worker's own thread."""

from __future__ import annotations

from lockmate.mqtt.connection import Arrival, Broker, BrokerError, Connection, ConnectionLostError
from lockmate.mqtt.stop import Backoff, Stop
from lockmate.mqtt.watchdog import Watchdog

__all__ = ["Arrival", "Backoff", "Broker", "BrokerError", "Connection", "ConnectionLostError", "Stop", "Watchdog"]
