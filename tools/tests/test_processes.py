"""Processes of a run: started, watched, and ended with everything they started."""

from __future__ import annotations

import os
import signal

import pytest

from tools.processes import Process, ProcessError, Processes, free_port, port_is_open, version_of, wait_until


def shell(text, tmp_path=None, **more):
    return Process("shell", ["sh", "-c", text], log=None if tmp_path is None else tmp_path / "log", **more)


def alive(pid):
    """Whether it runs; one that ended and waits to be collected does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  gone between two looks
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_it_is_waited_for_and_ends_with_what_it_started(tmp_path):
    with shell("sleep 100 & echo child $!; wait", tmp_path) as process:
        child = int(process.wait_for_line("child").split()[1])
        assert process.running
        assert alive(child)
    assert process.returncode == -signal.SIGTERM
    wait_until(lambda: not alive(child), 5, "the child to end")


def test_a_stranger_who_was_given_its_id_is_left_alone(monkeypatch):
    ended = shell("exit 0").start()
    ended.wait()
    with shell("sleep 100") as stranger:
        monkeypatch.setattr(ended._child, "pid", stranger.pid)
        ended.stop()
        ended.kill()
        assert stranger.running


def test_one_that_does_not_want_to_end_is_made_to(tmp_path):
    process = shell("trap '' TERM; echo deaf; while :; do sleep 0.1; done", tmp_path).start()
    process.wait_for_line("deaf")
    assert process.stop(timeout=0.2) == -signal.SIGKILL


def test_one_that_ends_early_is_told_with_its_last_lines(tmp_path):
    ended = pytest.raises(ProcessError, match=r"ended with 3 before(.|\n)*why")
    with shell("echo why; exit 3", tmp_path) as process, ended:
        process.wait_for_port(free_port())


def test_waiting_in_vain_is_told(tmp_path):
    with shell("sleep 100", tmp_path) as process, pytest.raises(ProcessError, match=r"shell: waited 0\.1 s in vain"):
        process.wait_for_line("never", timeout=0.1)


def test_a_program_that_is_not_there_is_told():
    with pytest.raises(ProcessError, match="can't be started"):
        Process("nobody", ["no-such-program"]).start()
    assert version_of(["no-such-program"]) == "not found"


def test_a_restart_reads_its_own_lines_only(tmp_path):
    process = shell("echo line $$", tmp_path)
    process.start().wait()
    first = process.wait_for_line("line")
    process.start().wait()
    assert process.wait_for_line("line") != first


def test_the_environment_is_added_to_ours(tmp_path):
    with shell('echo "$ADDED $HOME"', tmp_path, env={"ADDED": "yes"}) as process:
        assert process.wait_for_line("yes") == f"yes {os.environ['HOME']}"


def test_all_are_ended_the_last_first_and_versions_are_told(tmp_path):
    with Processes() as all_of_them:
        one = all_of_them.start(shell("sleep 100", version=["sh", "-c", "echo; echo sh 1.0; exit 1"]))
        two = all_of_them.start(shell("exit 0"))
        two.wait()
        assert all_of_them.ended() == [two]
        assert all_of_them.versions() == {"shell": "sh 1.0"}
    assert not one.running
    assert not port_is_open(free_port())
