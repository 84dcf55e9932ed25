"""Splitting images in train, val and test without tearing a group apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hyperhier.data.imageset import SPLITS
from hyperhier.errors import DataError

__all__ = ["carve", "group_split"]

# who gets the images of a class that has fewer than one per side
_PRIORITY = (0, 2, 1)  # train, test, val


def group_split(
    groups: Sequence[str] | np.ndarray | None,
    labels: Sequence[int] | np.ndarray,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
) -> np.ndarray:
    """Assign every image to train, val or test, whole groups at a time.

    Stratified as well as whole groups allow: the groups, in a seeded order and larger ones
    first, each go to the side that lacks the largest part of its share of the group's
    labels. A class with fewer groups than sides fills train first, then test, then val.
    The order of the rows plays no role beyond ties between groups of equal names.

    Args:
        groups: ``(N,)`` names of what must stay together (patient, lesion); None: every
            image by itself.
        labels: ``(N,)`` the classes to stratify by.
        fractions: shares of train, val and test; non-negative, with sum 1.
        seed: chooses among the splits.

    Returns:
        ``(N,)`` strings ``"train"``, ``"val"``, ``"test"``.

    Raises:
        DataError: fractions that are no shares, or groups and labels of unequal length.

    >>> sides = group_split(["p1", "p1", "p2", "p3"], [0, 0, 0, 0], (0.5, 0.0, 0.5))
    >>> bool(sides[0] == sides[1]), sorted(set(sides.tolist()))
    (True, ['test', 'train'])
    """
    share = np.asarray(fractions, dtype=np.float64)
    if share.shape != (3,) or (share < 0).any() or not np.isclose(share.sum(), 1.0):
        raise DataError(
            f"fractions must be three shares (train, val, test) with sum 1, got {tuple(fractions)}"
        )
    if share[0] == 0:
        raise DataError(f"fractions leave nothing to train on: {tuple(fractions)}")
    codes = np.unique(np.asarray(labels), return_inverse=True)[1].reshape(-1)
    rng = np.random.default_rng(seed)
    if groups is None:
        side = _split_images(codes, share, rng)
    else:
        names = np.asarray(groups, dtype=np.str_)
        if names.shape != codes.shape:
            raise DataError(f"{len(names)} groups for {len(codes)} labels")
        side = _split_groups(names, codes, share, rng)
    return np.asarray(SPLITS)[side]


def carve(
    split: Sequence[str] | np.ndarray,
    groups: Sequence[str] | np.ndarray | None,
    labels: Sequence[int] | np.ndarray,
    side: str,
    fraction: float,
    seed: int = 0,
) -> np.ndarray:
    """Move a share of the training images to another side that is still empty.

    >>> carve(["train"] * 4 + ["test"], None, [0] * 5, "val", 0.25).tolist().count("val")
    1
    """
    result = np.asarray(split, dtype="<U5").copy()
    train = np.flatnonzero(result == "train")
    if fraction <= 0 or (result == side).any() or not len(train):
        return result
    shares = [1.0 - fraction, 0.0, 0.0]
    shares[SPLITS.index(side)] = fraction
    inner = None if groups is None else np.asarray(groups)[train]
    result[train] = group_split(inner, np.asarray(labels)[train], shares, seed)
    return result


def _split_images(codes: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = np.zeros(len(codes), dtype=np.int64)
    for code in range(int(codes.max(initial=-1)) + 1):
        where = np.flatnonzero(codes == code)
        counts = _counts(len(where), share)
        side[rng.permutation(where)] = np.repeat(np.arange(3), counts)
    return side


def _counts(n: int, share: np.ndarray) -> np.ndarray:
    """How many of n images each side gets: one each if possible, the rest to the neediest."""
    counts = np.zeros(3, dtype=np.int64)
    wanted = [s for s in _PRIORITY if share[s] > 0]
    for s in wanted[:n]:
        counts[s] = 1
    left = n - int(counts.sum())
    if left > 0:
        need = np.maximum(share * n - counts, 0.0)
        exact = need * (left / need.sum()) if need.sum() > 0 else share * left
        extra = np.floor(exact).astype(np.int64)
        order = np.argsort(-(exact - extra), kind="stable")
        extra[order[: left - int(extra.sum())]] += 1
        counts += extra
    return counts


def _split_groups(
    names: np.ndarray, codes: np.ndarray, share: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    unique, member = np.unique(names, return_inverse=True)
    member = member.reshape(-1)
    table = np.zeros((len(unique), int(codes.max(initial=-1)) + 1))
    np.add.at(table, (member, codes), 1.0)
    sides = [s for s in _PRIORITY if share[s] > 0]
    target = share[sides][:, None] * table.sum(axis=0)  # (sides, classes)
    have = np.zeros_like(target)
    order = rng.permutation(len(unique))
    order = order[np.argsort(-table.sum(axis=1)[order], kind="stable")]
    chosen = np.zeros(len(unique), dtype=np.int64)
    for group in order:
        present = np.flatnonzero(table[group])
        weight = table[group, present]
        lacking = ((1.0 - have[:, present] / target[:, present]) * weight).sum(axis=1)
        best = int(lacking.argmax())
        have[best, present] += weight
        chosen[group] = sides[best]
    return chosen[member]
