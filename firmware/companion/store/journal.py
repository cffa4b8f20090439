"""The audit trail: tagged lines in segment files on littlefs, kept until the cloud says that it has them.

A line is `tag SP json LF`, durable when `write` returns, and never changed afterwards. A segment is
named by its first seq and fills one flash block, so that an append copies one block at most.
The newest line is never deleted: it carries the log and the seq into the next boot.
"""

import asyncio
import binascii
import json

from companion.core import mac
from companion.store import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_SEGMENT_BYTES = 4096
_FRESH_BYTES = 1024  # an acknowledged segment longer than this is not appended to
_SEGMENTS = 24
_LINE_MAX = 600
_HEAD = 17  # tag and space
_NO_SPACE = 28

# A full journal gives these up first: what strangers can make a door write, at its scanner or by the broker, must not
# push out what happened. A refused policy is one of those.
_GIVEN_UP_FIRST = (
    b'"kind":"refused"', b'"fault":"policy"', b'"kind":"clock"', b'"kind":"power"', b'"kind":"battery_low"',
)  # fmt: skip
_ORDER = ("road", "verdict", "key_id", "generation", "card", "count")


class _Segment:
    """One file: its seqs from `first` to `last`, its size, and how many lines may be given up first."""

    def __init__(self, path: str, first: int) -> None:
        self.path = path
        self.first = first
        self.last = 0
        self.size = 0
        self.light = 0

    def took(self, seq: int, line: bytes) -> None:
        """Count a line that the file holds now."""
        self.last = seq
        self.size += len(line)
        self.light += _is_light(line)


