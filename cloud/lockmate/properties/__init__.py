"""Hotels, their zones and their doors."""

from __future__ import annotations

from lockmate.properties.errors import BadDoor, BadProperty, DoorExists
from lockmate.properties.models import Door, Property, Zone
from lockmate.properties.verbs import add_door, add_zone, create, door_named, door_of, rooms_of, set_sheaf, the

__all__ = [
    "BadDoor",
    "BadProperty",
    "Door",
    "DoorExists",
    "Property",
    "Zone",
    "add_door",
    "add_zone",
    "create",
    "door_named",
    "door_of",
    "rooms_of",
    "set_sheaf",
    "the",
]
