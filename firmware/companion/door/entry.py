"""The way from a code to an open bolt: read, judge, keep what was learned and the event, and only then open.

Whatever goes wrong on the way, the door stays shut, the journal says so if it still can, and the
next guest finds a companion that works.
"""

import asyncio
import binascii

from companion.core import gate
from companion.core.names import FORGED, OPEN, RESET, ROAD_QR, ROADS, name_of
from companion.store.faults import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from companion.core.clock import Clock
    from companion.core.token import Token
    from companion.door.bolt import Bolt
    from companion.door.feedback import Feedback
    from companion.store.beliefs import Beliefs
    from companion.store.journal import Journal
    from companion.store.tally import Tally

_MANY = 5  # forged tokens on one road within _RUN_MS that are no slip any more
_RUN_MS = 600_000
_AGAIN_MS = 600_000  # an alarm that goes on is told again after this, and then after twice as long each time
_AGAIN_MAX_MS = 6 * 3_600_000
FAULT = -1  # in place of a verdict: something failed, nothing was opened


class ForgeryAlarm:
    """Somebody who goes on showing forged tokens is an event, and again while it goes on, ever more seldom."""

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self._runs = [[0, 0], [0, 0]]  # of each road: since when, how many
        self._next_ms = 0
        self._pause_ms = _AGAIN_MS

    def forged(self, road: int, now_ms: int) -> None:
        """One more. Raises OSError if the event can't be kept."""
        run = self._runs[road]
        if not run[1] or now_ms - run[0] > _RUN_MS:
            run[0], run[1] = now_ms, 0
        run[1] += 1
        if run[1] < _MANY or now_ms < self._next_ms:
            return
        if now_ms - self._next_ms > _AGAIN_MAX_MS:
            self._pause_ms = _AGAIN_MS
        self._journal.write("fault", code="forgeries", road=ROADS[road], count=run[1])
        self._next_ms = now_ms + self._pause_ms
        self._pause_ms = min(2 * self._pause_ms, _AGAIN_MAX_MS)


class Entry:
    """The door's one entrance, for both roads; one code at a time."""

    def __init__(
        self,
        beliefs: "Beliefs",
        clock: "Clock",
        journal: "Journal",
        tally: "Tally",
        bolt: "Bolt",
        feedback: "Feedback",
        monotonic_ms: "Callable[[], int]",
        told: "Callable[..., None]",
    ) -> None:
        """told(verdict=…, road=…): the console's or harness's line about each verdict."""
        self._beliefs = beliefs
        self._clock = clock
        self._journal = journal
        self._tally = tally
        self._bolt = bolt
        self._feedback = feedback
        self._now = monotonic_ms
        self._told = told
        self._one_at_a_time = asyncio.Lock()
        self._alarm = ForgeryAlarm(journal)
        self.opened_ms = -1_000_000  # when we last opened; the senses tell our opens from others by it

    async def present(self, text: bytes | str, road: int) -> int:
        """Answer a code from a road (ROAD_QR, ROAD_MQTT): the verdict, or FAULT. Never raises."""
        async with self._one_at_a_time:
            try:
                verdict = self._answer(text, road)
                name = name_of(verdict)
            except Exception as failed:  # noqa: BLE001 - whatever it is, the door goes on; the event tells it
                verdict, name = FAULT, "fault"
                self._failed(failed)
            self._tell(verdict, name, road)
            return verdict

    def _answer(self, text: bytes | str, road: int) -> int:
        now_ms = self._now()
        lo, hi = self._clock.interval(now_ms)
        self._beliefs.forget(self._clock.floor(now_ms))  # a used key is not forgotten on a battery clock's word
        verdict, token, learns = gate.judge(text, road, self._beliefs, (lo, hi), now_ms)
        if verdict == FORGED:
            self._beliefs.forged(road, now_ms)
            self._alarm.forged(road, now_ms)
        if token is not None and learns is not None:
            self._admit(verdict, token, learns, road, hi)
        elif road == ROAD_QR and self._beliefs.stays_open(lo, hi):
            self._let_pass(lo, hi)
            verdict = OPEN
        else:
            self._tally.refused(verdict, road, token, now_ms)
        return verdict

    def _admit(self, verdict: int, token: "Token", learns: gate.Learns, road: int, hi: int | None) -> None:
        """Keep what was learned and the event on flash, and then open."""
        self._beliefs.learn(learns)
        self._clock.raise_floor(learns.floor, self._now())
        fields: dict = {
            "road": ROADS[road],
            "verdict": name_of(verdict),
            "key_id": binascii.hexlify(token.key_id).decode(),
            "generation": token.generation,
        }
        if hi is None:
            fields["clock"] = "lost"
        if verdict == RESET:
            self._journal.write("policy", **fields)  # it changed what the door believes, and opened nothing
            return
        self._journal.write("opened", **fields)
        self._open()

    def _let_pass(self, lo: int, hi: int | None) -> None:
        """The door stands open by its mode: anything held before the scanner opens it, if it is not open just now."""
        if self._bolt.open:
            return
        self._journal.write("opened", road=ROADS[ROAD_QR], mode=self._beliefs.mode(lo, hi))
        self._open()

    def _open(self) -> None:
        self.opened_ms = self._now()
        self._bolt.pulse(self._beliefs.bolt_ms)

    def _failed(self, failed: Exception) -> None:
        """Shut, and said in the journal if it takes it."""
        try:
            self._bolt.release()
            self._journal.write("fault", code="entry", error=describe(failed))
        except Exception:  # noqa: BLE001 - nothing more can be done about it here
            pass

    def _tell(self, verdict: int, name: str, road: int) -> None:
        """Light, sound and console: of no weight beside the bolt, so whatever fails here changes nothing.

        What anyone who has the broker can send is not shown: it would sound at the door all night.
        """
        try:
            if verdict == FAULT:
                self._feedback.fault(self._now())
            elif road == ROAD_QR or verdict > FORGED:
                self._feedback.verdict(verdict, self._now())
            self._told(verdict=name, road=ROADS[road])
        except Exception:  # noqa: BLE001 - see above
            pass

