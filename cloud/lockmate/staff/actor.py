"""Who does something: an account with what its role allows, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lockmate.errors import NotFound
from lockmate.properties.models import Property
from lockmate.staff.errors import NotAllowed

_DESK = frozenset(
    {
        "order:see",
        "order:enter",
        "order:cancel",
        "order:import",
        "stay:see",
        "stay:prepare",
        "stay:name_guest",
        "stay:authorise",
        "stay:check_in",
        "stay:check_out",
        "stay:change",
        "stay:evict",
        "stay:pay",
        "claim:see",
        "claim:confirm",
        "door:see",
        "door:open",
        "door:reset",
        "record:see",
        "delivery:see",
        "delivery:retry",
        "alarm:see",
        "alarm:acknowledge",
        "companion:replace",
    }
)
_INSTALLER = frozenset(
    {"door:see", "record:see", "door:set", "door:reset", "companion:enrol", "companion:retire", "companion:replace"}
)
_MANAGER = _DESK | {
    "companion:enrol",
    "companion:retire",
    "record:export",
    "staff:manage",
    "staff_key:issue",
    "staff_key:raise",
    "door:set",
    "property:set",
    "audit:see",
}

# The hotel's own system: what a reservation goes through. It gives no keys to phones and puts nobody out of a room.
PMS = frozenset(
    {
        "order:see",
        "order:enter",
        "order:cancel",
        "stay:see",
        "stay:prepare",
        "stay:check_in",
        "stay:check_out",
        "stay:change",
    }
)

PERMISSIONS = {"desk": _DESK, "manager": _MANAGER, "installer": _INSTALLER}
ALL = _MANAGER | _INSTALLER


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is what the audit trail says; `account_id` is None for the system, and for other systems.

    `request`: the key under which a verb is done once (`staff.requests`); empty: as often as it is called.
    """

    account_id: int | None
    name: str
    property: Property
    permissions: frozenset[str]
    request: str = ""

    @classmethod
    def system(cls, property: Property, name: str = "system") -> Actor:
        """The program itself, or a command of the operator."""
        return cls(None, name, property, ALL)

    def is_person(self) -> bool:
        """Somebody who can answer for it: signed in with an account of their own."""
        return self.account_id is not None

    def part(self, name: object) -> Actor:
        """The same for one of several verbs of a request."""
        return replace(self, request=f"{self.request}/{name}") if self.request else self

    def within(self, property_id: int) -> None:
        """Raises NotFound unless the row id is that of this actor's property: another hotel's is not found."""
        if self.property.id != property_id:
            raise NotFound(what="property")


def require(actor: Actor, permission: str) -> None:
    """Raises NotAllowed unless the actor's role has this permission."""
    if permission not in actor.permissions:
        raise NotAllowed(permission=permission)
