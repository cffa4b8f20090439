"""What may go wrong with accounts and permissions."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class WrongPassword(Refused):
    """Name and password do not belong together, or the account is closed; it is not said which."""

    code = "wrong_password"
    status = 401


class NotAllowed(Refused):
    """The role of this account does not allow it."""

    code = "not_allowed"
    status = 403


class RequestReused(Refused):
    """The request key was used before, for something else."""

    code = "request_reused"


class NeedsPerson(Refused):
    """Only a person who is signed in may do this: no other system, no command."""

    code = "needs_person"
    status = 403


class BadAccount(BadField):
    """A name, role or password that an account may not have."""

    code = "bad_account"


class AccountExists(Refused):
    """The name is another account's."""

    code = "account_exists"


class WrongToken(Refused):
    """No system has this token, or it was ended."""

    code = "wrong_token"
    status = 401


class BadSystem(BadField):
    """A name that another system may not have."""

    code = "bad_system"


class SystemExists(Refused):
    """A system of this name is connected already."""

    code = "system_exists"