class Journal:
    """The companion's log. `log`: 16 hex digits; `seq`: of the newest line; `boot_seq`: first of this boot."""

    def __init__(
        self,
        directory: str,
        link_key: "bytes | bytearray",
        interval: "Callable[[], tuple[int, int | None]]",
        random_bytes: "Callable[[int], bytes]",
        segments: int = _SEGMENTS,
        former: bytes = b"",
    ) -> None:
        """interval(): (lo, hi) in seconds; former: the link key that older lines may be under.

        Reads what is there; raises OSError if the folder can't be used.
        """
        self._directory = directory
        self._link_key = link_key
        self._former = former
        self._interval = interval
        self._most = segments
        self._segments: list[_Segment] = []
        self.written = asyncio.Event()
        self.log = ""
        self.seq = 0
        self.acked = 0  # in this boot; what an earlier boot was told is sent again, and is the same line
        self.torn = 0  # lines dropped at the end, never durable
        bad = self._load()
        if not self.log:
            self.log = binascii.hexlify(random_bytes(8)).decode()
        self.boot_seq = self.seq + bad + 1
        if bad:
            first = self.seq + 1
            self.seq += bad
            self.write("log_lost", **{"from": first, "to": self.seq})

    # writing

    def write(self, kind: str, **fields: object) -> int:
        """Append an event; its seq. On return it is on flash. Raises OSError if it can't be kept."""
        for _ in range(3):
            try:
                seq = self._append(self._line(kind, fields))
                break
            except OSError as full:
                if full.args[0] != _NO_SPACE or len(self._segments) < 2:
                    raise
                self._make_room()
        else:
            raise OSError(_NO_SPACE)
        self.written.set()
        return seq

    def _line(self, kind: str, fields: dict) -> bytes:
        if len(self._segments) >= self._most and self._segments[-1].size + _LINE_MAX > _SEGMENT_BYTES:
            self._make_room()
        lo, hi = self._interval()
        text = '{"log":"%s","seq":%d,"at":%d,"unsure":%s,"kind":"%s"' % (
            self.log,
            self.seq + 1,
            lo,
            "null" if hi is None else str(hi - lo),
            kind,
        )
        for name in _ORDER:
            if name in fields:
                text += ',"%s":%s' % (name, _value(fields[name]))
        for name in sorted(fields):
            if name not in _ORDER:
                text += ',"%s":%s' % (name, _value(fields[name]))
        body = (text + "}").encode()
        if len(body) > _LINE_MAX - _HEAD - 1:
            raise ValueError("event too long")
        return mac.tag(self._link_key, body).encode() + b" " + body + b"\n"

    def _append(self, line: bytes) -> int:
        seq = self.seq + 1
        if not self._segments or self._is_done(self._segments[-1], len(line)):
            segment = _Segment("%s/%08x" % (self._directory, seq), seq)
            files.write(segment.path, line)
            self._segments.append(segment)
        else:
            segment = self._segments[-1]
            files.append(segment.path, line)
        segment.took(seq, line)
        self.seq = seq
        if segment.first == seq:
            self._trim()
        return seq

    def _is_done(self, segment: _Segment, more: int) -> bool:
        if segment.size + more > _SEGMENT_BYTES:
            return True
        return segment.last <= self.acked and segment.size > _FRESH_BYTES

    # what the uplink reads

    @property
    def oldest(self) -> int:
        """The first seq that may still be kept: what lies before it was stored, or was told lost."""
        return self._segments[0].first if self._segments else self.seq + 1

    def pending(self, after_seq: int, max_bytes: int) -> "list[tuple[int, bytes]]":
        """Lines after a seq, oldest first, without their LF: at least one if there is any, else up to max_bytes."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for segment in self._segments:
            if segment.last <= after_seq:
                continue
            lines = self._lines(segment)
            for seq, line in lines:
                if seq <= after_seq:
                    continue
                if found and size + len(line) > max_bytes:
                    lines.close()  # and with it the file, which nothing else would close
                    return found
                found.append((seq, line[:-1]))
                size += len(line)
                after_seq = seq
        return found

    def tag(self, seq: int) -> str | None:
        """The tag of a line that is still kept."""
        for segment in self._segments:
            if segment.first <= seq <= segment.last:
                lines = self._lines(segment)
                for n, line in lines:
                    if n == seq:
                        lines.close()
                        return line[:16].decode()
        return None

    def stored(self, seq: int, tag: str) -> bool:
        """The cloud has everything up to seq: delete it, if the tag is that line's. False if it is not."""
        if type(seq) is not int or type(tag) is not str or self.tag(seq) != tag:
            return False
        if seq > self.acked:
            self.acked = seq
            self._trim()
        return True

    def _trim(self) -> None:
        """Delete whole segments that are stored, but never the newest."""
        while len(self._segments) > 1 and self._segments[0].last <= self.acked:
            files.remove(self._segments.pop(0).path)

    def _lines(self, segment: _Segment) -> "Generator[tuple[int, bytes], None, None]":
        """(seq, line) of a segment's sound lines, each with its LF."""
        lines = _raw_lines(segment.path)
        try:
            for line in lines:
                seq = self._seq_of(line)
                if seq:
                    yield seq, line
        finally:
            lines.close()  # and with it the file, when the reader stops early

    # a full journal

    def _make_room(self) -> None:
        """Free a segment: counted refusals and telemetry go first, then the oldest events; `log_lost` tells it."""
        lost: list[int] = []
        n = 0
        freed = False
        while not freed and n < len(self._segments) - 1:
            if self._segments[n].light:
                freed = self._compact(n, lost)
            n += 1
        if not freed:
            oldest = self._segments.pop(0)
            lost.extend([seq for seq, _ in self._lines(oldest)])
            files.remove(oldest.path)
        if lost:
            self._append(self._lost_line(min(lost), max(lost), len(lost)))

    def _lost_line(self, first: int, last: int, count: int) -> bytes:
        most, self._most = self._most, 1 << 30  # this line may not ask for room itself
        try:
            return self._line("log_lost", {"from": first, "to": last, "count": count})
        finally:
            self._most = most

    def _compact(self, n: int, lost: list[int]) -> bool:
        """Rewrite segment n without its light lines, into its neighbour if they fit there; True if a file is gone."""
        segment = self._segments[n]
        kept = b""
        last = 0
        for seq, line in self._lines(segment):
            if not _is_light(line):
                kept += line
                last = seq
            elif seq > self.acked:
                lost.append(seq)
        if not kept:
            files.remove(segment.path)
            self._segments.pop(n)
            return True
        before = self._segments[n - 1] if n else None
        if before is not None and before.size + len(kept) <= _SEGMENT_BYTES:
            # A cut between these two leaves lines twice; the reader skips the second ones.
            files.append(before.path, kept)
            before.size += len(kept)
            before.last = last
            files.remove(segment.path)
            self._segments.pop(n)
            return True
        files.write(segment.path, kept)
        segment.size, segment.last, segment.light = len(kept), last, 0
        return False

    # reading what an earlier boot left

    def _load(self) -> int:
        """Find the segments; the number of lines at the end that were whole once and are not right any more."""
        firsts = []
        for name in files.names(self._directory):
            try:
                firsts.append((int(name, 16), self._directory + "/" + name))
            except ValueError:
                files.remove(self._directory + "/" + name)
        for n in range(len(firsts)):
            self._load_segment(firsts[n], firsts[n + 1][0] if n + 1 < len(firsts) else 1 << 60)
        top = 0
        while self._segments:
            newest = self._segments[-1]
            bad = self._check_newest(newest)
            top = max(top, (newest.last or newest.first - 1) + bad)
            if newest.last:
                self.seq = newest.last
                return top - self.seq
            self._segments.pop()
            files.remove(newest.path)
        self.log = ""
        return 0

    def _load_segment(self, name: tuple[int, str], limit: int) -> None:
        """Take a file whose seqs must lie above the segments before it and below `limit`."""
        segment = _Segment(name[1], name[0])
        before = self._segments[-1].last if self._segments else 0
        sound = 0
        for seq, line in self._lines(segment):
            if before < seq < limit:
                before = seq
                sound += 1
                segment.took(seq, line)
        if sound or limit == 1 << 60:  # the newest is looked at more closely
            self._segments.append(segment)
        else:
            files.remove(segment.path)

    def _check_newest(self, segment: _Segment) -> int:
        """Check the newest segment by its tags and rewrite it if something is wrong; the bad lines at its end.

        Line by line: a whole segment at once finds no room in a heap that is in use.
        """
        segment.last = segment.size = segment.light = bad = 0
        line = b"\n"
        wrong = False
        for line in _raw_lines(segment.path):
            seq = self._seq_of(line)
            if seq > segment.last and self._is_right(line):
                segment.took(seq, line)
                bad = 0
            else:
                wrong = True
                bad += line.endswith(b"\n")
        if not line.endswith(b"\n"):
            self.torn += 1
        if wrong and segment.last:
            files.write(segment.path, *self._right_lines(segment.path))
        return bad

    def _right_lines(self, path: str) -> "Generator[bytes, None, None]":
        """The lines that `_check_newest` counts."""
        last = 0
        for line in _raw_lines(path):
            seq = self._seq_of(line)
            if seq > last and self._is_right(line):
                last = seq
                yield line

    def _is_right(self, line: bytes) -> bool:
        for key in (self._link_key, self._former):
            if key and mac.tag(key, line[_HEAD:-1]).encode() == line[:16]:
                return True
        return False

    def _seq_of(self, line: bytes) -> int:
        """The seq of a line of this log, 0 if it is none. The first line whose tag is right names the log."""
        if line[16:25] != b' {"log":"' or line[41:49] != b'","seq":' or not line.endswith(b"}\n"):
            return 0
        if self.log.encode() != line[25:41]:
            if self.log or not self._is_right(line):
                return 0
            self.log = line[25:41].decode()
        try:
            return int(line[49 : line.index(b",", 49)])
        except ValueError:
            return 0


def _raw_lines(path: str) -> "Generator[bytes, None, None]":
    """What stands between line feeds, each with its own, whatever it is; of what is longer than a line, pieces."""
    try:
        source = open(path, "rb")
    except OSError:
        return
    with source:
        while True:
            line = source.readline(_LINE_MAX + 1)
            if not line:
                return
            yield line


def _is_light(line: bytes) -> bool:
    for mark in _GIVEN_UP_FIRST:
        if mark in line:
            return True
    return False


def _value(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
