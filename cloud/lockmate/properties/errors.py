"""What may be wrong with a property, a zone or a door."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class BadProperty(BadField):
    """A name, time zone or time of day that is none."""

    code = "bad_property"


class BadDoor(BadField):
    """A number, name, class or zone that a door may not have."""

    code = "bad_door"


class DoorExists(Refused):
    """The number or name is another door's."""

    code = "door_exists"
