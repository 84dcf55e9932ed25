"""Choosing the classes of a batch so that none comes without its siblings."""

from __future__ import annotations

from itertools import islice

import numpy as np

from hyperhier.data.samplers._decks import Turns
from hyperhier.data.samplers._families import Family

__all__ = ["BlockChooser"]


class BlockChooser:
    """Chooses classes in blocks of one family.

    Once a batch holds a class of a family, it holds ``min(siblings, core)`` of its core.

    Args:
        found: the families of all classes, as positions 0 to C - 1.
        classes: classes per batch, at most.
        siblings: classes of a core that come together; 1: no such demand.
    """

    def __init__(self, found: list[Family], classes: int, siblings: int) -> None:
        count = sum(len(family) for family in found)
        self._classes = classes
        self._cores = [np.array(family.core) for family in found]
        self._size = np.array([len(family) for family in found])
        # how many of a core a batch holds if it holds one of the family at all
        self._need = np.array([min(siblings, len(f.core)) if siblings > 1 else 0 for f in found])
        self._home = np.empty(count, dtype=np.int64)
        self._guest = np.zeros(count, dtype=bool)
        for number, family in enumerate(found):
            self._home[family.members] = number
            self._guest[family.guests] = True

    def too_large(self) -> int | None:
        """A class that no batch has room for together with its relatives, if there is one."""
        cost = 1 + self._need[self._home] - (~self._guest & (self._need[self._home] > 0))
        found = np.flatnonzero(cost > self._classes)
        return int(found[0]) if len(found) else None

    def choose(self, turns: Turns) -> list[int]:
        """Distinct classes: the one whose turn it is first, then those that fill the batch."""
        state = _State(self)
        state.take_block(next(turns.order(np.arange(len(self._home)))), turns)
        goal = len(state.chosen) + self._most(state, self._classes - len(state.chosen))
        while len(state.chosen) < goal:
            room = goal - len(state.chosen)
            cost = state.cost()
            fits: dict[int, bool] = {}
            for c in turns.order(np.flatnonzero(state.free & (cost <= room))):
                # what is left to fill depends on the family and the cost alone
                key = int(self._home[c] * (room + 1) + cost[c])
                if key not in fits:
                    left = room - int(cost[c])
                    fits[key] = self._most(state, left, int(self._home[c]), int(cost[c])) == left
                if fits[key]:
                    state.take_block(c, turns)
                    break
        return state.chosen

    def _most(self, state: _State, room: int, family: int = -1, block: int = 0) -> int:
        """The largest number of classes, at most ``room``, that whole blocks come to.

        Args:
            family, block: count as if so many classes of that family were taken already.
        """
        taken = state.taken.copy()
        started = (state.inside > 0) | (self._need == 0)
        if family >= 0:
            taken[family] += block
            started[family] = True
        reach = 1  # bit n: n classes are possible
        full = (1 << (room + 1)) - 1
        for f in np.concatenate((np.flatnonzero(started), np.flatnonzero(~started))).tolist():
            if reach >> room & 1:
                break
            spare = int(self._size[f] - taken[f])
            least = 1 if started[f] else int(self._need[f])
            before = reach
            for k in range(least, min(spare, room) + 1):
                reach |= before << k
            reach &= full
        return reach.bit_length() - 1


class _State:
    """What a batch holds so far."""

    def __init__(self, rules: BlockChooser) -> None:
        self._rules = rules
        self.chosen: list[int] = []
        self.free = np.ones(len(rules._home), dtype=bool)
        self.taken = np.zeros(len(rules._cores), dtype=np.int64)  # classes, by family
        self.inside = np.zeros(len(rules._cores), dtype=np.int64)  # of them in the core

    def cost(self) -> np.ndarray:
        """``(C,)``: how many classes each class brings into the batch, itself included."""
        lacking = (self._rules._need - self.inside)[self._rules._home] - ~self._rules._guest
        return 1 + np.maximum(0, lacking)

    def take_block(self, first: int, turns: Turns) -> None:
        """A class, and those of its family's core that the batch lacks."""
        extra = int(self.cost()[first]) - 1
        self._take(first, turns)
        if extra:
            core = self._rules._cores[self._rules._home[first]]
            for c in list(islice(turns.order(core[self.free[core]]), extra)):
                self._take(c, turns)

    def _take(self, c: int, turns: Turns) -> None:
        turns.use(c)
        self.chosen.append(c)
        self.free[c] = False
        self.taken[self._rules._home[c]] += 1
        self.inside[self._rules._home[c]] += not self._rules._guest[c]
