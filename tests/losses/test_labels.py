"""Labels that are more, or less, than one leaf: inner nodes, several labels, rare classes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hyperhier.losses import HMLCLoss, HWCLoss, LAMLoss, SpARCLLoss, SupConLoss, make_loss
from hyperhier.losses.functional import hwc_loss, supcon_loss
from hyperhier.manifolds import Euclidean, Lorentz


def table(tree, names):
    """The bool table of lists of names."""
    out = torch.zeros(len(names), len(tree), dtype=torch.bool)
    for row, some in zip(out, names, strict=True):
        row[tree.encode(some)] = True
    return out


class Operations(TorchDispatchMode):
    """The names of all operations on tensors while it is entered."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.name())
        return func(*args, **(kwargs or {}))


class TestInnerNodes:
    def test_a_pair_of_a_node_and_its_descendant_is_left_out(self, tree, points):
        manifold = Lorentz()
        x = points(manifold, 4)
        labels = tree.encode(["a1x", "a1x", "a1", "b1x"])
        value = hwc_loss(
            x[:2], labels[:2], tree, manifold=manifold, ref_emb=x[2:], ref_labels=labels[2:]
        )
        assert value == 0  # nothing positive there
        every = hwc_loss(x, labels, tree, manifold=manifold, reduction="none")
        less = hwc_loss(x[[0, 1, 3]], labels[[0, 1, 3]], tree, manifold=manifold, reduction="none")
        assert torch.allclose(every[:2], less[:2], rtol=1e-12)
        assert every[2] == every[3] == 0

    def test_or_a_negative_if_asked_for(self, tree, points):
        manifold = Lorentz()
        x, labels = points(manifold, 4), tree.encode(["a1x", "a1x", "a1", "b1x"])
        kept = hwc_loss(x, labels, tree, manifold=manifold, partial="negative")
        out = hwc_loss(x, labels, tree, manifold=manifold)
        assert kept > out

    def test_a_bad_choice_is_named(self, tree):
        with pytest.raises(ValueError, match="partial must be one of"):
            HWCLoss(tree, manifold="lorentz", partial="maybe")


