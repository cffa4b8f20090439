"""What may go wrong with doors, their policies and their companions."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class RoomOccupied(Refused):
    """Somebody else still has a right to this room."""

    code = "room_occupied"


class NotARoom(BadField):
    """A common door is given to nobody."""

    code = "not_a_room"


class GenerationJump(Refused):
    """The door reports a generation far ahead of the ledger; a person must look (protocol section 7)."""

    code = "generation_jump"


class BadRules(BadField):
    """A mode, epoch or setting that a policy may not carry."""

    code = "bad_rules"


class PolicyTooLong(Refused):
    """The policy would be longer than a door reads."""

    code = "policy_too_long"
    status = 500


class DenyListFull(Refused):
    """More staff and emergency keys are denied at one door than a policy holds: raise their epoch."""

    code = "deny_list_full"


class DoorOffline(Refused):
    """No companion of the door is online: the guest's QR code still opens."""

    code = "door_offline"


class BadNetworks(Refused):
    """No list of networks that a door can keep."""

    code = "bad_networks"
    status = 400


class OpenUnderWay(Refused):
    """The door was asked to open already and has not answered; `seconds` until it can be asked anew."""

    code = "open_under_way"


class TooManyOpens(Refused):
    """One person asked doors to open too often; `seconds` until it is allowed again."""

    code = "too_many_opens"
    status = 429


class NoReason(BadField):
    """The staff open a door from afar for a reason, which the audit trail keeps."""

    code = "no_reason"


class NotStaffKey(BadField):
    """A guest's key ends with the stay, not here."""

    code = "not_staff_key"


class BadCompanion(BadField):
    """Not a companion's id: 8 to 32 of a-z, 0-9 and -, not beginning with cloud-."""

    code = "bad_companion"


class CompanionExists(Refused):
    """A companion with this id is in service."""

    code = "companion_exists"


class BadMac(Refused):
    """A message that does not carry the right mac; nothing of it is believed."""

    code = "bad_mac"
    status = 400


class BadState(Refused):
    """A state report with a field missing or wrong."""

    code = "bad_state"
    status = 400


class LinksChanging(Refused):
    """Doors are asked to take new link keys, which follow from the master key: that can't change before they did."""

    code = "links_changing"
