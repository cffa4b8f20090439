"""The world of the model: a hotel with its cloud, its broker, its doors and the phones that hold tokens.

Every action is one that a person, another system, the network or the power can take. Refusals of a verb are answers;
anything else that a verb raises is a fault.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest import mock

from lockmate import clock, db, doors, keys, outbox, pki, properties, settings, staff, stays
from lockmate.app import create_app
from lockmate.doors import companions, policies
from lockmate.errors import Refused
from lockmate.ingest import batch
from lockmate.keys import Holder, Key, holders, vault
from lockmate.protocol import TOPIC_ACK
from lockmate.staff import PERMISSIONS, Account, Actor, create_account
from lockmate.stays import Guest, Stay
from lockmate.web.security import limiter
from tools.truth.doorway import ROAD_MQTT, Doorway

BEGIN_MS = 1_795_453_300_000
ROOMS = ("801", "802", "803")
LIFT = "Lift"
_BOARDS = (("801", "suite-left-door"), ("801", "suite-right-door"), ("802", "c-802-door"), ("803", "c-803-door"),
           (LIFT, "c-lift-door"))
_PPM = (80, -60, 0, 95, -90)
_ENDS_THE_PARTY = ("check_out", "moved", "moved_back", "lost", "rekeyed")  # and with it the room's generation
_PASSWORD = "correct horse"  # noqa: S105 - of a hotel that lives for seconds


@dataclass(slots=True)
class InHand:
    """What phones have of a key: its tokens, and when the right ended as the whole world knows, not only the books."""

    door: str
    generation: int
    number: int  # in the order in which keys were first fetched, over all restores
    tokens: list[Any] = field(default_factory=list)
    party_over: int | None = None  # the number of the next key when this one's whole party lost the room
    ended: dict[str, int] = field(default_factory=dict)  # by door: the policy version from which on it knows


class World:
    """See the head of this file. `counts`: what was done, by name and by what was answered."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")  # noqa: S108 - memory where there is some: a step writes many small files
        self._folder = Path(tempfile.mkdtemp(prefix="lockmate-truth-", dir=shared if shared.is_dir() else None))
        self.true_ms = BEGIN_MS
        self._patch = mock.patch.object(clock, "now_ms", self._now_ms)
        self._patch.start()
        self.counts: Counter[str] = Counter()
        self.walls: dict[str, Doorway] = {}
        self.retained: dict[str, bytes] = {}
        self.hand: dict[str, InHand] = {}
        self.backup: Path | None = None
        self.restores = 0
        self._made = 0
        try:
            self._open_hotel()
        except BaseException:
            self.close()  # or the clock stands still for whoever comes after
            raise

    def _now_ms(self) -> int:
        return self.true_ms

    def close(self) -> None:
        """Wipe it."""
        db.database.close()
        self._patch.stop()
        shutil.rmtree(self._folder)

    def _open_hotel(self) -> None:
        data = self._folder / "data"
        if _Template.folder is None or not _Template.folder.exists():
            _Template.make(self._folder.parent)
        assert _Template.folder is not None
        shutil.copytree(_Template.folder, data)
        app = create_app(settings.load({"LOCKMATE_DATA": str(data)}))
        limiter.enabled = False  # its minutes are those of the wall; the next application has its limits again
        self._http = app.test_client()
        self._asked = 0
        db.database.execute_sql("PRAGMA synchronous = off")  # the power of this machine is none of the model's
        self.hotel = properties.Property.get()
        account = Account.get()
        self.desk = Actor(account.id, account.name, self.hotel, PERMISSIONS["desk"])
        self.pms = Actor(None, "pms Harbour", self.hotel, PERMISSIONS["desk"])
        for (door, companion_id), ppm in zip(_BOARDS, _PPM, strict=True):
            self._hang(companion_id, _Template.files[companion_id], door, ppm)

    def _hang(self, companion_id: str, files: dict[str, bytes], door: str, ppm: int) -> None:
        self._made += 1
        folder = self._folder / f"flash-{self._made}"
        self.walls[companion_id] = Doorway(folder, companion_id, door, files, self.true_ms, ppm)
        self.retained.pop(companion_id, None)

    def door(self, name: str) -> properties.Door:
        """By name."""
        return properties.Door.get(properties.Door.name == name)

    def does(self, name: str, verb: Any, *args: Any, **kwargs: Any) -> Any:
        """Do it, and count what came of it; None if it was refused."""
        try:
            done = verb(*args, **kwargs)
        except Refused as refused:
            self.counts[f"{name}: {refused.code}"] += 1
            return None
        self.counts[name] += 1
        return done

    def asks(self, step: str, reference: str, *, twice: bool = False, **body: Any) -> dict[str, Any] | None:
        """The PMS asks over HTTP (docs/pms.md): "put", or a step of a reservation; None if it was refused.

        `twice`: its answer was lost, so it asks again under the same key; that must answer the same.
        """
        self._asked += 1
        method, path = ("PUT", reference) if step == "put" else ("POST", f"{reference}/{step}")
        headers = {"Authorization": f"Bearer {_Template.token}", "Idempotency-Key": f"{self.restores}-{self._asked}"}
        answers: list[tuple[int, Any]] = []
        for _ in range(1 + twice):
            answer = self._http.open(f"/api/pms/1/reservations/{path}", method=method, headers=headers, json=body)
            assert answer.status_code < 500, f"pms {step}: {answer.json}"
            answers.append((answer.status_code, answer.json))
        assert answers[0] == answers[-1], f"pms {step}, sent twice: {answers}"
        told: dict[str, Any] = answers[0][1]
        refused = answers[0][0] != 200
        self.counts[f"pms {step}: {told['code']}" if refused else f"pms {step}"] += 1
        return None if refused else told

    # --- time, power, network

    def time_passes(self, ms: int) -> None:
        """For everybody; what is due is tended, as the worker does."""
        self.true_ms += ms
        for board in self.walls.values():
            board.time_is(self.true_ms)
        stays.tend()
        doors.tend()
        self.note_ends()

    def delivers(self, lost: set[str] | None = None) -> None:
        """The outbox goes to the broker; messages for the companions in `lost` never arrive there."""
        for row in outbox.lease("mqtt", 256):
            companion_id = row.address.split("/")[2]
            if companion_id not in (lost or ()):
                if row.retained:
                    self.retained[companion_id] = bytes(row.payload)
                else:
                    board = self.walls.get(companion_id)
                    if board is not None and board.connected:
                        board.scan(bytes(row.payload).decode(), ROAD_MQTT)
            outbox.sent(row)

    def meets(self, board: Doorway, *, hears: bool = True, says: bool = True, acked: bool = True) -> None:
        """A door and the broker: it hears the policy that is kept for it, and says what it has to say."""
        board.connected = True
        wire = self.retained.get(board.companion_id)
        if hears and wire is not None:
            board.hears(wire)
        if not says:
            return
        lines, state = board.says()
        topic = f"lm/1/{board.companion_id}/up/"
        arrivals = [_arrival(topic + "events", lines)] if lines else []
        kept = batch.keep([*arrivals, _arrival(topic + "state", state)])
        board.cuts_told = board.cuts
        for ack in kept.acks if acked else ():
            companion_id = ack.companion.companion_id
            self.walls[companion_id].takes_ack(ack.payload(TOPIC_ACK % companion_id))

    def in_step(self, board: Doorway) -> None:
        """Until it holds the newest, if nothing is lost on the way."""
        for _ in range(3):
            self.delivers()
            self.meets(board)
        row = companions.by_id(board.companion_id)
        if row is not None and row.state == "in_service":  # whatever its link key and its past: it is heard
            assert row.log == board.log, f"{board.companion_id} is not heard"
            assert row.seq >= board.seq - 2, f"{board.companion_id} is not heard beyond {row.seq} of {board.seq}"

    # --- backups and boards

    def backs_up(self) -> None:
        """The whole database, as it is."""
        db.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.database.close()
        self.backup = self._folder / "backup.db"
        shutil.copy(self._folder / "data" / "lockmate.db", self.backup)
        self.backed_up = {companion_id: board.door for companion_id, board in self.walls.items()}

    def restores_backup(self) -> None:
        """The database of then; the doors, the broker and the phones are those of now."""
        if self.backup is None or self.backed_up != {one: board.door for one, board in self.walls.items()}:
            return
        db.database.close()
        for old in (self._folder / "data").glob("lockmate.db*"):
            old.unlink()
        shutil.copy(self.backup, self._folder / "data" / "lockmate.db")
        self.restores += 1
        self.counts["restore"] += 1
        for board in self.walls.values():
            board.cuts_told = -1
        stays.after_restore(self.hotel, by=self.pms)  # what the operator runs (docs/operate.md)
        self.note_ends()

    def replaces(self, board: Doorway) -> None:
        """The installer takes it down and hangs another in its place."""
        row = companions.by_id(board.companion_id)
        if row is None or row.state != "in_service":
            return
        self._made += 1
        name = f"board-{self._made:04d}"
        request = pki.device_key(name).request
        made = self.does("replace", companions.replace, row, name, request, by=self.desk)
        if made is not None:
            board.is_taken_down()
            del self.walls[board.companion_id]
            self._hang(made.companion.companion_id, made.files, board.door, _PPM[self._made % len(_PPM)])

    # --- phones

    def phone(self) -> Holder:
        """A new one."""
        return holders.new()[0]

    def key_for(self, guest: Guest, holder: Holder | None = None) -> Key | None:
        """Issued at the desk."""
        number = f"139{guest.id:08d}"
        key: Key | None = self.does("authorise", stays.authorise, guest, holder or self.phone(), number, by=self.desk)
        return key

    def fetches(self, key: Key, slots: int | None = None) -> None:
        """The phone is on line: it has the tokens of a day, or some."""
        got = self.does("fetch", keys.sheaf, key, self.true_ms // 1000, slots=slots)
        if got:
            name = key.door.name if key.door is not None else ""
            hand = self.hand.setdefault(key.key_id, InHand(name, key.generation, len(self.hand)))
            hand.tokens = sorted({*hand.tokens, *(got if slots else (got[0], got[len(got) // 2], got[-1]))})[-12:]

    def scans(self, key_id: str, board: Doorway) -> str:
        """Whoever has it holds the token of now to a door; the oldest that is not over if there is none."""
        tokens = self.tokens_now(key_id)
        if not tokens:
            return ""
        verdict = board.scan(tokens[0].text)
        self.counts[f"scan: {verdict}"] += 1
        if verdict == "open" and board.door == self.hand[key_id].door:
            board.newest_guest = max(board.newest_guest, self.hand[key_id].number)
        return verdict

    def tokens_now(self, key_id: str) -> list[Any]:
        """The one in its slot, and the one that lasts longest."""
        hand = self.hand.get(key_id)
        if hand is None:
            return []
        now = self.true_ms // 1000
        present = [token for token in hand.tokens if token.nbf <= now <= token.exp]
        return [*present[-1:], *hand.tokens[-1:]]

    # --- what the world knows beyond the books

    def note_ends(self) -> None:
        """From which policy on each door has heard that a key ended. One that a restore revived did not end yet."""
        for key in Key.select().where(Key.state != "ended"):
            hand = self.hand.get(key.key_id)
            if hand is not None:
                hand.ended, hand.party_over = {}, None
        for key in Key.select().where(Key.state == "ended"):
            hand = self.hand.get(key.key_id)
            if hand is None or hand.ended or not key.newest_exp:
                continue
            if key.end_reason in _ENDS_THE_PARTY:
                hand.party_over = len(self.hand)
            for door in doors.doors_of(key):
                newest = policies.newest(door)
                hand.ended[door.name] = newest.version if newest is not None else 0

    def stays_in(self, state: str = "in_house") -> list[Stay]:
        """By row."""
        return list(Stay.select().where(Stay.state == state).order_by(Stay.id))


def _arrival(topic: str, payload: bytes) -> Any:
    return SimpleNamespace(connection=None, mid=0, qos=1, topic=topic, payload=payload, retained=False)


class _Template:
    """A data folder with a hotel in it, made once a process and copied for each world."""

    folder: Path | None = None
    files: ClassVar[dict[str, dict[str, bytes]]] = {}  # of each board, as enrolment gave them
    token = ""  # the PMS's

    @classmethod
    def make(cls, beside: Path) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="lockmate-truth-template-", dir=beside))
        vault.make(cls.folder / "master.key")
        vault.make(cls.folder / "secret.key")
        db.migrate(settings.use(settings.load({"LOCKMATE_DATA": str(cls.folder)})))
        made = doors.commission("Harbour", "Asia/Shanghai")
        properties.add_zone(made, 0, "Guests")
        for number, name in enumerate(ROOMS, 801):
            properties.add_door(made, number, name, "room", [8])
        properties.add_door(made, 9001, LIFT, "common", [0])
        create_account(made, "anna@Harbour", _PASSWORD, "desk")
        _, cls.token = staff.systems.connect(made, "Harbour", by=Actor.system(made))
        for door, companion_id in _BOARDS:
            at = properties.Door.get(properties.Door.name == door)
            request = pki.device_key(companion_id).request
            cls.files[companion_id] = companions.enrol(made, at, companion_id, request).files
        db.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.database.close()

    @classmethod
    def wipe(cls) -> None:
        if cls.folder is not None:
            shutil.rmtree(cls.folder, ignore_errors=True)
            cls.folder = None


wipe = _Template.wipe
