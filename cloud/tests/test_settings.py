"""Settings are checked at start; what is wrong gets a code and a sentence that says what to do."""

from __future__ import annotations

import pytest

from lockmate import clock, db, ground, settings
from lockmate.keys import vault
from lockmate.settings import SettingsError, load


def refused(environment):
    with pytest.raises(SettingsError) as error:
        load(environment)
    assert error.value.sentence.endswith(".")
    return error.value.code


def test_without_any_setting_all_lies_in_the_data_folder():
    house = load({})
    assert house.database == "sqlite:///data/lockmate.db"
    assert str(house.master_key_file) == "data/master.key"
    assert (house.host, house.port, house.broker_port) == ("127.0.0.1", 8000, 8883)
    assert house.public_url == "http://127.0.0.1:8000"
    assert not house.testing


def test_a_variable_stands_over_the_file(tmp_path):
    file = tmp_path / "lockmate.toml"
    file.write_text('port = 9000\nlanguage = "en"\ntesting = false\n')
    house = load({"LOCKMATE_CONFIG": str(file), "LOCKMATE_PORT": "9001"})
    assert (house.port, house.language, house.testing) == (9001, "en", False)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("PORT", "http", "bad_port"),
        ("PORT", "0", "bad_port"),
        ("BROKER_PORT", "65536", "bad_port"),
        ("PUBLIC_URL", "hotel.example", "bad_public_url"),
        ("PUBLIC_URL", "ftp://hotel.example", "bad_public_url"),
        ("DATABASE", "mysql://x/y", "bad_database"),
        ("DATABASE", "sqlite:///", "bad_database"),
        ("LANGUAGE", "fr", "bad_language"),
        ("TESTING", "yes", "bad_flag"),
        ("TEST_CLOCK", "/tmp/clock", "test_clock_refused"),
        ("CONFIG", "/nowhere/lockmate.toml", "config_unreadable"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value, code):
    assert refused({f"LOCKMATE_{name}": value}) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("port = ", "config_not_toml"), ("prot = 1", "unknown_setting"), ("port = [1]", "bad_setting")],
)
def test_a_wrong_file_is_refused(tmp_path, text, code):
    file = tmp_path / "lockmate.toml"
    file.write_text(text)
    assert refused({"LOCKMATE_CONFIG": str(file)}) == code


def test_the_brokers_files_lie_in_the_data_folder_unless_named(tmp_path):
    house = load({"LOCKMATE_DATA": "/d", "LOCKMATE_BROKER_CA": "/etc/ca.pem"})
    assert [str(path) for path in house.broker_files("cloud-ingest")] == [
        "/etc/ca.pem",
        "/d/broker/cloud-ingest.pem",
        "/d/broker/cloud-ingest.key",
    ]


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (None, 0o600, "master_key_missing"),
        ("a" * 64, 0o640, "master_key_open"),
        ("a" * 63, 0o600, "master_key_short"),
        ("g" * 64, 0o600, "master_key_bad"),
        ("a" * 66, 0o600, "master_key_bad"),
    ],
)
def test_a_master_key_that_cannot_be_used_stops_the_start(house, tmp_path, text, mode, code):
    file = tmp_path / "other.key"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    with pytest.raises(SettingsError) as error:
        ground.lay(load({"LOCKMATE_DATA": str(house.data), "LOCKMATE_MASTER_KEY_FILE": str(file)}))
    assert error.value.code == code
    assert text is None or text not in error.value.sentence
    db.database.close()


def test_a_key_file_is_made_once(tmp_path):
    assert vault.make(tmp_path / "new/master.key")
    text = (tmp_path / "new/master.key").read_text()
    assert not vault.make(tmp_path / "new/master.key")
    assert (tmp_path / "new/master.key").read_text() == text
    assert (tmp_path / "new/master.key").stat().st_mode & 0o777 == 0o600


def test_an_old_or_missing_database_stops_the_start(tmp_path):
    vault.make(tmp_path / "master.key")
    with pytest.raises(SettingsError) as missing:
        ground.lay(load({"LOCKMATE_DATA": str(tmp_path)}))
    assert missing.value.code == "no_database"
    (tmp_path / "lockmate.db").touch()
    with pytest.raises(db.NotMigrated):
        ground.lay(load({"LOCKMATE_DATA": str(tmp_path)}))
    db.database.close()


def test_the_test_clock_moves_the_houses_time_and_nothing_else(house, time):
    before = clock.now_ms()
    time.passes(hours=1, ms=5)
    assert clock.now_ms() == before + 3_600_005
    assert clock.now_s() == clock.now_ms() // 1000
    house.test_clock.unlink()
    assert clock.now_ms() == before


def test_before_the_start_there_are_no_settings(monkeypatch):
    monkeypatch.setattr(settings, "_current", [])
    with pytest.raises(SettingsError, match="did not start"):
        settings.current()
    assert clock.now_s() > 0
