"""A stand-in for the serial loader in an Espressif chip's ROM: what esptool says without its stub, on a flash file.

The protocol is Espressif's own ("Serial protocol" in esptool's documentation): SLIP packets (RFC 1055), requests
`00 op size16 checksum32`, replies `01 op size16 value32` with the data, two status bytes and two reserved ones.
Register addresses are those of the chips' technical reference manuals; a register answers 0 unless named here.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

END, ESCAPE = 0xC0, 0xDB
_ESCAPED = {0xDC: END, 0xDD: ESCAPE}
FLASH_BEGIN, FLASH_DATA, FLASH_END, SYNC, WRITE_REG, READ_REG = 0x02, 0x03, 0x04, 0x08, 0x09, 0x0A
SPI_SET_PARAMS, SPI_ATTACH, CHANGE_BAUD = 0x0B, 0x0D, 0x0F
DEFL_BEGIN, DEFL_DATA, DEFL_END, MD5, SECURITY_INFO = 0x10, 0x11, 0x12, 0x13, 0x14
_MAGIC_REGISTER = 0x40001000
_READ_ID, _READ_SFDP, _SFDP = 0x9F, 0x5A, 0x50444653
_UNSUPPORTED = b"\x01\x05"
_SECTOR = 4096


@dataclass(frozen=True, slots=True)
class _Chip:
    """Where a chip has the registers that a loader's user asks for; number: of its images, magic: of old ROMs only."""

    number: int
    spi: int
    spi_command: int
    spi_data: int
    mac: int
    magic: int | None = None


_CHIPS = {
    "esp32": _Chip(0, 0x3FF42000, 0x24, 0x80, 0x3FF5A004, 0x00F01D83),
    "esp32s3": _Chip(9, 0x60002000, 0x20, 0x58, 0x60007044),
    "esp32c3": _Chip(5, 0x60002000, 0x20, 0x58, 0x60008844),
    "esp32c6": _Chip(13, 0x60003000, 0x20, 0x58, 0x600B0844),
}


