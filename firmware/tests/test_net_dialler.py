# runs on: micropython32 micropython
"""The dialler's dates for TLS, a certificate's first day, the way to a network, and the pauses between attempts."""

import asyncio
import os

import check

from companion.core.clock import Clock
from companion.net.dialler import Dialler, about_dates, first_day
from companion.net.mqtt import Client
from companion.net.wifi import Wifi


def element(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    return bytes((tag, 0x82, len(body) >> 8, len(body) & 255)) + body


def certificate(tag=0x17, start=b"240101000000Z", version=True, issuer=b"\x31\x00" * 80):
    validity = element(0x30, element(tag, start), element(0x18, b"20490101000000Z"))
    head = element(0xA0, b"\x02\x01\x02") if version else b""
    fields = (element(2, b"\x01" * 20), element(0x30, b"\x06\x00"), element(0x30, issuer), validity)
    return element(0x30, element(0x30, head, *fields), element(0x30, b"\x06\x00"))


FIRST_DAY = 1704067200


class Network:
    connected = False

    def __init__(self, works=""):
        self.tried = []
        self.works = works
        self.resolved = 0
        self.dead = False

    async def up(self, ssid="", password=""):
        self.tried.append(ssid)
        if ssid != self.works:
            raise OSError(5)
        self.connected = True

    def datagrams(self):
        self.resolved += 1
        if self.dead:
            raise OSError("no name server")
        return NameServer(b"\xc0\x00\x02" + bytes((self.resolved,)))


class NameServer:
    """A socket of datagrams whose other end knows one address."""

    def __init__(self, address):
        self._address = address

    def send(self, asked):
        self._said = asked[:2] + b"\x81\x80\x00\x01\x00\x01" + asked[8:]
        self._said += b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + self._address

    def recv(self, most):
        return self._said

    def close(self):
        pass


class Board:
    def __init__(self):
        self.dates = []
        self.dialled = []

    def monotonic_ms(self):
        return 0

    def tls_date(self, seconds):
        self.dates.append(seconds)

    def dial(self, *arguments):
        self.dialled.append(arguments)
        return "reader", "writer"


class Given:
    """One certificate for ever."""

    due = False
    ca = certificate()

    def pair(self, trying):
        return b"cert", b"key"

    def networks(self):
        return []


def dialler(clock, board):
    wifi = Wifi(Network(), [], os.urandom)
    board.network = wifi._network
    return Dialler(board, wifi, ("broker.test", 8883, "broker.test"), Given(), clock)


def test_first_day_of_certificates():
    assert first_day(certificate()) == FIRST_DAY
    assert first_day(certificate(version=False, issuer=b"")) == FIRST_DAY
    assert first_day(certificate(0x18, b"20240101000000Z")) == FIRST_DAY
    assert first_day(certificate(start=b"991231235959Z")) == 946684799
    assert first_day(certificate(start=b"240229120001Z")) == 1709208001
    assert first_day(certificate(0x18, b"21000301000000Z")) == 4107542400


def test_what_is_no_certificate_is_refused():
    whole = certificate()
    for size in range(len(whole)):
        check.raises(ValueError, first_day, whole[:size])
    for n in range(1, 200):
        check.raises(ValueError, first_day, bytes((n,)) * 300)
    for start in (b"", b"Z", b"24010100000Z", b"2401010000000Z", b"24010100000xZ"):
        check.raises(ValueError, first_day, certificate(start=start))
    check.raises(ValueError, first_day, certificate(tag=4))


def test_date_is_the_clocks_and_never_before_the_first_day():
    board = Board()
    line = dialler(Clock(0), board)
    assert line.date() == FIRST_DAY
    assert dialler(Clock(FIRST_DAY + 99), board).date() == FIRST_DAY + 99


def test_after_a_failure_on_dates_the_next_uses_the_first_day_while_the_time_is_lost():
    clock = Clock(FIRST_DAY + 1000000)
    line = dialler(clock, Board())
    line.failed(OSError(111))
    assert line.date() == FIRST_DAY + 1000000
    line.failed(ValueError("The certificate validity starts in the future\n"))
    assert line.date() == FIRST_DAY
    line.failed(ValueError("The certificate validity has expired\n"))
    assert line.date() == FIRST_DAY + 1000000, "turn by turn: neither is for ever"
    line.failed(ValueError("The certificate validity has expired\n"))
    clock.synchronise(FIRST_DAY + 2000000, 0, 0)
    assert line.date() == FIRST_DAY + 2000000, "a known time is used as it is"


def test_failures_about_dates():
    assert about_dates(ValueError("\nThe certificate validity has expired\n"))
    assert about_dates(OSError(-0x2700, "X509_CERT_VERIFY_FAILED"))
    assert not about_dates(ValueError("\nThe certificate is not correctly signed by the trusted CA\n"))
    assert not about_dates(OSError(104))
    assert not about_dates(OSError())
    assert not about_dates(EOFError())


def test_names_are_looked_up_once_until_connections_fail():
    async def scene():
        board = Board()
        line = dialler(Clock(0), board)
        for _ in range(3):
            assert await line.dial() == ("reader", "writer")
        line.failed(OSError(1))
        line.failed(OSError(1))
        line.worked()
        line.failed(OSError(1))
        line.failed(OSError(1))
        await line.dial()
        line.failed(OSError(1))
        await line.dial()
        assert [a[0] for a in board.dialled] == ["192.0.2.1"] * 4 + ["192.0.2.2"]
        board.network.dead = True
        for _ in range(3):
            line.failed(OSError(1))
        await line.dial()
        assert board.dialled[-1][0] == "192.0.2.2", "one that is doubted serves on while nobody tells a better one"
        assert board.dialled[0][1:] == (8883, "broker.test", certificate(), b"cert", b"key")
        assert board.dates == [FIRST_DAY] * 6

    asyncio.run(scene())


def test_networks_are_tried_in_their_order():
    network = Network("c")
    known = [{"ssid": name, "password": "x"} for name in "abcd"]
    asyncio.run(Wifi(network, known, os.urandom).ready())
    assert network.tried == ["a", "b", "c"]


def test_no_network_is_tried_again_and_blocks_nobody():
    async def scene():
        network = Network("nowhere")
        wifi = Wifi(network, [{"ssid": "a", "password": "x"}], lambda n: bytes(n))
        waiting = asyncio.create_task(wifi.ready())
        ticks = 0
        while len(network.tried) < 2:
            await asyncio.sleep_ms(1)
            ticks += 1
        assert ticks > 50, "others ran meanwhile"
        network.works = "a"
        await waiting
        assert network.connected

    asyncio.run(scene())


def test_pauses_are_full_jitter_over_a_floor():
    def client(random):
        return Client(None, "c", random=random, on_message=None, room=None, on_trouble=None, subscribe="s")

    least, most = client(lambda n: bytes(n)), client(lambda n: b"\xff" * n)
    assert [least.pause(n) for n in (0, 1, 9, 100)] == [250] * 4
    by_chance = client(os.urandom)
    for attempt in (0, 1, 5, 6, 50, 10000):
        ceiling = min(60000, 1000 << min(attempt, 6))
        found = [by_chance.pause(attempt) for _ in range(300)]
        assert min(found) >= 250 and max(found) <= ceiling
        assert max(found) - min(found) > (ceiling - 250) // 2
        assert 250 <= most.pause(attempt) <= ceiling


if __name__ == "__main__":
    check.run(globals())
