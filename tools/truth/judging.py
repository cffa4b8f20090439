"""What must hold after every step, at every door, for every key that anybody has tokens of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockmate import doors
from lockmate.doors import Companion, Policy, policies, truth
from lockmate.keys import Key

if TYPE_CHECKING:
    from lockmate.doors import Truth
    from lockmate.properties import Door
    from tools.truth.doorway import Doorway
    from tools.truth.world import World

_PAST = ("superseded", "revoked")


@dataclass(slots=True)
class _Foretold:
    """Until when (ms) a key was said to open at a door at the latest, and how things were when it last reported."""

    until: int
    newest_exp: int
    ends_at: int
    cuts: dict[str, int]


class Judge:
    """Remembers what was foretold. `checks`: how many facts were looked at; one that fails is an AssertionError."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._foretold: dict[tuple[str, str], _Foretold] = {}
        self.checks = 0

    def look(self) -> None:
        """Everything, once."""
        world = self._world
        rows = {key.key_id: key for key in Key.select()}
        by_door: dict[str, list[Doorway]] = {}
        for board in world.walls.values():
            by_door.setdefault(board.door, []).append(board)
        for key_id in world.hand:
            key = rows.get(key_id)
            if key is None:
                self._lost_to_the_books(key_id, by_door)
                continue
            for door in doors.doors_of(key):
                self._one(key, door, by_door.get(door.name, []))
        self._one_party_a_room(rows)

    def _one(self, key: Key, door: Door, boards: list[Doorway]) -> None:
        said = truth.at(key, door)
        verdicts = {board.companion_id: self._verdicts(key.key_id, board) for board in boards}
        opens = [board for board in boards if "open" in verdicts[board.companion_id]]
        self._statement(key, door, said, opens)
        self._foretell(key, door, said, boards, opens)
        stands = key.state == "active" and key.starts_at <= self._world.true_ms < key.ends_at
        for board in boards:
            told = verdicts[board.companion_id]
            if stands:
                self._stands(key, door, board, told, said)
            elif board in opens:
                self._ended(key, door, board)

    def _verdicts(self, key_id: str, board: Doorway) -> list[str]:
        return [board.verdict(token.text) for token in self._world.tokens_now(key_id)]

    def _statement(self, key: Key, door: Door, said: Truth, opens: list[Doorway]) -> None:
        """Never more optimistic than the door."""
        self.checks += 1
        if said.kind in ("ended_confirmed", "ended", "prepared"):
            assert not opens, f"{key.key_id} at {door.name}: {said}, but {[one.companion_id for one in opens]} opens"
        else:
            assert said.until is None or said.until > self._world.true_ms, f"{key.key_id}: {said} is over"

    def _foretell(self, key: Key, door: Door, said: Truth, boards: list[Doorway], opens: list[Doorway]) -> None:
        """What was said of the future holds, unless a person changed it, or the power failed since the last report."""
        about = key.key_id, door.name
        before = self._foretold.get(about)
        same = before is not None and (before.newest_exp, before.ends_at) == (key.newest_exp, key.ends_at)
        if before is not None and same and self._world.true_ms > before.until:
            for board in opens:
                self.checks += 1
                cut = before.cuts.get(board.companion_id) != board.cuts
                assert cut, f"{about}: to open until {before.until} at the latest, and opens at {self._world.true_ms}"
        until = said.latest if said.kind == "open_until" else said.until if said.kind == "ended_may_open" else None
        if until is None:
            self._foretold.pop(about, None)
            return
        self._foretold[about] = _Foretold(
            until, key.newest_exp, key.ends_at, {board.companion_id: board.cuts_told for board in boards}
        )

    def _stands(self, key: Key, door: Door, board: Doorway, told: list[str], said: Truth) -> None:
        """Whose right stands is not refused by a door in step; and nowhere as one whose right has ended."""
        world = self._world
        token = next(iter(world.tokens_now(key.key_id)), None)
        if token is None or not token.nbf <= world.true_ms // 1000 <= token.exp:
            return
        if board.beliefs.generation > key.generation and door.id == key.door_id:
            row = Companion.get(Companion.companion_id == board.companion_id)
            self.checks += 1
            assert world.restores, f"{key.key_id} stands, and {board.companion_id} has seen a newer key"
            if row.generation > key.generation and len(policies.companions_of(door)) == 1:
                assert said.ahead == (door.name,), f"{key.key_id}: nothing says that {board.companion_id} is ahead"
            return
        self.checks += 1
        if not world.restores:
            assert told[0] not in _PAST, f"{key.key_id} stands, and {board.companion_id} says {told[0]}"
        newest = policies.newest(door)
        in_step = newest is not None and (board.beliefs.held_version, board.beliefs.held_hash) == (
            newest.version, newest.hash
        )
        if in_step and board.beliefs.guests_trusted:
            self.checks += 1
            assert told[0] == "open", f"{key.key_id} stands, {board.companion_id} is in step and says {told[0]}"

    def _ended(self, key: Key, door: Door, board: Doorway) -> None:
        """An ended right, and the door opens: it must not know, nor have seen a newer key, nor be past the end."""
        hand = self._world.hand[key.key_id]
        self.checks += 1
        knows = hand.ended.get(door.name)
        if key.state == "ended" and knows is not None and self._is_ours(board, door):
            assert board.beliefs.held_version < knows, f"{key.key_id} ended; {board.companion_id} knows, and opens"
        if door.id == key.door_id:
            newer = board.beliefs.generation > key.generation
            assert not newer, f"{key.key_id} ended; {board.companion_id} has seen a newer key, and opens"
            passed = hand.party_over is not None and board.newest_guest >= hand.party_over
            assert not passed, f"{key.key_id} ended; {board.companion_id} opened for a later guest, and opens for it"
        lo, hi = board.clock.interval(board.mono_ms)
        if hi is not None:
            assert lo <= key.newest_exp, f"{key.key_id}: {board.companion_id} opens after the last token's end"

    def _is_ours(self, board: Doorway, door: Door) -> bool:
        """Whether it holds a policy of our books, and none of a time that a restore lost."""
        held = Policy.get_or_none(Policy.door == door, Policy.version == board.beliefs.held_version)
        return held is not None and held.hash == board.beliefs.held_hash

    def _lost_to_the_books(self, key_id: str, by_door: dict[str, list[Doorway]]) -> None:
        """Issued in a time that a restore lost: a newer key still ends it at the room."""
        hand = self._world.hand[key_id]
        for board in by_door.get(hand.door, []):
            self.checks += 1
            if board.beliefs.generation > hand.generation:
                assert "open" not in self._verdicts(key_id, board), f"{key_id} is superseded, and opens"

    def _one_party_a_room(self, rows: dict[str, Key]) -> None:
        """Tonight's guest never evicts the sleeper: no two generations of a room stand at once."""
        standing: dict[int, set[int]] = {}
        for key in rows.values():
            if key.kind == "guest" and key.state == "active" and key.ends_at > self._world.true_ms:
                standing.setdefault(key.door_id or 0, set()).add(key.generation)
        self.checks += 1
        assert all(len(generations) == 1 for generations in standing.values()), standing
