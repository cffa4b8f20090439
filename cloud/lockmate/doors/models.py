"""What each door should believe, what was signed for it, and what its companion reported."""

from __future__ import annotations

import peewee as pw

from lockmate.db import BaseModel
from lockmate.keys.models import Holder, Key
from lockmate.properties.models import Door, Property


class DoorRules(BaseModel):
    """What the next policy of a door says; `generation` is the room's minimum (protocol section 7)."""

    door = pw.ForeignKeyField(Door, unique=True, backref="rules", on_delete="CASCADE")
    door_id: int
    generation = pw.BigIntegerField(default=1)
    taken = pw.BooleanField(default=False)  # a stay holds the present generation
    staff_epoch = pw.BigIntegerField(default=0)
    emergency_epoch = pw.BigIntegerField(default=0)
    clock_epoch = pw.BigIntegerField(default=0)
    min_iat = pw.BigIntegerField(default=0)
    mode = pw.CharField(10, default="normal")
    mode_until = pw.BigIntegerField(default=0)
    clock_lost = pw.CharField(8, default="guests")
    settings = pw.TextField(default="{}")  # JSON: bolt_ms, ajar_s, drift_ppm
    # the highest generation that somebody may hold of whom the books know nothing, since they were restored
    beyond = pw.BigIntegerField(default=0)
    schedule = pw.TextField(default="[]")  # JSON: weekly hours of passage (doors/schedules.py)
    link_n = pw.IntegerField(default=0)  # number of the link key that its companions were last asked to take
    link_asked = pw.BooleanField(default=False)  # its policies ask for it
    renew_at = pw.BigIntegerField(null=True)  # ms: the policy's own ends come near, and more is wanted


class Denial(BaseModel):
    """A key that ended, listed by a door's policies until its last token has ended."""

    door = pw.ForeignKeyField(Door, backref="denials", on_delete="CASCADE")
    door_id: int
    key_id = pw.CharField(16)
    kind = pw.CharField(10, default="guest")
    until = pw.BigIntegerField()  # seconds: end of the key's last token
    minted_at = pw.BigIntegerField()  # seconds: the key's last minting, for `min_iat` on overflow
    made_at = pw.BigIntegerField()

    class Meta:
        indexes = ((("door", "key_id"), True),)


class Policy(BaseModel):
    """A signed policy as it was sent; the door with the highest version is in step."""

    door = pw.ForeignKeyField(Door, backref="policies", on_delete="CASCADE")
    door_id: int
    version = pw.BigIntegerField()  # ms
    slot = pw.IntegerField()
    signature = pw.BlobField()
    body = pw.BlobField()  # the exact JSON bytes
    hash = pw.CharField(16)
    made_at = pw.BigIntegerField()
    confirmed_at = pw.BigIntegerField(null=True)  # when every companion of the door had reported it or a later one

    class Meta:
        indexes = ((("door", "version"), True),)


class Companion(BaseModel):
    """The board on a door, and the last it said of itself."""

    property = pw.ForeignKeyField(Property, backref="companions", on_delete="CASCADE")
    property_id: int
    door = pw.ForeignKeyField(Door, backref="companions", null=True, on_delete="SET NULL")
    door_id: int | None
    companion_id = pw.CharField(32, unique=True)
    link_key = pw.BlobField()  # 32 bytes, sealed under the master key
    link_n = pw.IntegerField(default=0)  # its number; 0 as provisioned (doors/linking.py)
    # the key to come, or the former one, which lines up to `link_seq` of `link_log` may still be under; sealed
    link_other = pw.BlobField(null=True)
    link_log = pw.CharField(16, default="")
    link_seq = pw.BigIntegerField(default=0)
    certificate_serial = pw.CharField(48, default="")
    certificate_ends = pw.BigIntegerField(null=True)  # ms; null: issued when that was not written down
    state = pw.CharField(12, default="in_service")  # "in_service" | "retired"
    enrolled_at = pw.BigIntegerField()
    online = pw.BooleanField(default=False)  # a hint: the last will has no mac
    heard_at = pw.BigIntegerField(null=True)
    log = pw.CharField(16, default="")
    seq = pw.BigIntegerField(default=0)
    policy_version = pw.BigIntegerField(default=0)
    policy_hash = pw.CharField(16, default="")
    policy_confirmed_at = pw.BigIntegerField(null=True)
    generation = pw.BigIntegerField(default=0)
    clock_lo = pw.BigIntegerField(null=True)
    clock_hi = pw.BigIntegerField(null=True)
    report = pw.TextField(default="{}")  # JSON: firmware, engine, heap, …
    resent_at = pw.BigIntegerField(default=0)  # ms: when its policy was put out anew though nothing had changed


class RemoteOpen(BaseModel):
    """A door was asked to open, now and once. Only the door's own event fills `answer`."""

    property = pw.ForeignKeyField(Property, backref="remote_opens", on_delete="CASCADE")
    property_id: int
    door = pw.ForeignKeyField(Door, backref="remote_opens", on_delete="CASCADE")
    door_id: int
    key_id = pw.CharField(16, unique=True)  # of the token that opens once
    # by whose right; null: the staff's
    right = pw.ForeignKeyField(Key, null=True, backref="remote_opens", on_delete="SET NULL")
    right_id: int | None
    holder = pw.ForeignKeyField(Holder, null=True, backref="remote_opens", on_delete="SET NULL")
    holder_id: int | None
    actor = pw.CharField(60)  # as the audit trail has it
    reason = pw.CharField(120, default="")
    asked_at = pw.BigIntegerField()
    answer = pw.CharField(16, default="")  # "opened", or the verdict of the refusal
    answered_at = pw.BigIntegerField(null=True)

    class Meta:
        indexes = ((("door", "asked_at"), False), (("holder", "asked_at"), False))


class JournalLog(BaseModel):
    """One journal of a companion, in the order they were first heard of; a new one begins after a loss."""

    companion = pw.ForeignKeyField(Companion, backref="logs", on_delete="CASCADE")
    companion_id: int
    log = pw.CharField(16)
    stored_seq = pw.BigIntegerField(default=0)  # everything up to here is committed, or known to be lost
    stored_tag = pw.CharField(16, default="")  # the tag of that line; empty while that line is not held
    highest_seq = pw.BigIntegerField(default=0)  # of the lines held; above stored_seq while there is a gap
    lost_seq = pw.BigIntegerField(default=0)  # of the newest `log_lost` held
    first_heard_at = pw.BigIntegerField()

    class Meta:
        indexes = ((("companion", "log"), True),)


class Renewal(BaseModel):
    """The last renewal of a companion; under way until `done_at`."""

    companion = pw.ForeignKeyField(Companion, unique=True, backref="renewals", on_delete="CASCADE")
    companion_id: int
    version = pw.BigIntegerField()  # ms
    what = pw.CharField(12)  # "key", then "certificate"; or "networks"
    payload = pw.BlobField()  # as it travels: sealed under the link key, and emptied when done
    serial = pw.CharField(48, default="")  # of the certificate that was issued
    fingerprint = pw.CharField(16, default="")
    ends_at = pw.BigIntegerField(null=True)
    made_at = pw.BigIntegerField()
    put_at = pw.BigIntegerField()
    done_at = pw.BigIntegerField(null=True)


class Revocation(BaseModel):
    """A certificate that the broker must refuse."""

    property = pw.ForeignKeyField(Property, backref="revocations", on_delete="CASCADE")
    property_id: int
    serial = pw.CharField(48)  # hex
    at = pw.BigIntegerField()

    class Meta:
        indexes = ((("property", "serial"), True),)
