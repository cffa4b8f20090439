"""The stateful property: random hands do random things, and after each the judge looks at everything."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lockmate import doors, keys, stays
from lockmate.doors import companions
from lockmate.keys import Key, holders
from lockmate.stays import Guest, Order, Stay
from tools.truth.doorway import Doorway
from tools.truth.judging import Judge
from tools.truth.world import LIFT, ROOMS, World

rooms = st.sampled_from(ROOMS)
some = st.integers(0, 10_000)  # which of those that there are
by_pms = st.booleans()
references = st.integers(1, 12).map("R-{}".format)
_MINUTE = 60_000


class Totals:
    """Over all runs: what was done, and how much was looked at."""

    runs = 0
    steps = 0
    checks = 0
    done: ClassVar[Counter[str]] = Counter()
    states: ClassVar[set[tuple[Any, ...]]] = set()


class Machine(RuleBasedStateMachine):
    """See the head of this file."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.judge = Judge(self.world)
        Totals.runs += 1

    def teardown(self) -> None:
        Totals.checks += self.judge.checks
        Totals.done.update(self.world.counts)
        self.world.close()

    @invariant()
    def all_is_as_it_is_said(self) -> None:
        Totals.steps += 1
        self.world.note_ends()
        self.judge.look()
        Totals.states.add(self._state())

    def _state(self) -> tuple[Any, ...]:
        """What distinguishes states from each other, without times and row numbers."""
        boards = tuple(
            (board.door, board.beliefs.generation, board.beliefs.guests_trusted, board.clock.interval(0)[1] is None)
            for board in self.world.walls.values()
        )
        held = tuple(sorted((key.state, key.end_reason, key.generation, bool(key.newest_exp)) for key in Key.select()))
        return boards, held, tuple(sorted((stay.state, stay.room_id, stay.generation) for stay in Stay.select()))

    @initialize(hours=st.sampled_from((3, 20, 50)), heard=st.booleans())
    def two_rooms_are_taken(self, hours: int, heard: bool) -> None:
        """So that every run has something at stake from its first step on: one by the desk, one by the PMS."""
        if heard:
            self.all_doors_come_in_step()
        self.somebody_walks_in(ROOMS[0], hours, 2, pms=False)
        self.the_pms_puts_a_reservation("R-1", ROOMS[1], hours // 24, twice=False)
        self.the_pms_checks_in(0, None, twice=False)
        if heard:
            self.all_doors_come_in_step()

    # --- those who are picked

    def _by(self, pms: bool) -> Any:
        return self.world.pms if pms else self.world.desk

    def _stay(self, n: int, state: str = "in_house") -> Stay | None:
        found = self.world.stays_in(state)
        return found[n % len(found)] if found else None

    def _board(self, n: int) -> Doorway:
        boards = list(self.world.walls.values())
        return boards[n % len(boards)]

    def _key(self, n: int) -> Key | None:
        found = list(Key.select().where(Key.state == "active", Key.kind == "guest").order_by(Key.id))
        return found[n % len(found)] if found else None

    # --- desk and PMS

    @rule(room=rooms, hours=st.sampled_from((1, 3, 20, 50)), guests=st.integers(1, 2), pms=by_pms)
    def somebody_walks_in(self, room: str, hours: int, guests: int, pms: bool) -> None:
        ends_at = self.world.true_ms + hours * 3_600_000
        stay = self.world.does(
            "walk_in", stays.walk_in, self.world.hotel, self.world.door(room), [("Li", "")] * guests, ends_at=ends_at,
            by=self._by(pms),
        )
        for guest in stay.present() if stay is not None else ():
            key = self.world.key_for(guest)
            if key is not None:
                self.world.fetches(key)

    @rule(room=rooms, pms=by_pms, evict=st.booleans())
    def an_order_is_checked_in(self, room: str, pms: bool, evict: bool) -> None:
        today = stays.bounds.today(self.world.hotel, self.world.true_ms)
        order = stays.orders.enter(
            self.world.hotel, "Wang", "", today, today.fromordinal(today.toordinal() + 1), by=self._by(pms)
        )
        stay = self.world.does("prepare", stays.prepare, order, self.world.door(room), by=self._by(pms))
        key = self.world.key_for(stay.present()[0]) if stay is not None else None
        if key is None:
            return
        stay = Stay.get_by_id(stay.id)
        begun = self.world.does("check_in", stays.check_in, stay, by=self._by(pms))
        if begun is None and evict:
            there = stays.occupant(self.world.door(room))
            if there is not None:
                begun = self.world.does("evict", stays.evict, stay, sleeper=there[0], by=self._by(pms))
        if begun is not None:
            self.world.fetches(Key.get_by_id(key.id))

    # --- the PMS, over its own interface

    @rule(reference=references, room=rooms, nights=st.integers(0, 3), twice=st.booleans())
    def the_pms_puts_a_reservation(self, reference: str, room: str, nights: int, twice: bool) -> None:
        today = stays.bounds.today(self.world.hotel, self.world.true_ms)
        days = {"arrival": str(today), "departure": str(today.fromordinal(today.toordinal() + nights))}
        self.world.asks("put", reference, guest="Wu", room=room, twice=twice, **days)

    @rule(n=some, room=st.none() | rooms, twice=st.booleans())
    def the_pms_checks_in(self, n: int, room: str | None, twice: bool) -> None:
        reference = self._reference(n, "booked")
        told = self.world.asks("check-in", reference, twice=twice, **{"room": room} if room else {})
        if told is not None:
            stay = Stay.get(Stay.order == Order.get(Order.reference == reference), Stay.state == "in_house")
            key = self.world.key_for(stay.present()[0])
            if key is not None:
                self.world.fetches(key)

    @rule(n=some, room=rooms, at_once=st.booleans(), twice=st.booleans())
    def the_pms_moves(self, n: int, room: str, at_once: bool, twice: bool) -> None:
        self.world.asks("move", self._reference(n), room=room, at_once=at_once, twice=twice)

    @rule(n=some, minutes=st.sampled_from((1, 20, 300, 3_000)), twice=st.booleans())
    def the_pms_changes_the_end(self, n: int, minutes: int, twice: bool) -> None:
        ends_at = stays.bounds.local(self.world.hotel, self.world.true_ms + minutes * _MINUTE)
        self.world.asks("change", self._reference(n), ends_at=ends_at.isoformat(timespec="seconds"), twice=twice)

    @rule(n=some, step=st.sampled_from(("check-out", "cancel")), twice=st.booleans())
    def the_pms_ends_it(self, n: int, step: str, twice: bool) -> None:
        self.world.asks(step, self._reference(n, "checked_in" if step == "check-out" else "booked"), twice=twice)

    def _reference(self, n: int, state: str = "checked_in") -> str:
        """One that the PMS uses in this state; one that it never told if there is none."""
        of_pms = Order.select().where(Order.reference.is_null(False), Order.state == state)
        found = sorted(str(order.reference) for order in of_pms)
        return found[n % len(found)] if found else "R-0"

    @rule(n=some)
    def somebody_joins(self, n: int) -> None:
        stay = self._stay(n)
        guest = self.world.does("name_guest", stays.name_guest, stay, "Zhang", by=self.world.desk) if stay else None
        key = self.world.key_for(guest) if guest is not None else None
        if key is not None:
            self.world.fetches(key)

    @rule(n=some, room=rooms, at_once=st.booleans(), pms=by_pms)
    def a_stay_moves(self, n: int, room: str, at_once: bool, pms: bool) -> None:
        stay = self._stay(n)
        if stay is not None:
            self.world.does("move", stays.move, stay, self.world.door(room), at_once=at_once, by=self._by(pms))

    @rule(n=some)
    def a_stay_moves_back(self, n: int) -> None:
        stay = self._stay(n)
        if stay is not None:
            self.world.does("move_back", stays.move_back, stay, by=self.world.desk)

    @rule(n=some, pms=by_pms)
    def a_stay_checks_out(self, n: int, pms: bool) -> None:
        stay = self._stay(n)
        if stay is not None:
            self.world.does("check_out", stays.check_out, stay, by=self._by(pms))

    @rule(n=some)
    def a_check_out_is_undone(self, n: int) -> None:
        stay = self._stay(n, "ended")
        if stay is not None:
            self.world.does("undo", stays.undo_check_out, stay, by=self.world.desk)

    @rule(n=some, minutes=st.sampled_from((1, 20, 300, 3_000)), pms=by_pms)
    def a_stay_gets_another_end(self, n: int, minutes: int, pms: bool) -> None:
        stay = self._stay(n)
        if stay is not None:
            ends_at = self.world.true_ms + minutes * _MINUTE
            self.world.does("reschedule", stays.reschedule, stay, ends_at=ends_at, by=self._by(pms))

    @rule(n=some, which=some)
    def a_phone_is_lost(self, n: int, which: int) -> None:
        stay = self._stay(n)
        people = stay.present() if stay is not None else []
        if people:
            self.world.does("rekey", stays.rekey, stay, [people[which % len(people)]], by=self.world.desk)

    @rule(n=some)
    def a_guest_is_removed(self, n: int) -> None:
        guests = Guest.select().join(Stay).where(Stay.state == "in_house", Guest.removed_at.is_null())
        found = list(guests.order_by(Guest.id))
        if found:
            self.world.does("remove_guest", stays.remove_guest, found[n % len(found)], by=self.world.desk)

    @rule(n=some)
    def after_a_restore_a_person_gives_new_keys(self, n: int) -> None:
        stay = self._stay(n)
        if stay is not None and self.world.restores:
            self.world.does("rekey", stays.rekey, stay, by=self.world.desk)

    # --- staff

    @rule(hours=st.sampled_from((1, 9)))
    def a_staff_key_is_issued(self, hours: int) -> None:
        now = self.world.true_ms
        key = self.world.does(
            "issue_staff", keys.issue_staff, holders.new()[0], self.world.hotel, 1 << 8 | 1, "Lin", now,
            now + hours * 3_600_000, by=self.world.desk,
        )
        if key is not None:
            self.world.fetches(key)

    @rule(n=some)
    def a_staff_key_ends(self, n: int) -> None:
        found = list(Key.select().where(Key.kind == "staff", Key.state == "active").order_by(Key.id))
        if found:
            self.world.does("end_staff", doors.end_staff_key, found[n % len(found)], "lost", by=self.world.desk)

    # --- guests

    @rule(n=some, day=st.booleans())
    def a_phone_fetches(self, n: int, day: bool) -> None:
        key = self._key(n)
        if key is not None:
            self.world.fetches(key, None if day else 2)

    @rule(n=some, board=some)
    @precondition(lambda self: self.world.hand)
    def a_code_is_held_to_a_door(self, n: int, board: int) -> None:
        held = sorted(self.world.hand)
        key_id = held[n % len(held)]
        at = [one for one in self.world.walls.values() if one.door in (self.world.hand[key_id].door, LIFT)]
        if at:
            self.world.scans(key_id, at[board % len(at)])

    @rule(door=st.sampled_from((*ROOMS, LIFT)))
    def a_door_is_opened_from_afar(self, door: str) -> None:
        self.world.does("open", doors.open_remotely, self.world.door(door), reason="luggage", by=self.world.desk)

    # --- time, network, power

    @rule(minutes=st.sampled_from((0, 1, 1, 16, 70, 400, 1_500)))
    def time_passes(self, minutes: int) -> None:
        self.world.time_passes(minutes * _MINUTE + 1_000)

    @rule(n=some, lossy=st.booleans())
    def the_outbox_goes(self, n: int, lossy: bool) -> None:
        self.world.delivers({self._board(n).companion_id} if lossy else set())

    @rule(n=some, hears=st.booleans(), says=st.booleans(), acked=st.booleans())
    def a_door_meets_the_broker(self, n: int, hears: bool, says: bool, acked: bool) -> None:
        self.world.meets(self._board(n), hears=hears, says=says, acked=acked)

    @rule(n=some)
    def a_door_comes_in_step(self, n: int) -> None:
        self.world.in_step(self._board(n))

    @rule()
    def all_doors_come_in_step(self) -> None:
        for board in list(self.world.walls.values()):
            self.world.in_step(board)

    @rule(n=some)
    def the_broker_forgets(self, n: int) -> None:
        self.world.retained.pop(self._board(n).companion_id, None)

    @rule(n=some)
    def a_door_is_offline(self, n: int) -> None:
        board = self._board(n)
        board.connected = False
        row = companions.by_id(board.companion_id)
        if row is not None:
            companions.offline(row)

    @rule(n=some, minutes=st.sampled_from((0, 1, 90, 1_500)))
    def the_power_fails(self, n: int, minutes: int) -> None:
        board = self._board(n)
        self.world.true_ms += minutes * _MINUTE
        for other in self.world.walls.values():
            if other is not board:
                other.time_is(self.world.true_ms)
        board.loses_power(self.world.true_ms)

    @rule(n=some)
    def a_door_loses_its_beliefs(self, n: int) -> None:
        self._board(n).loses_beliefs(self.world.true_ms)

    @rule(n=some)
    def a_board_is_replaced(self, n: int) -> None:
        self.world.replaces(self._board(n))

    @rule()
    def link_keys_move_on(self) -> None:
        self.world.does("rotate links", doors.linking.begin, self.world.hotel, by=self.world.desk)

    @rule()
    def the_database_is_backed_up(self) -> None:
        self.world.backs_up()

    @rule()
    @precondition(lambda self: self.world.backup is not None)
    def the_database_is_restored(self) -> None:
        self.world.restores_backup()
