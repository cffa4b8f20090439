"""A backup taken while people work is put in place elsewhere, and the hotel goes on from there."""

from __future__ import annotations

import shutil
import tarfile

import pytest

from lockmate import backup, db, doors, keys, pki, settings, stays
from lockmate.db import BaseModel
from lockmate.doors import policies
from lockmate.keys.errors import WrongMasterKey
from lockmate.properties import Property
from lockmate.settings import SettingsError

pytestmark = pytest.mark.both_databases(commits=True)


@pytest.fixture
def elsewhere(house, on, request, tmp_path):
    """The settings of another machine: an empty database, and the copy of the master key that was kept apart."""
    folder = tmp_path / "elsewhere"
    folder.mkdir(mode=0o700)
    for name in ("master.key", "secret.key"):
        shutil.copy2(house.data / name, folder / name)
    chosen = {"LOCKMATE_DATA": str(folder), "LOCKMATE_TESTING": "1", "LOCKMATE_TEST_CLOCK": str(house.test_clock)}
    if on == "sqlite":
        yield settings.load(chosen)
        return
    server = request.getfixturevalue("postgres")
    yield settings.load({**chosen, "LOCKMATE_DATABASE": server.make("elsewhere")})
    db.disconnect()
    server.drop("elsewhere")


def everything():
    models = [model for model in BaseModel.__subclasses__() if model.__module__.startswith("lockmate.")]
    return {model.__name__: list(model.select().order_by(model.id).dicts()) for model in models}


def test_a_hotel_goes_on_from_its_backup(hotel, house, elsewhere, tmp_path, time):
    companion = hotel.companion("802")
    stay = hotel.checked_in("801")
    told = backup.save(house, tmp_path / "hotel.backup")
    before = everything()
    ca = pki.authority(hotel.property.property_id).pem
    assert (tmp_path / "hotel.backup").stat().st_mode & 0o777 == 0o600
    settings.use(elsewhere)
    assert backup.restore(elsewhere, tmp_path / "hotel.backup") == told
    assert settings.current() == elsewhere
    assert everything() == before
    assert pki.authority(hotel.property.property_id).pem == ca
    stays.check_out(stays.Stay.get_by_id(stay.id), by=hotel.desk)  # keys can be signed, policies made
    door = hotel.door("802")
    assert policies.publish(door).version > companion.policy_version
    assert doors.companions.by_id(companion.id).state == "in_service"
    assert keys.issuer.signer(Property.get(), "guest").sign(b"x")


def test_the_master_key_is_not_in_a_backup(house, tmp_path):
    backup.save(house, tmp_path / "one")
    with tarfile.open(tmp_path / "one") as packed:
        names = packed.getnames()
        held = b"".join(packed.extractfile(name).read() for name in names if packed.getmember(name).isfile())
    assert not [name for name in names if "master" in name or "secret" in name]
    assert house.master_key_file.read_bytes().strip() not in held


def test_without_the_right_master_key_nothing_is_changed(house, elsewhere, tmp_path):
    backup.save(house, tmp_path / "one")
    elsewhere.master_key_file.write_text("ab" * 32)
    settings.use(elsewhere)
    with pytest.raises(WrongMasterKey):
        backup.restore(elsewhere, tmp_path / "one")
    assert sorted(path.name for path in elsewhere.data.iterdir()) == ["master.key", "secret.key"]


def test_nothing_that_exists_is_overwritten(house, tmp_path):
    backup.save(house, tmp_path / "one")
    with pytest.raises(SettingsError) as told:
        backup.save(house, tmp_path / "one")
    assert told.value.code == "backup_exists"
    with pytest.raises(SettingsError) as told:
        backup.restore(house, tmp_path / "one")
    assert told.value.code == "folder_not_empty"
    shutil.rmtree(house.data / "pki")
    with pytest.raises(SettingsError) as told:
        backup.restore(house, tmp_path / "one")
    assert told.value.code == "database_not_empty"


def test_a_backup_of_an_older_version_is_brought_up(hotel, house, elsewhere, tmp_path):
    db.rollback()
    backup.save(house, tmp_path / "old")
    settings.use(elsewhere)
    backup.restore(elsewhere, tmp_path / "old")
    assert not db.pending()
    assert Property.select().count() == 2


def test_a_backup_of_a_newer_version_is_refused(house, elsewhere, tmp_path, monkeypatch):
    backup.save(house, tmp_path / "new")
    monkeypatch.setattr(db, "steps", lambda: db.schema._router().done[:-1])
    settings.use(elsewhere)
    with pytest.raises(SettingsError) as told:
        backup.restore(elsewhere, tmp_path / "new")
    assert told.value.code == "backup_too_new"


@pytest.mark.both_databases(only=["sqlite"])
@pytest.mark.parametrize("content", [b"", b"no backup", b"\x1f\x8b\x08\0" * 40])
def test_a_file_that_is_no_backup_is_told(house, elsewhere, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    settings.use(elsewhere)
    with pytest.raises(SettingsError) as told:
        backup.restore(elsewhere, tmp_path / "file")
    assert told.value.code == "bad_backup"
