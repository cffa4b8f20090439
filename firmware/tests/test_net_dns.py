# runs on: micropython32 micropython
"""The look-up of the broker's address: against a real name server's datagrams, junk, and silence."""

import asyncio
import os
import socket

import check

from companion.net import dns

ASKED = dns.question("broker.example.com", b"\x12\x34")
ADDRESS = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc6\x33\x64\x07"
ALIAS = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x06\x03www\xc0\x13"


def reply(*records, flags=b"\x81\x80", asked=ASKED):
    return asked[:2] + flags + b"\x00\x01" + len(records).to_bytes(2, "big") + asked[8:] + b"".join(records)


def test_a_question_is_what_rfc_1035_says():
    assert ASKED == b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06broker\x07example\x03com\x00\x00\x01\x00\x01"
    for wrong in ("", ".", "a..b", "a" * 64 + ".com"):
        check.raises(OSError, dns.question, wrong, b"12")


def test_an_answer_is_found_behind_aliases_and_other_records():
    assert dns.answer(ASKED, reply(ADDRESS)) == "198.51.100.7"
    text = b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x03\x02hi"
    assert dns.answer(ASKED, reply(ALIAS, text, ADDRESS)) == "198.51.100.7"
    assert dns.answer(ASKED, reply(ADDRESS).replace(b"broker", b"BROKER")) == "198.51.100.7"
    assert dns.answer(ASKED, reply()) == "", "it has none"
    assert dns.answer(ASKED, reply(flags=b"\x81\x83")) == "", "there is no such name"


def test_what_does_not_answer_the_question_is_passed_over():
    assert dns.answer(ASKED, b"") is None
    assert dns.answer(ASKED, ASKED) is None, "a question"
    assert dns.answer(ASKED, b"\x12\x35" + reply(ADDRESS)[2:]) is None, "to another question"
    other = dns.question("other!.example.com", b"\x12\x34")
    assert dns.answer(ASKED, reply(ADDRESS, asked=other)) is None
    whole = reply(ALIAS, ADDRESS)
    for size in range(len(whole)):
        assert dns.answer(ASKED, whole[:size]) is None
    for _ in range(2000):
        junk = reply() + os.urandom(40)
        junk = junk[:7] + bytes((1 + junk[-1] % 9,)) + junk[8:]
        found = dns.answer(ASKED, junk)
        assert found is None or found == "" or len(found.split(".")) == 4


class NameServer:
    """A socket on loopback; script: for each question the datagrams that it sends back."""

    def __init__(self, script):
        self.script = script
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(socket.getaddrinfo("127.0.0.1", 0)[0][-1])
        self.socket.setblocking(False)
        for line in open("/proc/net/udp").read().split("\n")[1:]:
            words = line.split()
            if words and words[9] == str(os.stat("/proc/self/fd/%d" % self.socket.fileno())[1]):
                self.port = int(words[1].split(":")[1], 16)

    def datagrams(self):
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        plain.connect(socket.getaddrinfo("127.0.0.1", self.port)[0][-1])
        plain.setblocking(False)
        return plain

    async def serve(self):
        while True:
            try:
                said, whence = self.socket.recvfrom(512)
            except OSError:
                await asyncio.sleep_ms(1)
                continue
            self.asked.append(said)
            for datagram in self.script[len(self.asked) - 1]:
                self.socket.sendto(datagram(said), whence)


def looked_up(*script):
    """What `look_up` gave beside such a server, how often it asked, and how often others ran meanwhile."""
    server = NameServer(script)
    left = len(os.listdir("/proc/self/fd"))

    async def scene():
        serving = asyncio.create_task(server.serve())
        turns = [0]

        async def others():
            while True:
                turns[0] += 1
                await asyncio.sleep_ms(1)

        other = asyncio.create_task(others())
        try:
            return await dns.look_up("broker.example.com", server.datagrams, os.urandom), turns[0]
        except OSError:
            return None, turns[0]
        finally:
            serving.cancel()
            other.cancel()

    dns._WAIT_MS = 100
    dns._LOOK_MS = 1
    found, turns = asyncio.run(scene())
    assert len(os.listdir("/proc/self/fd")) == left, "no socket stays open"
    server.socket.close()
    return found, len(server.asked), turns


def good(said):
    return reply(ADDRESS, asked=said)


def test_a_server_that_answers():
    assert looked_up([good])[:2] == ("198.51.100.7", 1)
    assert looked_up([lambda said: b"junk", lambda said: reply(ADDRESS), good])[:2] == ("198.51.100.7", 1)


def test_a_server_that_is_silent_is_asked_again_and_holds_up_nobody():
    assert looked_up([], [good])[:2] == ("198.51.100.7", 2)
    found, asked, turns = looked_up([], [], [])
    assert (found, asked) == (None, 3)
    assert turns > 30


class Flood:
    """Junk without end from the name server's address."""

    def send(self, _asked):
        self.left = 300

    def recv(self, _most):
        self.left -= 1
        if not self.left:
            raise OSError(5)
        return b"junk"

    def close(self):
        pass


def test_a_flood_of_junk_holds_up_nobody():
    turns = []

    async def others():
        while True:
            turns.append(1)
            await asyncio.sleep_ms(0)

    async def scene():
        other = asyncio.create_task(others())
        try:
            await dns.look_up("broker.example.com", Flood, os.urandom)
        except OSError:
            pass
        other.cancel()

    dns._WAIT_MS = 10_000
    asyncio.run(scene())
    assert len(turns) > 200


def test_a_name_that_does_not_exist_is_not_asked_for_again():
    assert looked_up([lambda said: reply(flags=b"\x81\x83", asked=said)])[:2] == (None, 1)


if __name__ == "__main__":
    check.run(globals())
