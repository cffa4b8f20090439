"""The audit trail: tagged lines in raw flash, kept until the cloud says that it has them.

A line is `tag SP json LF`, on flash in fewer bytes (store/squeeze.py), durable when `write` returns, and never changed
afterwards. `settle` erases ahead and makes room while nobody waits, little by little, so that no line waits for it.
The newest line is never deleted: it carries the log and the seq into the next boot.
"""

import asyncio
import binascii
import json

from companion.core import mac
from companion.store.raw import BLOCK
from companion.store.segments import AHEAD, COPY, ROOM, Segment, Segments
from companion.store.squeeze import is_light, seq_of, squeeze, stretch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from companion.store.raw import Area

_LINE_MAX = 600
_HEAD = 17  # tag and space
_TAG = 16
_WASTE = 120  # bytes at a block's end that no line fits into
_PIECE = 4  # lines looked at in one step of making room
_NONE_LOST = (0, 0, 0)  # lines given up: the first, the last, how many

_ORDER = ("road", "verdict", "key_id", "generation", "card", "count")


class Journal:
    """The companion's log. `log`: 16 hex digits; `seq`: of the newest line; `boot_seq`: first of this boot."""

    def __init__(
        self,
        area: "Area",
        link_key: "bytes | bytearray",
        interval: "Callable[[], tuple[int, int | None]]",
        random_bytes: "Callable[[int], bytes]",
        former: "bytes | bytearray" = b"",
    ) -> None:
        """interval(): (lo, hi) in seconds; former: the link key that older lines may be under, changed in place.

        Reads what is there; raises OSError if the flash can't be used.
        """
        self._link_key = link_key
        self._former = former
        self._interval = interval
        self._segments = Segments(area)
        self._live = self._segments.live
        self._freeing: "Generator[None, None, None] | None" = None  # room that is being made
        self._place: tuple[int, Segment | None, int] = (0, None, 0)  # after which seq, and where the next line is
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
        while self._is_done(_LINE_MAX) and self._segments.free < 2 and len(self._live) > 1:
            self._make_room()
        seq = self._append(self._line(kind, fields))
        self.written.set()
        return seq

    def settle(self) -> bool:
        """Erase ahead, or go on making room in a full journal, when nobody waits. False if nothing was to do."""
        if self._freeing is not None or (self._segments.free < AHEAD and len(self._live) > 1):
            self._make_room(_PIECE)
            return True
        return self._segments.tend()

    def _line(self, kind: str, fields: dict) -> bytes:
        lo, hi = self._interval()
        unsure = "null" if hi is None else hi - lo
        parts = ['{"log":"%s","seq":%d,"at":%d,"unsure":%s,"kind":"%s"' % (self.log, self.seq + 1, lo, unsure, kind)]
        names = [name for name in _ORDER if name in fields]
        for name in names + sorted([name for name in fields if name not in _ORDER]):
            parts.append('"%s":%s' % (name, _value(fields[name])))
        body = (",".join(parts) + "}").encode()
        if len(body) > _LINE_MAX - _HEAD - 1:
            raise ValueError("event too long")
        return b" ".join((mac.tag(self._link_key, body).encode(), body))

    def _append(self, line: bytes) -> int:
        packed = squeeze(line, self.log) + b"\n"
        if not self._is_done(len(packed)):
            try:
                self._segments.append(self._live[-1], packed)
                return self._took(self._live[-1], packed)
            except OSError:
                pass  # that block is no good any more
        segment = self._segments.open(self.seq + 1, binascii.unhexlify(self.log), packed)
        segment.heavy = 0
        self._live.append(segment)
        seq = self._took(segment, packed)
        self._trim()
        return seq

    def _took(self, segment: Segment, packed: bytes) -> int:
        self.seq += 1
        segment.last = self.seq
        if segment.heavy >= 0 and not is_light(packed):
            segment.heavy += len(packed)
        return self.seq

    def _is_done(self, more: int) -> bool:
        """Whether the newest segment has no room for so many bytes more."""
        return not self._live or self._live[-1].end + more > BLOCK

    # what the uplink reads

    @property
    def oldest(self) -> int:
        """The first seq that may still be kept: what lies before it was stored, or was told lost."""
        return self._live[0].first if self._live else self.seq + 1

    def pending(self, after_seq: int, max_bytes: int) -> "list[tuple[int, bytes]]":
        """Lines after a seq, oldest first, without their LF: at least one if there is any, else up to max_bytes."""
        found: list[tuple[int, bytes]] = []
        size = 0
        for n in range(len(self._live)):
            segment = self._live[n]
            if self._last(n) <= after_seq:
                continue
            for at, packed in self._lines_after(segment, after_seq):
                seq = seq_of(packed) if at else 0
                if seq <= after_seq:
                    continue
                line = self._right(packed)
                if line is None:
                    continue
                if found and size + len(line) + 1 > max_bytes:
                    return found
                found.append((seq, line))
                size += len(line) + 1
                after_seq = seq
                self._place = (seq, segment, at)
        return found

    def tag(self, seq: int) -> str | None:
        """The tag of a line that is still kept."""
        for n in range(len(self._live)):
            if type(seq) is int and self._live[n].first <= seq <= self._last(n):
                for at, packed in self._segments.lines(self._live[n]):
                    if at and seq_of(packed) == seq and self._right(packed) is not None:
                        return packed[:_TAG].decode()
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
        while len(self._live) > 1 and self._last(0) <= self.acked:
            if self._freeing is not None:  # its blocks may go, and there is room now
                self._freeing.close()
                self._freeing = None
            self._segments.drop(self._live[0])

    def _last(self, n: int) -> int:
        """The newest seq that segment n can hold."""
        return self.seq if n + 1 == len(self._live) else self._live[n].last or self._live[n + 1].first - 1

    def _lines_after(self, segment: Segment, seq: int) -> "Generator[tuple[int, bytes], None, None]":
        """The segment's lines, from where the last reader ended if that was there."""
        after, place, at = self._place
        if after == seq and place is segment:  # its block may be another segment's by now
            return self._segments.lines(segment, at)
        return self._segments.lines(segment)

    def _right(self, packed: bytes) -> bytes | None:
        """The line, None if its tag does not fit."""
        line = stretch(packed, self.log)
        if mac.tag(self._link_key, line[_HEAD:]).encode() == line[:_TAG]:
            return line
        if self._former and mac.tag(self._former, line[_HEAD:]).encode() == line[:_TAG]:
            return line
        return None

    def _right_lines(self, segment: Segment) -> "Generator[tuple[int, bytes], None, None]":
        """(seq, line as it is on flash) of the lines that are right, and not in the segment before."""
        last = segment.after
        for at, packed in self._segments.lines(segment):
            seq = seq_of(packed) if at else 0
            if seq > last and self._right(packed) is not None:
                last = seq
                yield seq, packed

    # a full journal

    def _make_room(self, most: int = 0) -> None:
        """Go on with freeing a segment, most: for how many lines; 0: to the end. Lines may be written in between."""
        freeing, self._freeing = self._freeing or self._free_one(), None
        for _ in freeing:
            most -= 1
            if most == 0:
                self._freeing = freeing
                return

    def _free_one(self) -> "Generator[None, None, None]":
        """Counted refusals and telemetry go first, then the oldest events; `log_lost` tells it."""
        n = yield from self._worth_packing()
        while n < len(self._live) - 1 and self._segments.free:
            n = yield from self._pack(n)
            if n < 0:
                return
        oldest = self._live[0]
        lost = _NONE_LOST
        for seq, packed in self._right_lines(oldest):
            yield
            lost = self._and_lost(lost, seq)
            if seq > self.acked and b'log_lost"' in packed:  # what it told is told again
                event = json.loads(stretch(packed, self.log)[_HEAD:])
                more = event.get("count", event["to"] - event["from"] + 1)
                lost = min(lost[0], event["from"]), seq, lost[2] + more
        try:
            self._tell_lost(lost)
            self._segments.drop(oldest)
        except OSError:  # blocks went bad: there is none to tell it in before
            self._segments.drop(oldest)
            self._tell_lost(lost)

    def _worth_packing(self) -> "Generator[None, None, int]":
        """The first segment that holds what may be given up, if all such together make up a block."""
        spare = 0
        first = len(self._live)
        for n in range(len(self._live) - 2, -1, -1):
            if self._live[n].heavy < 0:
                yield from self._weigh(self._live[n])
            room = ROOM - self._live[n].heavy - _WASTE
            if room > 0:
                spare += room
                first = n
        return first if spare > ROOM else len(self._live)

    def _weigh(self, segment: Segment) -> "Generator[None, None, None]":
        heavy = 0
        for at, packed in self._segments.lines(segment):
            yield
            if at and seq_of(packed) > segment.after and not is_light(packed):
                heavy += len(packed) + 1
        segment.heavy = heavy

    def _pack(self, n: int) -> "Generator[None, None, int]":
        """Fill one new block with what must stay of segments n and on, and drop those that are all in it.

        Returns where to go on, -1 if a block is free by it.

        The new one counts from when it is whole and told what it left out; the old ones go then. One that is in it in
        part stays, and its readers skip that part. Where a block fails, or somebody gives it up, all stays as it was.
        """
        fresh: Segment | None = None
        part: Segment | None = None
        counts = False
        done: list[Segment] = []
        lost = kept_lost = _NONE_LOST  # in all; before the newest line of `fresh`
        try:
            for segment in self._live[n:-1]:
                passed = lost
                for seq, packed in self._right_lines(segment):
                    yield
                    packed += b"\n"
                    if is_light(packed):
                        lost = self._and_lost(lost, seq)
                        continue
                    if fresh is None:
                        fresh = self._segments.open(seq, binascii.unhexlify(self.log), packed, COPY)
                    elif fresh.end + len(packed) > BLOCK:
                        part = segment
                        break
                    else:
                        self._segments.append(fresh, packed)
                    fresh.last = seq
                    kept_lost = lost
                if part is not None and fresh is not None:
                    lost = kept_lost if part.first <= fresh.last else passed
                    break
                done.append(segment)
            self._tell_lost(lost)
            if fresh is not None:
                self._segments.count(fresh)
            counts = True
        except OSError:
            return n + 1
        finally:
            if fresh is not None and not counts:
                self._segments.drop(fresh)
        for segment in done:
            self._segments.drop(segment)
        if fresh is None:
            return -1
        if part is not None:
            part.after, part.heavy = fresh.last, -1
        fresh.heavy = fresh.end - BLOCK + ROOM
        self._live.insert(n, fresh)
        return n + 1 if len(done) < 2 else -1

    def _and_lost(self, lost: "tuple[int, int, int]", seq: int) -> "tuple[int, int, int]":
        """The same, and one line more, unless the cloud has it."""
        return (lost[0] or seq, seq, lost[2] + 1) if seq > self.acked else lost

    def _tell_lost(self, lost: "tuple[int, int, int]") -> None:
        """Before it is gone, so that a cut in between tells too much and never too little."""
        if lost[2]:
            self._append(self._line("log_lost", {"from": lost[0], "to": lost[1], "count": lost[2]}))

    # reading what an earlier boot left

    def _load(self) -> int:
        """Find what is ours; the number of lines at the end that were whole once and are not right any more."""
        self._drop_strangers()
        self._skip_doubles()
        top = 0
        while self._live:
            newest = self._live[-1]
            bad = self._check_newest(newest)
            top = max(top, (newest.last or newest.first - 1) + bad)
            if newest.last:
                self.seq = newest.last
                return top - self.seq
            self._segments.drop(newest)
        self.log = ""
        return 0

    def _drop_strangers(self) -> None:
        """The newest line whose tag is right names the log; what is of another one goes."""
        for segment in reversed(self._live):
            self.log = binascii.hexlify(segment.log).decode()
            if self._has_right(segment):
                break
            self.log = ""
        for segment in list(self._live):
            if segment.log != binascii.unhexlify(self.log):
                self._segments.drop(segment)

    def _has_right(self, segment: Segment) -> bool:
        for _ in self._right_lines(segment):
            return True
        return False

    def _skip_doubles(self) -> None:
        """Of segments that overlap where several were put together, the earlier counts: the lines are the same."""
        newest = 0
        former: Segment | None = None
        for segment in self._live:
            if former is not None and (former.kind or segment.kind or former.first == segment.first):
                newest = max(newest, self._newest_in(former))
            if segment.first <= newest:
                segment.after = newest
            former = segment

    def _newest_in(self, segment: Segment) -> int:
        if not segment.last:
            for seq, _ in self._right_lines(segment):
                segment.last = seq
        return segment.last

    def _check_newest(self, segment: Segment) -> int:
        """Check the newest segment line by line, and find its end; the bad lines there."""
        segment.last = bad = whole = 0
        torn = False
        for at, packed in self._segments.lines(segment):
            seq = seq_of(packed) if at else 0
            torn = not at
            if seq > segment.last and self._right(packed) is not None:
                segment.last = seq
                whole = at
                bad = 0
            else:
                bad += at > 0
        self.torn += torn
        self._segments.seal(segment, whole)
        return bad


def _value(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    if len(text.encode()) > len(text) or "\x7f" in text:
        return json.dumps("?")  # a line is ASCII: what isn't, on flash, stands for a phrase
    return text