class TestSeveralLabels:
    def test_one_label_each_is_the_ordinary_loss(self, tree, points, draw):
        manifold, labels = Lorentz(), draw(tree, 12)
        x = points(manifold, 12)
        several = torch.nn.functional.one_hot(labels, len(tree)).bool()
        for make in (
            lambda: SupConLoss(manifold=manifold),
            lambda: HWCLoss(tree, manifold=manifold),
            lambda: HWCLoss(tree, manifold=manifold, level_decay=0.5, negatives="near"),
            lambda: HMLCLoss(tree, manifold=manifold),
            lambda: LAMLoss(tree, manifold=manifold, margin=2.0),
            lambda: LAMLoss(tree, manifold=manifold, margin=2.0, competitor="siblings"),
            lambda: LAMLoss(tree, manifold=manifold, margins="tree"),
        ):
            assert torch.allclose(make()(x, several), make()(x, labels), rtol=1e-12)

    def test_positives_share_a_label(self, small_tree):
        x = torch.tensor([[0.0], [1.0], [3.0]])
        several = table(small_tree, [["a1", "b1"], ["b1"], ["a2"]])
        value = supcon_loss(
            x, several, manifold=Euclidean(), temperature=1.0, similarity="distance"
        )
        one = supcon_loss(
            x, torch.tensor([0, 0, 1]), manifold=Euclidean(), temperature=1.0, similarity="distance"
        )
        assert torch.allclose(value, one)

    def test_kappa_is_the_mean_best_match(self, small_tree):
        x = torch.tensor([[0.0], [1.0], [3.0]])
        several = table(small_tree, [["a1", "b1"], ["a2"], ["a1", "b1"]])
        # {a1, b1} with {a2}: a1 shares half with a2, b1 nothing; a2 best shares half
        kappa = ((0.5 + 0.0) / 2 + 0.5) / 2
        value = hwc_loss(
            x, several, small_tree, manifold=Euclidean(), similarity="distance", temperature=1.0
        )
        own = torch.tensor(2.0).log()  # kappa of a set with itself is 1
        other = torch.tensor(2.0 - kappa).log()
        logits = torch.tensor([[-1.0, -3.0], [-3.0, -2.0]])  # anchors 0, 2: to (1, the other)
        logits = logits + torch.stack((torch.stack((other, own)), torch.stack((own, other))))
        expected = (
            (logits[0].logsumexp(0) - logits[0, 1]) + (logits[1].logsumexp(0) - logits[1, 0])
        ) / 2
        assert torch.allclose(value, expected)

    def test_lam_counts_the_nearest_own_node(self, small_tree):
        loss = LAMLoss(small_tree, manifold=Euclidean(), margin=1.0, level_weights=[1.0, 0.0])
        loss(torch.tensor([[0.0], [4.0]]), small_tree.encode(["a1", "b1"]))
        loss.eval()
        both = table(small_tree, [["a1", "b1"], ["a2"]])
        value = loss(torch.tensor([[3.0], [3.0]]), both)
        # the first is of both branches: nobody competes; the second is nearer to b by 3 - 1
        assert value == pytest.approx(3.0 - 1.0 + 1.0)

    @pytest.mark.parametrize("block_size", [None, 8])
    def test_more_sets_take_no_more_operations(self, tree, points, block_size):
        leaves = itertools.combinations(tree.leaf_ids.tolist(), 3)
        sets = torch.zeros(16, len(tree), dtype=torch.bool)
        for row, members in zip(sets, leaves, strict=False):
            row[list(members)] = True
        x, counts = points(Lorentz(), 16), []
        loss = HWCLoss(tree, manifold=Lorentz(), level_decay=1.0, block_size=block_size)
        for distinct in (4, 16):
            with Operations() as seen:
                loss(x, sets[torch.arange(16) % distinct])
            counts.append(len(seen.names))
        assert counts[0] == counts[1]

    def test_a_sample_without_a_label_is_named(self, small_tree):
        empty = torch.zeros(2, len(small_tree), dtype=torch.bool)
        with pytest.raises(ValueError, match=r"labels\[0\] has no label"):
            supcon_loss(torch.eye(2), empty, manifold=Euclidean())

    def test_a_table_of_another_width_is_named(self, small_tree):
        with pytest.raises(ValueError, match="labels must be a bool table"):
            hwc_loss(
                torch.eye(2), torch.ones(2, 3, dtype=torch.bool), small_tree, manifold="sphere"
            )

    def test_all_that_is_recommended_takes_them(self, tree, points, draw):
        manifold, labels = Lorentz(), draw(tree, 12)
        several = torch.nn.functional.one_hot(labels, len(tree)).bool()
        x = points(manifold, 12)
        one, other = (
            make_loss(
                "hwc+0.5*shuffled:hwc+2*lam",
                tree,
                manifold,
                level_decay=1.0,
                negatives="near",
                beta=3.0,
                shuffle_seed=1,
            )(x, given)
            for given in (labels, several)
        )
        assert torch.allclose(one, other, rtol=1e-12)

    def test_a_batch_of_none_is_zero(self, tree):
        none = torch.zeros(0, len(tree), dtype=torch.bool)
        for decay in (0.0, 1.0):
            loss = HWCLoss(tree, manifold="sphere", level_decay=decay)
            assert loss(torch.zeros(0, 3), none) == 0

    @pytest.mark.parametrize(
        ("loss", "options"), [(HMLCLoss, {"thin_out": True}), (SpARCLLoss, {})]
    )
    def test_what_needs_one_label_each_says_so(self, small_tree, loss, options):
        several = table(small_tree, [["a1"], ["a2", "b1"]])
        with pytest.raises(ValueError, match="not defined for samples with several labels"):
            loss(small_tree, manifold="sphere", **options)(torch.eye(2), several)


