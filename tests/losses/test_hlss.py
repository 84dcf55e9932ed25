"""HLSS against its formula written out; the gradient of its alignment; its levels."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor

from hyperhier.errors import DataError
from hyperhier.hlss import HLSS, AttributeTexts, TextLevel
from hyperhier.losses.hidisc import hidisc_loss
from hyperhier.losses.hlss import HLSSLoss, hlss_loss
from hyperhier.manifolds import Euclidean, Lorentz, Sphere
from hyperhier.taxonomy import Taxonomy

TABLE = [[0, 0], [0, 0], [0, 1], [1, 0], [1, 0], [2, 5]]


def text_level(name: str, attributes: int, width: int = 4, seed: int = 0) -> TextLevel:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(attributes, width, generator=generator)
    return TextLevel(name, tuple(f"{name}{k}" for k in range(attributes)), vectors)


@pytest.fixture
def head() -> HLSS:
    """Two levels of 5 and 3 attributes, with weights that training might have given them."""
    head = HLSS([text_level("coarse", 5), text_level("fine", 3, seed=1)], dim=4).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return head


def unit(v: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in v))
    return [x / length for x in v]


def dot(v: list[float], w: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(v, w, strict=True))


def softmax(v: list[float]) -> list[float]:
    bottom = math.fsum(math.exp(x) for x in v)
    return [math.exp(x) / bottom for x in v]


def plain_hlss(
    z: list[list[float]], head: HLSS, keys: list[list[tuple[int, ...]]], tau: float, heat: float
) -> tuple[float, float]:
    """L_HVC and L_HA, one sample after the other."""
    contrast, alignment = 0.0, 0.0
    z = [unit(x) for x in z]
    for level, key in enumerate(keys):
        linear = head.projections[level]
        weight, bias = linear.weight.tolist(), linear.bias.tolist()
        scores = [unit([dot(w, x) + b for w, b in zip(weight, bias)]) for x in z]
        terms = []
        for i in range(len(z)):
            others = [a for a in range(len(z)) if a != i]
            positives = [p for p in others if key[p] == key[i]]
            if positives:
                bottom = math.fsum(math.exp(dot(scores[i], scores[a]) / tau) for a in others)
                logs = [math.log(math.exp(dot(scores[i], scores[p]) / tau) / bottom)
                        for p in positives]  # fmt: skip
                terms.append(-math.fsum(logs) / len(positives))
        contrast += math.fsum(terms) / len(terms)
        texts = head.texts(level).tolist()
        for x in z:
            nearest = max(texts, key=lambda t, x=x: dot(t, x))
            p, q = softmax([v / heat for v in x]), softmax([v / heat for v in nearest])
            there = math.fsum(a * math.log(a / b) for a, b in zip(p, q))
            back = math.fsum(b * math.log(b / a) for a, b in zip(p, q))
            alignment += 0.5 * (there + back) / len(z)
    return contrast, alignment


def test_equals_the_formula(manifold, head):
    features = torch.randn(len(TABLE), 4, dtype=torch.float64)
    z = manifold.from_features(features)
    keys = [[(p,) for p, _ in TABLE], [(p, s) for p, s in TABLE]]
    contrast, alignment = plain_hlss(features.tolist(), head, keys, 0.4, 0.7)
    options = {"manifold": manifold, "temperature": 0.4, "ha_temperature": 0.7}
    labels = torch.tensor(TABLE)
    for hvc, ha in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.5, 3.0)):
        got = hlss_loss(z, labels, head, hvc_weight=hvc, ha_weight=ha, **options)
        assert float(got.detach()) == pytest.approx(hvc * contrast + ha * alignment, rel=1e-8)


def test_views_are_the_last_level(head):
    features = torch.randn(3, 2, 4, dtype=torch.float64)
    keys = [[(0,), (0,), (0,), (0,), (1,), (1,)], [(i // 2,) for i in range(6)]]
    contrast, alignment = plain_hlss(features.flatten(0, 1).tolist(), head, keys, 0.4, 1.0)
    got = hlss_loss(features, torch.tensor([0, 0, 1]), head, manifold=Euclidean(), temperature=0.4)
    assert float(got.detach()) == pytest.approx(contrast + alignment, rel=1e-10)


def test_the_contrastive_term_is_hidisc_on_attribute_scores(head, points):
    z, labels = torch.randn(6, 4, dtype=torch.float64), torch.tensor(TABLE)
    expected = torch.stack(
        [
            hidisc_loss(head.project(z, k), labels, manifold=Euclidean(), level_weights=weights)
            for k, weights in ((0, (1.0, 0.0)), (1, (0.0, 1.0)))
        ]
    ).sum()
    got = hlss_loss(z, labels, head, manifold=Euclidean(), ha_weight=0.0)
    torch.testing.assert_close(got, expected)


def gradient(head: HLSS, z: Tensor, **options: object) -> Tensor:
    z = z.clone().requires_grad_()
    value = hlss_loss(z, torch.tensor(TABLE), head, manifold=Sphere(), **options)
    return torch.autograd.grad(value, z)[0]


def test_the_alignment_has_a_gradient_and_the_detached_one_has_none(head):
    z = torch.randn(6, 4, dtype=torch.float64)
    z = z / z.norm(dim=1, keepdim=True)
    without = gradient(head, z, ha_weight=0.0)
    live = gradient(head, z)
    dead = gradient(head, z, live_alignment=False)
    torch.testing.assert_close(dead, without, rtol=0, atol=0)
    assert float((live - without).abs().max()) > 1e-4
    values = [
        hlss_loss(z, torch.tensor(TABLE), head, manifold=Sphere(), live_alignment=live)
        for live in (True, False)
    ]
    torch.testing.assert_close(values[0], values[1])


def test_a_step_along_the_alignment_brings_features_to_their_texts(head):
    z = torch.randn(20, 4, dtype=torch.float64).requires_grad_()
    labels = torch.zeros(20, 2, dtype=torch.long)
    options = {"manifold": Euclidean(), "hvc_weight": 0.0}
    before = hlss_loss(z, labels, head, **options)
    (grad,) = torch.autograd.grad(before, z)
    assert hlss_loss(z - grad, labels, head, **options).item() < before.item()


def test_gradcheck(manifold, head):
    features = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    weight = head.projections[0].weight

    def value(f: Tensor, w: Tensor) -> Tensor:
        return hlss_loss(
            manifold.from_features(f), torch.tensor(TABLE), head, manifold=manifold, temperature=0.5
        )

    assert torch.autograd.gradcheck(value, (features, weight))


def test_alignment_with_the_text_of_the_own_label(small_tree):
    names = [name for name in small_tree.nodes if name != "r"]
    texts = AttributeTexts({"": {name: (f"{name} thing",) for name in names}})
    loss = HLSSLoss(small_tree, manifold=Euclidean(), dim=5, texts=texts, hvc_weight=0.0,
                    align_to="label")  # fmt: skip
    labels = small_tree.encode(["a1", "b1", "a"])
    z = torch.randn(3, 5)
    expected = 0.0
    for level, rows in ((0, [0, 1, 2]), (1, [0, 1])):
        attributes = loss.head.levels[level].attributes
        terms = []
        for i in rows:
            node = small_tree.decode(small_tree.ancestor_at(level + 1, labels[i]))[0]
            own = torch.tensor([attributes.index(node)])
            terms.append(float(loss.head.alignment(z[i : i + 1], level, own)))
        expected += sum(terms) / len(terms)
    assert float(loss(z, labels).detach()) == pytest.approx(expected, rel=1e-5)


def test_small_alignment_is_the_squared_distance_over_two_d():
    d = 64
    head = HLSS([text_level("x", 7, d)], dim=d).double()
    z = torch.randn(9, d, dtype=torch.float64)
    z = z / z.norm(dim=1, keepdim=True)
    text = head.texts(0)[head.nearest(z, 0)]
    gap = z - text
    expected = (gap.square().mean(1) - gap.mean(1).square()) / 2
    torch.testing.assert_close(head.alignment(z, 0), expected, rtol=0.06, atol=0)
    assert float(head.alignment(z, 0).max()) < 2.0 / d


def test_one_set_of_texts_serves_every_level(small_tree):
    head = HLSS([text_level("any", 6)], dim=4)
    z, labels = torch.randn(5, 4), small_tree.encode(["a1", "a1", "a2", "b1", "b1"])
    both = hlss_loss(z, labels, head, small_tree, manifold=Sphere(), reduction="none")
    assert both.shape == (5,) and bool((both > 0).all())


@pytest.mark.data
def test_the_published_descriptions_are_texts(data_dir):
    path = str(data_dir("hlss_text") / "granular_descriptions.csv.gz")
    loss = HLSSLoss(manifold=Sphere(), dim=16, texts=path, text_levels="patient, slide, patch")
    assert [level.name for level in loss.head.levels] == ["patient", "slide", "patch"]
    assert [len(level.attributes) for level in loss.head.levels] == [128] * 3
    z = Sphere().from_features(torch.randn(6, 2, 16)).requires_grad_()
    value = loss(z, torch.tensor(TABLE))  # patient and slide; the views are the patches
    grads = torch.autograd.grad(value, (z, *loss.parameters()))
    assert all(bool(g.isfinite().all()) and bool(g.any()) for g in grads)


def test_node_names_are_the_texts_by_default(tree):
    loss = HLSSLoss(tree, manifold=Lorentz(), dim=6)
    assert [len(level.attributes) for level in loss.head.levels] == [3, 4, 6]
    z = Lorentz().from_features(torch.randn(6, 6))
    assert float(loss(z, tree.leaf_ids).detach()) > 0.0


def test_tiled_equals_dense(head):
    results = []
    for size in (None, 2):
        z = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        z.requires_grad_()
        value = hlss_loss(z, torch.tensor(TABLE), head, manifold=Sphere(), block_size=size)
        results.append((value, *torch.autograd.grad(value, (z, *head.parameters()))))
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-12)


def test_reference_set(head):
    z, ref = torch.randn(3, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    labels = torch.tensor(TABLE)
    expected = torch.stack(
        [
            hidisc_loss(head.project(z, k), labels[3:], manifold=Euclidean(), level_weights=w,
                        ref_emb=head.project(ref, k), ref_labels=labels)
            for k, w in ((0, (1.0, 0.0)), (1, (0.0, 1.0)))
        ]
    ).sum()  # fmt: skip
    got = hlss_loss(z, labels[3:], head, manifold=Sphere(), ref_emb=ref, ref_labels=labels,
                    ha_weight=0.0)  # fmt: skip
    torch.testing.assert_close(got, expected)


def test_reductions(head):
    z, labels = torch.randn(6, 4, dtype=torch.float64), torch.tensor(TABLE)
    each = hlss_loss(z, labels, head, manifold=Sphere(), reduction="none")
    assert each.shape == (6,)
    total = hlss_loss(z, labels, head, manifold=Sphere(), reduction="sum")
    torch.testing.assert_close(each.sum(), total)
    views = hlss_loss(z.view(3, 2, 4), labels[::2], head, manifold=Sphere(), reduction="none")
    assert views.shape == (3, 2)


def test_copies_and_states_keep_the_texts(small_tree):
    loss = HLSSLoss(small_tree, manifold=Sphere(), dim=5)
    other = HLSSLoss(small_tree, manifold=Sphere(), dim=5)
    with torch.no_grad():
        loss.head.projections[0].weight.add_(1.0)
    other.load_state_dict(loss.state_dict())
    z = Sphere().from_features(torch.randn(4, 5))
    labels = small_tree.encode(["a1", "a1", "a2", "b1"])
    for twin in (other, copy.deepcopy(loss)):
        torch.testing.assert_close(twin(z, labels), loss(z, labels), rtol=0, atol=0)


def test_degenerate_batches(head):
    for n in (0, 1):
        z = torch.randn(n, 4, dtype=torch.float64, requires_grad=True)
        value = hlss_loss(z, torch.zeros(n, 2, dtype=torch.long), head, manifold=Sphere())
        value.backward()
        assert bool(value.isfinite()) and bool(z.grad.isfinite().all())
    z = torch.zeros(3, 4, requires_grad=True)
    value = hlss_loss(z, torch.zeros(3, 2, dtype=torch.long), head, manifold=Euclidean())
    value.backward()
    assert bool(z.grad.isfinite().all())
    off = hlss_loss(z, torch.zeros(3, 2, dtype=torch.long), head, manifold=Euclidean(),
                    hvc_weight=0.0, ha_weight=0.0)  # fmt: skip
    assert off.item() == 0.0 and off.requires_grad


def test_half_precision(small_tree):
    loss = HLSSLoss(small_tree, manifold=Sphere(), dim=5)
    z = Sphere().from_features(torch.randn(4, 5)).half()
    assert loss(z, small_tree.encode(["a1", "a1", "a2", "b1"])).dtype == torch.float32


def test_bad_input_is_named(head, small_tree):
    z, labels = torch.randn(6, 4), torch.tensor(TABLE)
    with pytest.raises(ValueError, match="2 levels of texts do not fit 1 levels of labels"):
        hlss_loss(z, labels[:, 0], head, manifold=Sphere())
    with pytest.raises(ValueError, match=r"0 levels of labels: expected 1 where .* text_levels"):
        hlss_loss(z, None, head, manifold=Sphere())
    with pytest.raises(TypeError, match="integers"):
        hlss_loss(z, labels.float(), HLSS([text_level("x", 3)], dim=4), manifold=Sphere())
    with pytest.raises(ValueError, match=r"same columns, got \(6, 2\) and \(6, 1\)"):
        hlss_loss(z, labels, head, manifold=Sphere(), ref_emb=z, ref_labels=labels[:, :1])
    with pytest.raises(ValueError, match="expected 4 features, got 3"):
        hlss_loss(z[:, :3], labels, head, manifold=Sphere())
    with pytest.raises(ValueError, match="needs a taxonomy"):
        hlss_loss(z, labels, head, manifold=Sphere(), align_to="label")
    with pytest.raises(ValueError, match="'far'"):
        hlss_loss(z, labels, head, manifold=Sphere(), align_to="far")
    with pytest.raises(ValueError, match=r"ha_weight .* -1"):
        hlss_loss(z, labels, head, manifold=Sphere(), ha_weight=-1)
    with pytest.raises(ValueError, match=r"each of 2 levels, got \(1\.0,\)"):
        hlss_loss(z, labels, head, manifold=Sphere(), level_weights=[1])
    with pytest.raises(ValueError, match="not finite"):
        hlss_loss(z * torch.nan, labels, head, manifold=Sphere())
    with pytest.raises(ValueError, match="needs texts"):
        HLSSLoss(manifold=Sphere(), dim=4)
    with pytest.raises(ValueError, match="at least one level below the root"):
        HLSSLoss(Taxonomy.from_paths([("only",)]), manifold=Sphere(), dim=4)
    with pytest.raises(DataError, match="no text for leaf 'b1'"):
        texts = AttributeTexts({"": {"a1": ("x",), "a2": ("y",)}})
        HLSSLoss(small_tree, manifold=Sphere(), dim=4, texts=texts)
