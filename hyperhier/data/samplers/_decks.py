"""Shuffled decks to draw the samples of a class from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from hyperhier.data.samplers._inputs import Codes

__all__ = ["ClassDecks", "Deck", "GroupedDeck", "Turns"]


class Deck:
    """Cards dealt in shuffled order; shuffled anew when used up.

    ``take(n)`` gives n different cards if there are so many; a card comes again only when
    all have been dealt.

    >>> deck = Deck([7, 8, 9], np.random.default_rng(0))
    >>> sorted(deck.take(3)), sorted(set(deck.take(5)))
    ([7, 8, 9], [7, 8, 9])
    """

    def __init__(self, cards: Sequence[int] | Codes, rng: np.random.Generator) -> None:
        self._cards = np.asarray(cards)
        self._rng = rng
        self._left: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._cards)

    def take(self, count: int) -> list[int]:
        """The next ``count`` cards."""
        taken: list[int] = []
        while len(taken) < count:
            if not self._left:
                self._shuffle(held=taken)
            taken.append(self._left.popleft())
        return taken

    def _shuffle(self, held: list[int]) -> None:
        """A new order in which the cards of the hand so far come last."""
        order = [int(card) for card in self._rng.permutation(self._cards)]
        hand = set(held[-(len(held) % len(order)) :] if len(held) % len(order) else ())
        self._left.extend(card for card in order if card not in hand)
        self._left.extend(card for card in order if card in hand)


class GroupedDeck:
    """Cards of several groups, dealt one group after the other.

    ``take(n)`` gives cards of n different groups if there are so many, else as evenly from
    all of them as possible; within a group the cards follow each other as in :class:`Deck`.

    >>> deck = GroupedDeck([1, 2, 3, 4], [0, 0, 0, 1], np.random.default_rng(0))
    >>> 4 in deck.take(2)
    True
    """

    def __init__(
        self, cards: Sequence[int] | Codes, groups: Sequence[int] | Codes, rng: np.random.Generator
    ) -> None:
        cards, groups = np.asarray(cards), np.asarray(groups)
        names = np.unique(groups)
        self._decks = {int(name): Deck(cards[groups == name], rng) for name in names}
        self._order = Deck(names, rng)
        self._size = len(cards)

    def __len__(self) -> int:
        return self._size

    def take(self, count: int) -> list[int]:
        """The next ``count`` cards."""
        turns = self._order.take(count)
        wanted = {group: turns.count(group) for group in dict.fromkeys(turns)}
        hands = {group: iter(self._decks[group].take(n)) for group, n in wanted.items()}
        return [next(hands[group]) for group in turns]


class ClassDecks:
    """A deck for each class, made when it is first asked for.

    Args:
        codes: ``(N,)`` the class of each sample, 0 to C - 1, all of which occur.
        groups: ``(N,)`` the group of each sample, or None.
    """

    def __init__(self, codes: Codes, groups: Codes | None, rng: np.random.Generator) -> None:
        order = np.argsort(codes, kind="stable")
        self._members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
        self._groups = groups
        self._rng = rng
        self._decks: dict[int, Deck | GroupedDeck] = {}

    def take(self, chosen: int, count: int) -> list[int]:
        """The next ``count`` samples of a class."""
        if chosen not in self._decks:
            members = self._members[chosen]
            self._decks[chosen] = (
                Deck(members, self._rng)
                if self._groups is None
                else GroupedDeck(members, self._groups[members], self._rng)
            )
        return self._decks[chosen].take(count)


class Turns:
    """Whose turn it is, among classes that each have a share.

    Class c comes up about every ``1 / share[c]`` turns, and as evenly as possible: the one
    that has waited longest for its share is first.

    Args:
        share: ``(C,)`` positive numbers.
        rng: where in its period each class starts.
    """

    def __init__(self, share: np.ndarray, rng: np.random.Generator) -> None:
        self._period = 1.0 / share
        self._due = rng.random(len(share)) * self._period

    def order(self, among: np.ndarray) -> Iterator[int]:
        """Some classes, the one whose turn it is first."""
        due = self._due[among]
        first = int(due.argmin())
        yield int(among[first])
        for place in np.argsort(due, kind="stable"):
            if place != first:
                yield int(among[place])

    def use(self, chosen: int) -> None:
        """Count a turn of a class."""
        self._due[chosen] += self._period[chosen]
