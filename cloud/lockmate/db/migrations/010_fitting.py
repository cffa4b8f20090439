"""Installers' codes and sessions, boards, acceptances."""

from __future__ import annotations

import peewee as pw
from peewee_migrate import Migrator


def migrate(migrator: Migrator, database: pw.Database, *, fake=False):
    """Up."""

    def to(table, *, null=False, on_delete="CASCADE"):
        return pw.ForeignKeyField(
            column_name=f"{table}_id", field="id", model=migrator.orm[table], null=null, on_delete=on_delete
        )

    @migrator.create_model
    class EnrolmentCode(pw.Model):
        id = pw.AutoField()
        property = to("property")
        code_hash = pw.CharField(max_length=64, unique=True)
        actor = pw.CharField(max_length=60)
        made_at = pw.BigIntegerField()
        ends_at = pw.BigIntegerField()
        used_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "enrolment_code"

    @migrator.create_model
    class InstallerSession(pw.Model):
        id = pw.AutoField()
        property = to("property")
        secret_hash = pw.CharField(max_length=64, unique=True)
        laptop = pw.CharField(max_length=40)
        actor = pw.CharField(max_length=60)
        made_at = pw.BigIntegerField()
        ends_at = pw.BigIntegerField()
        ended_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "installer_session"

    @migrator.create_model
    class Board(pw.Model):
        id = pw.AutoField()
        property = to("property")
        serial = pw.CharField(max_length=12)
        chip = pw.CharField(max_length=12)
        firmware = pw.CharField(default="", max_length=20)
        digest = pw.CharField(default="", max_length=64)
        companion = to("companion", null=True, on_delete="SET NULL")
        spare_code = pw.CharField(default="", max_length=8)
        flashed_at = pw.BigIntegerField(null=True)
        provisioned_at = pw.BigIntegerField(null=True)
        retired_at = pw.BigIntegerField(null=True)

        class Meta:
            table_name = "board"
            indexes = ((("property", "serial"), True),)

    @migrator.create_model
    class Acceptance(pw.Model):
        id = pw.AutoField()
        property = to("property")
        door = to("door")
        companion = to("companion")
        actor = pw.CharField(max_length=60)
        started_at = pw.BigIntegerField()
        first_event = pw.BigIntegerField()
        throws = pw.IntegerField(default=0)
        key_id = pw.CharField(max_length=16)
        codes = pw.TextField()
        answers = pw.TextField(default="{}")
        asked_at = pw.BigIntegerField(default=0)
        finished_at = pw.BigIntegerField(null=True)
        document = pw.BlobField(null=True)
        signature = pw.BlobField(null=True)

        class Meta:
            table_name = "acceptance"


def rollback(migrator: Migrator, database: pw.Database, *, fake=False):
    """Down."""

    for table in ("acceptance", "board", "installer_session", "enrolment_code"):
        migrator.remove_model(table)
