"""The simulated board: flash in a file, scanner and door over loopback channels to a harness, TLS to a real broker.

Only bytes and levels are simulated here; what can be wrong runs in `companion`. The harness holds the other end:
it writes the scanner's bytes, moves the inputs and the clock, and sees every output with its time.
"""

import asyncio
import gc
import json
import os
import select
import socket
import sys
import time

import flash_file
import tls_dial
import vfs

_RESTART = 10
_HALTED = 11
_WATCHDOG_S = 60
_SEND_PATIENCE_MS = 5000
_INPUTS = ("door", "bolt", "motor", "handle", "privacy", "tamper")


def _options(words: list) -> dict:
    """`--name value` pairs of the command line."""
    found = {}
    for n in range(len(words) - 1):
        if words[n].startswith("--"):
            found[words[n][2:]] = words[n + 1]
    return found


class _Output:
    """The bolt's driver: a one-shot, which is the harness's as it is the chip's on a board."""

    retriggers = True
    after_ms = 0

    def __init__(self, board: "Board") -> None:
        self._board = board

    def pulse(self, ms: int) -> None:
        """Drive the bolt open; the harness lets it go."""
        self._board.tell({"bolt": 1, "for": ms})

    def off(self) -> None:
        """Let the bolt go."""
        self._board.tell({"bolt": 0})


class _Scanner:
    """The barcode module's line: the harness is at its other end, at any speed."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._stream = asyncio.StreamReader(channel)

    async def readinto(self, buffer: bytearray) -> int | None:
        """Fill some of the buffer as bytes come; how much."""
        return await self._stream.readinto(buffer)

    def write(self, data: bytes) -> None:
        """Send these bytes."""
        self._channel.send(data)

    def baud(self, rate: int) -> None:
        """A socket has no speed."""


class _Cards:
    """The lock's card reader: the harness says which card it read."""

    def __init__(self) -> None:
        self.number: str | None = None

    def poll(self, _now_ms: int) -> str | None:
        """The number of a card that was just read."""
        number, self.number = self.number, None
        return number


class _Watchdog:
    """Ends the process when it was not fed for too long, as a hardware watchdog resets the chip: alarm(2)."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._alarm = None
        try:
            import ffi

            self._alarm = ffi.open(None).func("I", "alarm", "I")
        except (ImportError, OSError):
            print("watchdog: none here")
        self.feed()

    def feed(self) -> None:
        """All is well for another while."""
        if self._alarm is not None:
            self._alarm(self._seconds)


class _Network:
    """A network that is simply there: loopback, with a name server where the harness has one."""

    connected = True

    def __init__(self, nameserver: str) -> None:
        """nameserver: HOST:PORT; empty: there is none."""
        self._nameserver = nameserver

    async def up(self) -> None:
        """Returns when there is a network."""

    def datagrams(self) -> socket.socket:
        """Datagrams to the network's name server. Raises OSError if there is none."""
        if not self._nameserver:
            raise OSError("no name server")
        host, port = self._nameserver.split(":")
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        plain.connect(socket.getaddrinfo(host, int(port), 0, socket.SOCK_DGRAM)[0][-1])
        plain.setblocking(False)
        return plain


