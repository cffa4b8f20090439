"""Who does something: an account with what its role allows, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass

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
        "stay:pay",
        "claim:see",
        "claim:confirm",
        "door:see",
        "door:open",
        "door:reset",
        "record:see",
        "companion:replace",
    }
)
_INSTALLER = frozenset(
    {"door:see", "record:see", "door:set", "door:reset", "companion:enrol", "companion:retire", "companion:replace"}
)
_MANAGER = _DESK | {
    "companion:enrol",
    "companion:retire",
    "staff:manage", "staff_key:issue", "staff_key:raise", "door:set", "property:set", "audit:see"}

PERMISSIONS = {"desk": _DESK, "manager": _MANAGER, "installer": _INSTALLER}
ALL = _MANAGER | _INSTALLER


@dataclass(frozen=True, slots=True)
class Actor:
    """`name` is what the audit trail says; `account_id` is None for the system."""

    account_id: int | None
    name: str
    property: Property
    permissions: frozenset[str]

    @classmethod
    def system(cls, property: Property, name: str = "system") -> Actor:
        """The program itself, or a command of the operator."""
        return cls(None, name, property, ALL)

    def within(self, property_id: int) -> None:
        """Raises NotFound unless the row id is that of this actor's property: another hotel's is not found."""
        if self.property.id != property_id:
            raise NotFound(what="property")


def require(actor: Actor, permission: str) -> None:
    """Raises NotAllowed unless the actor's role has this permission."""
    if permission not in actor.permissions:
        raise NotAllowed(permission=permission)
