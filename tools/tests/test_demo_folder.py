"""The demo's folder and ports: it wipes only what it made, and says what is in the way."""

from __future__ import annotations

import socket

import pytest

from tools.demo import folder
from tools.demo.run import PortError, ports_from, taken


def test_a_fresh_start_wipes_what_the_demo_made_and_nothing_else(tmp_path):
    assert folder.begin(tmp_path, fresh=False) is False
    (tmp_path / "lockmate.db").write_text("rows")
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "demo-801.img").write_bytes(b"x")
    (tmp_path / "holiday.jpg").write_text("mine")
    folder.finish(tmp_path)
    assert folder.begin(tmp_path, fresh=True) is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.json", "holiday.jpg"]


def test_a_finished_demo_is_kept(tmp_path):
    folder.begin(tmp_path, fresh=False)
    (tmp_path / "lockmate.db").write_text("rows")
    folder.finish(tmp_path)
    assert folder.begin(tmp_path, fresh=False) is True
    assert (tmp_path / "lockmate.db").read_text() == "rows"


def test_a_first_start_that_was_cut_short_begins_anew(tmp_path):
    folder.begin(tmp_path, fresh=False)
    (tmp_path / "lockmate.db").write_text("half")
    assert folder.begin(tmp_path, fresh=False) is False
    assert not (tmp_path / "lockmate.db").exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_real_installations_data_stay_untouched(tmp_path, fresh):
    (tmp_path / "lockmate.db").write_text("a real hotel")
    with pytest.raises(folder.FolderError, match="LOCKMATE_DATA"):
        folder.begin(tmp_path, fresh=fresh)
    assert (tmp_path / "lockmate.db").read_text() == "a real hotel"


def test_two_demos_do_not_share_a_folder(tmp_path):
    with (
        folder.claimed(tmp_path),
        pytest.raises(folder.FolderError, match="runs already"),
        folder.claimed(tmp_path),
    ):
        pass
    with folder.claimed(tmp_path):
        pass


def test_a_taken_port_is_named_with_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = taken({"web": port, "doors": 1, "broker": 2})
    assert len(said) == 1
    assert f"Port {port}" in said[0]
    assert "LOCKMATE_PORT=" in said[0]


@pytest.mark.parametrize("env", [{"LOCKMATE_PORT": "eighty"}, {"LOCKMATE_PORT": "70000"}, {"LOCKMATE_PORT": "8883"}])
def test_a_port_that_is_none_is_refused(env):
    with pytest.raises(PortError, match="LOCKMATE_PORT"):
        ports_from(env)