class Board:
    """The pins, clock, flash and network of one simulated companion."""

    name = "sim"
    files = "/flash"
    holds_open = False  # the bolt is pulsed; it can't be held
    inputs: tuple[str, ...] = _INPUTS
    battery_ppm = 0  # the drift bound of a battery clock: there is none
    supply_low_mv = 11_000

    def __init__(self, words: list | None = None) -> None:
        """words: the command line, `--flash FILE --world HOST:PORT [--device MODULE] [--watchdog SECONDS]
        [--scanner MODULE] [--rereads yes] [--dns HOST:PORT]`; without a scanner's module the harness's scanner needs no
        set-up, and without `--rereads` each code that it sends is one that somebody shows anew.
        """
        options = _options(sys.argv if words is None else words)
        self._flash_path = options["flash"]
        self._device_module = options.get("device", "flash_file")
        self._device = None
        self._ticks = time.ticks_ms()
        self._ms = 0
        host, port = options["world"].split(":")
        self._world = socket.getaddrinfo(host, int(port), 0, socket.SOCK_STREAM)[0][-1]
        self._board = self._channel(b"board\n")
        told = json.loads(self._board.readline())
        self._levels: dict[str, int] = told["levels"]  # contacts have levels at power-on
        self._memory = bytes.fromhex(told["memory"])
        self._board.setblocking(False)
        scanner = self._channel(b"scanner\n")
        scanner.setblocking(False)
        self.scanner = _Scanner(scanner)
        self.scanner_module = options.get("scanner", "")
        self.rereads = "rereads" in options
        self.bolt = _Output(self)
        self.card = _Cards()
        self._supply_mv = 12_000
        self.watchdog = _Watchdog(int(options.get("watchdog", _WATCHDOG_S)))
        self.network = _Network(options.get("dns", ""))

    def _channel(self, hello: bytes) -> socket.socket:
        channel = socket.socket()
        channel.connect(self._world)
        channel.send(hello)
        return channel

    def store(self) -> flash_file.Store:
        """The raw flash beside the file system. Raises OSError or ValueError if there is none."""
        device = self._device = __import__(self._device_module).Device(self._flash_path)
        return flash_file.Store(device)

    def mount(self) -> None:
        """Mount the file system under `files`, after `store`. Raises OSError if there is none."""
        vfs.mount(vfs.VfsLfs2(self._device, mtime=False), self.files)

    def format(self) -> None:
        """Make a new, empty file system and mount it. Raises OSError."""
        vfs.VfsLfs2.mkfs(self._device)
        self.mount()

    # time and chance

    def monotonic_ms(self) -> int:
        """Milliseconds since power came; never wraps; the harness can move it forward."""
        now = time.ticks_ms()
        self._ms += time.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._ms

    def utc_hint(self) -> int | None:
        """A battery clock's time: this board has none."""
        return None

    def keep_utc(self, seconds: int) -> None:
        """Set the battery clock: there is none."""

    def tls_date(self, seconds: int) -> None:
        """TLS takes the date from the host here; nothing to set."""

    def random(self, n: int) -> bytes:
        """n random bytes fit for keys and identities."""
        return os.urandom(n)

    # outputs

    def tell(self, facts: dict) -> None:
        """One line to the harness, with the time. Ends the process if the harness is gone."""
        facts["ms"] = self.monotonic_ms()
        line = json.dumps(facts).encode() + b"\n"
        sent = 0
        poll = None
        while sent < len(line):
            try:
                n = self._board.write(line[sent:])
            except OSError:
                sys.exit(0)
            if n:
                sent += n
                continue
            if poll is None:
                poll = select.poll()
                poll.register(self._board, select.POLLOUT)
            if not poll.poll(_SEND_PATIENCE_MS):
                sys.exit(0)

    def light(self, colour: str, pattern: str) -> None:
        """Set the light: a colour and how it shows (steady, blink, pulse, off)."""
        self.tell({"light": colour, "pattern": pattern})

    def sound(self, name: str) -> None:
        """Start a short sound."""
        self.tell({"sound": name})

    def trace(self, **facts: object) -> None:
        """Tell the harness a fact that no guest sees."""
        self.tell(facts)

    def supply_mv(self) -> int:
        """The supply's voltage, millivolts."""
        return self._supply_mv

    def rssi(self) -> int | None:
        """The radio's signal: there is no radio."""
        return None

    def read(self, name: str) -> int:
        """Level of an input, 1 = active: door open, bolt thrown back, lock's motor driven, handle, privacy, tamper."""
        return self._levels.get(name, 0)

    # the harness's end

    async def listen(self) -> None:
        """Take what the harness says. Returns never; ends the process when the harness goes away."""
        reader = asyncio.StreamReader(self._board)
        while True:
            try:
                line = await reader.readline()
            except OSError:
                line = b""
            if not line.endswith(b"\n"):
                sys.exit(0)
            try:
                self._obey(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as wrong:
                self.tell({"trace": "not understood: %s" % wrong})

    def _obey(self, said: dict) -> None:
        if "sense" in said:
            self._levels[said["sense"]] = 1 if said["value"] else 0
        if "card" in said:
            self.card.number = said["card"]
        if "supply_mv" in said:
            self._supply_mv = said["supply_mv"]
        if "advance_ms" in said:
            self._ms += said["advance_ms"]
            self.tell({"advanced": said["advance_ms"]})
        if said.get("ask") == "flash" and self._device is not None:
            self.tell({"flash": self._device.counts()})
        if said.get("ask") == "heap":
            gc.collect()
            self.tell({"heap": {"used": gc.mem_alloc(), "free": gc.mem_free()}})

    def tasks(self) -> list:
        """Endless tasks that this board needs run: (name, coroutine, how long it may stand still in ms)."""
        return [("board", self.listen(), None)]  # the harness may be silent for as long as it likes

    # power

    def memory(self) -> bytes:
        """What was remembered before the last restart; empty after power came."""
        return self._memory

    def remember(self, data: bytes) -> None:
        """Keep these few bytes until power goes."""
        if data != self._memory:
            self._memory = bytes(data)
            self.tell({"memory": data.hex()})

    def restart(self) -> None:
        """Start the machine again: the harness gives power at once."""
        sys.exit(_RESTART)

    def halt(self) -> None:
        """Stay dark until somebody comes: the process ends, and the harness leaves it so."""
        sys.exit(_HALTED)

    # network

    dial = staticmethod(tls_dial.dial)
