"""What may go wrong with keys, tokens and the secrets that sign them."""

from __future__ import annotations

from lockmate.errors import BadField, Refused


class KeyEnded(Refused):
    """The key is no more: its stay ended, or it was taken back."""

    code = "key_ended"
    status = 410


class KeyNotYet(Refused):
    """The key is prepared; it opens once the stay is checked in, or from its first day."""

    code = "key_not_yet"


class BadStaffKey(BadField):
    """A kind, label, zone or time that a staff key may not have."""

    code = "bad_staff_key"


class BadEmail(BadField):
    """Not an e-mail address."""

    code = "bad_email"


class CarryEnded(Refused):
    """The link was used, is older than ten minutes, or never was one."""

    code = "carry_ended"
    status = 410


class IssuerMissing(Refused):
    """The property has no signing key for this kind."""

    code = "issuer_missing"
    status = 500


class SlotTaken(Refused):
    """The slot holds another issuer key."""

    code = "slot_taken"


class WrongMasterKey(Refused):
    """A sealed secret does not open under this master key."""

    code = "wrong_master_key"
    status = 500


class TokenMalformed(Refused):
    """Fields that the gate would call malformed; such a token is never minted."""

    code = "token_malformed"
    status = 500