class Rom:
    """The loader of one chip. `feed` takes what came over the wire, `send` is called with every reply."""

    def __init__(self, chip: str, mac: bytes, flash: Path, send: Callable[[bytes], None]) -> None:
        """chip: esptool's name of it ("esp32", "esp32s3", "esp32c3", "esp32c6"); mac: six bytes; flash: its file."""
        self._chip = _CHIPS[chip]
        self._flash = flash
        self._send = send
        self._packet: bytearray | None = None
        self._escape = False
        self._registers: dict[int, int] = {}
        self._place = 0
        self._left = 0
        self._inflate = zlib.decompressobj()
        self.commands: list[int] = []  # every request in order, for tests
        self._registers[self._chip.mac] = int.from_bytes(mac[2:], "big")
        self._registers[self._chip.mac + 4] = int.from_bytes(mac[:2], "big")
        if self._chip.magic is not None:
            self._registers[_MAGIC_REGISTER] = self._chip.magic

    @property
    def quiet(self) -> bool:
        """Whether no packet is under way."""
        return self._packet is None

    def drop(self) -> None:
        """The line went: a packet under way is gone."""
        self._packet = None
        self._escape = False

    def feed(self, data: bytes) -> None:
        """Take bytes of the wire; answers every whole packet."""
        for byte in data:
            if byte == END:
                packet, self._packet = self._packet, None
                if packet:
                    self._request(bytes(packet))
                else:
                    self._packet = bytearray()
            elif self._packet is None:
                continue  # noise between packets
            elif self._escape:
                self._packet.append(_ESCAPED.get(byte, byte))
                self._escape = False
            elif byte == ESCAPE:
                self._escape = True
            else:
                self._packet.append(byte)

    def _request(self, packet: bytes) -> None:
        if len(packet) < 8 or packet[0] != 0:
            return
        op, size, _checksum = struct.unpack("<BHI", packet[1:8])
        body = packet[8 : 8 + size]
        self.commands.append(op)
        if op == SYNC:
            for _ in range(8):  # the ROM answers a synchronisation eight times
                self._reply(op, value=0x20120707)
            return
        actions: dict[int, Callable[[bytes], tuple[int, bytes]]] = {
            READ_REG: self._read_register, WRITE_REG: self._write_register, SPI_ATTACH: _nothing,
            SPI_SET_PARAMS: _nothing, CHANGE_BAUD: _nothing, FLASH_BEGIN: self._begin, FLASH_DATA: self._data,
            FLASH_END: _nothing, DEFL_BEGIN: self._begin, DEFL_DATA: self._deflated, DEFL_END: _nothing,
            MD5: self._md5,
        }  # fmt: skip
        if self._chip.magic is None:
            actions[SECURITY_INFO] = self._security
        act = actions.get(op)
        if act is None:
            self._reply(op, status=_UNSUPPORTED)
            return
        value, data = act(body)
        self._reply(op, value, data)

    def _reply(self, op: int, value: int = 0, data: bytes = b"", status: bytes = b"\0\0") -> None:
        body = data + status + b"\0\0"
        raw = struct.pack("<BBHI", 1, op, len(body), value) + body
        escaped = raw.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        self._send(b"\xc0" + escaped + b"\xc0")

    # --- registers

    def _read_register(self, body: bytes) -> tuple[int, bytes]:
        return self._registers.get(struct.unpack("<I", body[:4])[0], 0), b""

    def _write_register(self, body: bytes) -> tuple[int, bytes]:
        address, value = struct.unpack("<II", body[:8])
        base = self._chip.spi
        if address == base:  # go: the command that USR2 names, its answer in W0; done at once
            command = self._registers.get(base + self._chip.spi_command, 0) & 0xFF
            answers = {_READ_ID: self._flash_id(), _READ_SFDP: _SFDP}
            self._registers[base + self._chip.spi_data] = answers.get(command, 0)
            return 0, b""
        self._registers[address] = value
        return 0, b""

    def _flash_id(self) -> int:
        """JEDEC: manufacturer, type, log2 of the size."""
        return 0xEF | 0x40 << 8 | (self._flash.stat().st_size.bit_length() - 1) << 16

    def _security(self, _body: bytes) -> tuple[int, bytes]:
        return 0, struct.pack("<IB7BII", 0, 0, *[0] * 7, self._chip.number, 0)

    # --- flash

    def _begin(self, body: bytes) -> tuple[int, bytes]:
        erase, _blocks, _block, place = struct.unpack("<IIII", body[:16])
        self._place, self._left = place, erase
        self._inflate = zlib.decompressobj()
        first = place // _SECTOR * _SECTOR
        last = -(-(place + erase) // _SECTOR) * _SECTOR
        self._put(first, b"\xff" * (last - first))
        return 0, b""

    def _data(self, body: bytes) -> tuple[int, bytes]:
        self._write(body[16 : 16 + struct.unpack("<I", body[:4])[0]])
        return 0, b""

    def _deflated(self, body: bytes) -> tuple[int, bytes]:
        self._write(self._inflate.decompress(body[16 : 16 + struct.unpack("<I", body[:4])[0]]))
        return 0, b""

    def _write(self, data: bytes) -> None:
        data = data[: self._left]
        self._put(self._place, data)
        self._place += len(data)
        self._left -= len(data)

    def _put(self, place: int, data: bytes) -> None:
        room = self._flash.stat().st_size - place
        with self._flash.open("r+b") as chip:
            chip.seek(place)
            chip.write(data[: max(room, 0)])

    def _md5(self, body: bytes) -> tuple[int, bytes]:
        place, size = struct.unpack("<II", body[:8])
        with self._flash.open("rb") as chip:
            chip.seek(place)
            digest = hashlib.md5(chip.read(size), usedforsecurity=False).hexdigest()
        return 0, digest.encode()


def _nothing(_body: bytes) -> tuple[int, bytes]:
    return 0, b""
