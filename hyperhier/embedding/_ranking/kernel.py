"""Ranking in hyperbolic space, compiled by numba: one node, all its ancestors, shared negatives.

A point is a row ``(u_1 .. u_d, sinh R, e^(R/2), e^(-R/2))`` of its unit direction u and its
distance R from the origin in units of the curvature radius, padded to whole cache lines of 64
bytes. With ``z = sinh^2(d / 2) = sinh^2((a - b) / 2) + sinh a sinh b |u - v|^2 / 4`` everything
that training needs is algebraic:

* ``exp(-d) = 1 / (1 + 2 z + 2 sqrt(z (1 + z)))``, the term of the softmax;
* the unit gradient of d at a, in the orthonormal frame there: outwards
  ``(sinh(a - b) + cosh a sinh b |u - v|^2 / 2) / sinh d``, and across
  ``-sinh b ((v - u) + u |u - v|^2 / 2) / sinh d``, where ``sinh d = 2 sqrt(z (1 + z))``;
* a step of length t along a geodesic, with ``t / 2`` taken for ``tanh(t / 2)``: that is exactly
  on the geodesic, t up to third order in length, and needs square roots only.

Sums of squares throughout, so that there is no clamp and no radius at which it would go wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["from_table", "ranking_epoch", "to_table"]

FloatArray = NDArray[np.float64]

_LINE = 8  # float64 numbers of a cache line


def to_table(radius: FloatArray, direction: FloatArray) -> FloatArray:
    """Rows for :func:`ranking_epoch` from radii ``(N,)`` and unit directions ``(N, d)``."""
    size, dim = direction.shape
    width = -(-(dim + 3) // _LINE) * _LINE
    memory = np.zeros(size * width + _LINE)
    first = (-memory.ctypes.data % (8 * _LINE)) // 8
    table = memory[first : first + size * width].reshape(size, width)
    table[:, :dim] = direction
    table[:, dim] = np.sinh(radius)
    table[:, dim + 1] = np.exp(0.5 * radius)
    table[:, dim + 2] = np.exp(-0.5 * radius)
    return table


def from_table(table: FloatArray, dim: int) -> tuple[FloatArray, FloatArray]:
    """Radii ``(N,)`` and unit directions ``(N, d)`` of the rows."""
    direction = table[:, :dim]
    return np.arcsinh(table[:, dim]), direction / np.linalg.norm(direction, axis=1, keepdims=True)


@cache
def ranking_epoch() -> Callable[..., float]:
    """:func:`_epoch` as machine code that runs beside others."""
    import numba

    function: Callable[..., float] = numba.njit(
        nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}
    )(_epoch)
    return function


def _epoch(
    table: Any,
    axes: Any,
    nodes: Any,
    start: Any,
    ancestor: Any,
    positives: Any,
    uniform: int,
    frequent: int,
    near: int,
    lr: float,
    max_sinh: float,
    seed: int,
) -> float:
    """Pass over some nodes, moving the rows of ``table`` in place; the sum of their pairs' losses.

    Args:
        table: rows as :func:`to_table` makes them.
        axes: a tuple as long as there are dimensions: the compiler knows its length.
        nodes: which to pass, in this order.
        start, ancestor: the ancestors of u are ``ancestor[start[u]:start[u + 1]]``, and none of
            them is a negative. Ids are in preorder, so that near ids are near nodes.
        positives: how many of these, from the first, are trained on.
        uniform, frequent, near: negatives of a node, drawn evenly, as often as they are
            ancestors, and at a distance in ids whose logarithm is uniform. With ``uniform``
            below 0 all nodes that are no ancestors are negatives, and none is drawn.
        lr: learning rate; no step is longer than 2 artanh(.95).
        max_sinh: sinh of the largest radius allowed.
        seed: of the negatives.
    """
    dim, size = len(axes), len(table)
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)

    def random() -> Any:
        """32 random bits by xorshift64*."""
        x = state[0]
        x ^= x >> np.uint64(12)
        x ^= x << np.uint64(25)
        x ^= x >> np.uint64(27)
        state[0] = x
        return (x * np.uint64(2685821657736338717)) >> np.uint64(32)

    def below(count: Any) -> Any:
        return np.int64((random() * np.uint64(count)) >> np.uint64(32))

    def move(row: Any, along: float, across: Any, across2: float) -> None:
        """A geodesic step of the point: so much outwards, and the vector across."""
        length = math.sqrt(along * along + across2)
        if not length > _TINY:
            return
        half = min(0.5 * length, _LONGEST)
        inverse = 1.0 / (1.0 - half * half)
        cosh, sinh = (1.0 + half * half) * inverse, 2.0 * half * inverse
        sinh /= length
        cosh_r = 0.5 * (row[dim + 1] * row[dim + 1] + row[dim + 2] * row[dim + 2])
        out = row[dim] * cosh + cosh_r * sinh * along
        # its own length: with the one that it ought to have, directions cease to be units in time
        moved = 0.0
        for j in range(dim):
            moved += (row[j] * out + sinh * across[j]) ** 2
        moved = math.sqrt(moved)
        if not moved > _TINY:
            return
        inverse = 1.0 / moved
        for j in range(dim):
            row[j] = (row[j] * out + sinh * across[j]) * inverse
        moved = min(moved, max_sinh)
        exp_r = moved + math.sqrt(1.0 + moved * moved)
        row[dim] = moved
        row[dim + 1] = math.sqrt(exp_r)
        row[dim + 2] = 1.0 / row[dim + 1]

    for _ in range(8):
        random()
    draws = size if uniform < 0 else uniform + frequent + near
    room = draws
    for u in nodes:
        room = max(room, draws + positives[u])
    candidate = np.empty(room, np.int64)
    block = np.empty((dim + 3, room))  # the candidates' rows, turned into columns
    chord2, inverse_sinh = np.empty(room), np.empty(room)
    term, slope, pull, lever = np.empty(room), np.empty(room), np.empty(room), np.empty(room)
    across, own = np.empty(dim), np.empty(dim)
    log_size, loss = math.log(size), 0.0
    for u in nodes:
        first, last, known = start[u], start[u + 1], positives[u]
        if known == 0:
            continue
        # one bit for each ancestor, so that few negatives need the search among them
        mask = np.uint64(1) << np.uint64(u & 63)
        for i in range(known):
            candidate[i] = ancestor[first + i]
        for i in range(first, last):
            mask |= np.uint64(1) << np.uint64(ancestor[i] & 63)
        count = known
        for k in range(draws):
            if uniform < 0:
                v = np.int64(k)
            elif k < uniform:
                v = below(size)
            elif k < uniform + frequent:
                v = ancestor[below(len(ancestor))]
            else:
                draw = np.float64(random()) * 2.0**-31 - 1.0
                hop = np.int64(math.exp(abs(draw) * log_size))
                v = u + hop if draw > 0.0 else u - hop
                if v < 0 or v >= size:
                    continue
            if (mask >> np.uint64(v & 63)) & np.uint64(1):
                if v == u:
                    continue
                is_ancestor = False
                for i in range(first, last):
                    if ancestor[i] == v:
                        is_ancestor = True
                        break
                if is_ancestor:
                    continue
            candidate[count] = v
            count += 1

        here = table[u]
        for i in range(count):
            row = table[candidate[i]]
            for j in range(dim + 3):
                block[j, i] = row[j]
            chord2[i] = 0.0
        for j in range(dim):
            for i in range(count):
                step = block[j, i] - here[j]
                block[j, i] = step
                chord2[i] += step * step
        for i in range(count):
            ratio = here[dim + 1] * block[dim + 2, i]
            inverse = here[dim + 2] * block[dim + 1, i]
            climb = 0.5 * (ratio - inverse)
            z = climb * climb + 0.25 * here[dim] * block[dim, i] * chord2[i]
            root = math.sqrt(z * (1.0 + z))
            inverse_sinh[i] = 0.5 / (root + _TINY)
            term[i] = 1.0 / (1.0 + 2.0 * (z + root))
            slope[i] = 0.5 * (ratio * ratio - inverse * inverse)

        # derivative of the loss by each distance
        negative = _TINY
        for i in range(known, count):
            negative += term[i]
        weight = 0.0
        for i in range(known):
            share = 1.0 / (term[i] + negative)
            weight += share
            pull[i] = negative * share
            loss -= math.log(term[i] * share + _TINY)
        for i in range(known, count):
            pull[i] = -term[i] * weight

        along, turn = 0.0, 0.0
        cosh_u = 0.5 * (here[dim + 1] * here[dim + 1] + here[dim + 2] * here[dim + 2])
        for i in range(count):
            scaled = pull[i] * inverse_sinh[i]
            along += scaled * (slope[i] + 0.5 * cosh_u * block[dim, i] * chord2[i])
            lever[i] = scaled * block[dim, i]
            turn += lever[i] * chord2[i]
        own2 = 0.0
        for j in range(dim):
            total = 0.0
            for i in range(count):
                total += lever[i] * block[j, i]
            own[j] = lr * (total + 0.5 * turn * here[j])
            own2 += own[j] * own[j]

        for i in range(count):
            weight = pull[i]
            if abs(weight) < _SMALL:
                # a small step is taken rarely and as a larger one: the mean is the same
                if np.float64(random()) * 2.0**-32 * _SMALL > abs(weight):
                    continue
                weight = math.copysign(_SMALL, weight)
            weight *= -lr * inverse_sinh[i]
            cosh_v = 0.5 * (block[dim + 1, i] ** 2 + block[dim + 2, i] ** 2)
            out = weight * (0.5 * here[dim] * cosh_v * chord2[i] - slope[i])
            across2 = 0.0
            for j in range(dim):
                step = block[j, i] - 0.5 * chord2[i] * (block[j, i] + here[j])
                across[j] = weight * here[dim] * step
                across2 += across[j] * across[j]
            move(table[candidate[i]], out, across, across2)
        move(here, -lr * along, own, own2)
    return loss


_TINY = 1e-200
_LONGEST = 0.95  # half of the longest step
_SMALL = 1e-3