class TestRareClasses:
    def test_balanced_is_the_mean_over_classes(self):
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(9, 3, generator=generator)
        labels = torch.tensor([4, 4, 4, 4, 4, 7, 7, 9, 9])
        each = supcon_loss(x, labels, manifold="sphere", reduction="none")
        value = supcon_loss(x, labels, manifold="sphere", class_weights="balanced")
        means = [each[labels == c].mean() for c in (4, 7, 9)]
        assert torch.allclose(value, torch.stack(means).mean())

    def test_given_weights_multiply(self):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
        labels = torch.tensor([0, 0, 1, 1])
        weights = torch.tensor([3.0, 1.0])
        each = supcon_loss(x, labels, manifold="sphere", reduction="none")
        total = supcon_loss(x, labels, manifold="sphere", reduction="sum", class_weights=weights)
        mean = supcon_loss(x, labels, manifold="sphere", class_weights=weights)
        assert torch.allclose(total, 3 * each[:2].sum() + each[2:].sum())
        assert torch.allclose(mean, total / 8)

    def test_balanced_counts_labels_not_sets_of_them(self):
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        held = [[0], [0], [0, 1], [1, 2], [3]]  # the last has no positive
        several = torch.zeros(5, 4, dtype=torch.bool)
        for row, labels in zip(several, held, strict=True):
            row[labels] = True
        each = supcon_loss(x, several, manifold="sphere", reduction="none")
        value = supcon_loss(x, several, manifold="sphere", class_weights="balanced")
        weights = [1 / 3, 1 / 3, (1 / 3 + 1 / 2) / 2, (1 / 2 + 1) / 2]
        expected = sum(w * v for w, v in zip(weights, each.tolist(), strict=False)) / sum(weights)
        assert value.item() == pytest.approx(expected, rel=1e-12)

    def test_balanced_takes_any_integers(self):
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
        labels = torch.tensor([0, 0, 0, 1, 1])
        names = torch.tensor([-3, 10**15])[labels]
        values = [
            supcon_loss(x, given, manifold="sphere", class_weights="balanced")
            for given in (labels, names, torch.eye(2, dtype=torch.bool)[labels])
        ]
        assert values[0] == values[1]
        assert torch.allclose(values[0], values[2])

    def test_too_few_weights_are_named(self, tree):
        x, weights = torch.eye(3), torch.ones(2)
        for label, count in ((2, 2), (-1, 2), (0, 0)):
            with pytest.raises(ValueError, match=f"have {count} entries, labels hold {label}$"):
                supcon_loss(
                    x, torch.full((3,), label), manifold="sphere", class_weights=weights[:count]
                )
        several = torch.ones(3, len(tree), dtype=torch.bool)
        with pytest.raises(ValueError, match=f"each of the {len(tree)} columns of .*, got 2"):
            hwc_loss(x, several, tree, manifold="sphere", class_weights=weights)

    @pytest.mark.parametrize(
        ("weights", "got"),
        [
            ("fair", "'fair'"),
            (torch.ones(2, 3), r"\(2, 3\)"),
            (torch.tensor([-1.0, 1.0]), "-1.0 for label 0"),
            (torch.tensor([1.0, torch.inf]), "inf for label 1"),
            (torch.tensor([1.0, torch.nan]), "nan for label 1"),
        ],
    )
    def test_bad_weights_are_named(self, weights, got):
        with pytest.raises(ValueError, match=f"class_weights must be .*, got {got}$"):
            SupConLoss(manifold="sphere", class_weights=weights)

    def test_weights_are_checked_without_reading_labels_one_by_one(self):
        x, labels = torch.eye(4), torch.tensor([0, 0, 1, 1])
        reads = []
        for weights in (None, torch.ones(2)):
            loss = SupConLoss(manifold="sphere", class_weights=weights)
            with Operations() as seen:
                loss(x, labels)
            reads.append(seen.names.count("aten::_local_scalar_dense"))
        assert reads[0] == reads[1] > 0
