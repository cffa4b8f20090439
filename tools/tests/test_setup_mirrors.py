"""The set-up's downloads: only a file with the pinned SHA-256 is ever kept, and there is a next place to look."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tools.setup import micropython
from tools.setup.index import Unusable, options_for, parse
from tools.setup.mirrors import Cache, NotHad, choose
from tools.setup.pins import PACKAGES, PINS, Pin
from tools.setup.say import Stop


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Mirror:
    """A Debian mirror on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def put(self, path: str, data: bytes) -> Pin:
        """Puts a file on the mirror; returns the pin that fits it."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return Pin(path, hashlib.sha256(data).hexdigest())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    served = tmp_path / "mirror"
    served.mkdir()
    mirror = Mirror(served)
    yield mirror
    mirror.close()


@pytest.fixture
def cache(tmp_path: Path, mirror: Mirror) -> Cache:
    return Cache(tmp_path / "cache", [mirror.base])


def kept(cache: Cache) -> list[str]:
    """The names of what the cache holds, halves of downloads too."""
    return [path.name for path in cache.folder.iterdir()] if cache.folder.exists() else []


def test_a_file_with_its_sum_is_kept_and_not_fetched_twice(cache: Cache, mirror: Mirror) -> None:
    pin = mirror.put("pool/a_1_i386.deb", b"the right bytes")
    first = cache.get(pin.path, pin.sha256)
    (mirror.folder / pin.path).unlink()
    assert cache.get(pin.path, pin.sha256) == first
    assert first.read_bytes() == b"the right bytes"


def test_a_file_with_another_sum_is_thrown_away_and_the_next_pin_taken(cache: Cache, mirror: Mirror) -> None:
    wrong = mirror.put("pool/a_1_i386.deb", b"tampered on the way")._replace(sha256="0" * 64)
    right = mirror.put("pool/a_2_i386.deb", b"the next version")
    assert micropython.first_had([wrong, right], cache).read_bytes() == b"the next version"
    assert len(kept(cache)) == 1


def test_a_pin_that_the_mirror_no_longer_has_gives_way_to_the_next(cache: Cache, mirror: Mirror) -> None:
    gone = Pin("pool/a_0_i386.deb", "1" * 64)
    right = mirror.put("pool/a_1_i386.deb", b"still there")
    assert micropython.first_had([gone, right], cache).read_bytes() == b"still there"


def test_without_any_pin_the_reason_names_every_try(cache: Cache) -> None:
    with pytest.raises(NotHad, match=r"a_0_i386\.deb.*404.*a_1_i386\.deb.*404"):
        micropython.first_had([Pin("pool/a_0_i386.deb", "1" * 64), Pin("pool/a_1_i386.deb", "2" * 64)], cache)


def test_a_second_mirror_is_asked_when_the_first_lies(cache: Cache, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    second = Mirror(tmp_path / "second")
    try:
        mirror.put("pool/a_1_i386.deb", b"lies")
        pin = second.put("pool/a_1_i386.deb", b"truth")
        cache.bases.append(second.base)
        assert cache.get(pin.path, pin.sha256).read_bytes() == b"truth"
    finally:
        second.close()


def test_a_kept_file_that_was_altered_on_disk_is_fetched_anew(cache: Cache, mirror: Mirror) -> None:
    pin = mirror.put("pool/a_1_i386.deb", b"good")
    cache.get(pin.path, pin.sha256).write_bytes(b"rotten")
    assert cache.get(pin.path, pin.sha256).read_bytes() == b"good"


@pytest.fixture
def pinned_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {name: [Pin(f"pool/{name}_0_i386.deb", "0" * 64)] for name in PACKAGES}
    monkeypatch.setitem(PINS, "i386", gone)


@pytest.mark.usefixtures("pinned_to_nothing")
def test_when_no_pin_is_left_the_signed_index_decides_and_set_up_says_so(
    cache: Cache, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = {name: mirror.put(f"pool/{name}_9_i386.deb", name.encode()) for name in PACKAGES}
    asked: list[str] = []

    def ask(suite: str, architecture: str, base: str, packages: tuple[str, ...]) -> dict[str, Pin]:
        asked.append(suite)
        if suite == "trixie":
            raise Unusable("File has unexpected size")
        return signed

    placed: dict[str, Path] = {}

    def place(architecture: str, files: dict[str, Path], target: Path, wrapper: Path) -> str:
        placed.update(files)
        target.mkdir(parents=True)
        return "v9"

    monkeypatch.setattr(micropython, "_place", place)
    assert micropython.from_archive("i386", cache, tmp_path / "home", tmp_path / "bin", ask) == "v9"
    assert asked == ["trixie", "sid"]
    assert {name: path.read_bytes() for name, path in placed.items()} == {name: name.encode() for name in PACKAGES}
    said = capsys.readouterr().out
    assert "taken from the signed index of sid instead: micropython_9_i386.deb" in said
    assert "File has unexpected size" in said


@pytest.mark.usefixtures("pinned_to_nothing")
def test_a_file_that_the_signed_index_does_not_vouch_for_stops_the_set_up(
    cache: Cache, mirror: Mirror, tmp_path: Path
) -> None:
    signed = {name: mirror.put(f"pool/{name}_9_i386.deb", name.encode()) for name in PACKAGES}
    (mirror.folder / signed["libc6"].path).write_bytes(b"something else")
    with pytest.raises(Stop, match="cannot be had"):
        micropython.from_archive("i386", cache, tmp_path / "home", tmp_path / "bin", lambda *_: signed)
    assert not (tmp_path / "home" / "i386").exists()


def test_every_package_has_more_than_one_pin_and_each_is_a_whole_sha256() -> None:
    for architecture, packages in PINS.items():
        assert tuple(packages) == PACKAGES
        for name, pins in packages.items():
            assert len(pins) >= 2
            for pin in pins:
                assert pin.name.startswith(f"{name}_")
                assert pin.name.endswith(f"_{architecture}.deb")
                assert len(bytes.fromhex(pin.sha256)) == 32


def test_the_main_archive_comes_before_the_security_one_and_strangers_are_left_out() -> None:
    lines = [
        "http://mirror.example/debian-security/ oldstable-security bookworm-security main",
        "http://mirror.example/debian/ oldstable bookworm main",
        "http://mirror.example/debian/ oldstable-updates bookworm-updates main",
        "https://elsewhere.example/apt cloud cloud main",
        "https://elsewhere.example/node nodistro nodistro main",
        "file:/srv/debian stable bookworm main",
    ]
    assert choose(lines) == ["http://mirror.example/debian", "http://mirror.example/debian-security"]


def test_no_mirror_in_the_sources_is_said_plainly() -> None:
    with pytest.raises(Stop, match="No Debian mirror"):
        choose([])


def test_file_and_sum_are_read_from_what_apt_shows() -> None:
    shown = (
        "Package: micropython\nVersion: 1.25.0+ds-1\nDescription: a Python\n for boards: small\n"
        "Filename: pool/main/m/micropython/micropython_1.25.0+ds-1_i386.deb\nSHA256: a7\n\nPackage: half\nSHA256: 00\n"
    )
    assert parse(shown) == {"micropython": Pin("pool/main/m/micropython/micropython_1.25.0+ds-1_i386.deb", "a7")}


def test_apt_is_asked_apart_from_the_machines_own_state(tmp_path: Path) -> None:
    options = options_for(tmp_path, "trixie", "i386", "http://127.0.0.1:9/debian")
    assert f"-oDir::State={tmp_path}" in options
    assert "-oAcquire::AllowInsecureRepositories=false" in options
    source = (tmp_path / "sources.list").read_text()
    assert source.startswith("deb [arch=i386 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ")
