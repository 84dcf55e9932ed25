"""The torchmetrics classes: batches add up to what the functions say about the whole."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest
import torch

from hyperhier.metrics import accuracy_at_level, h_acc, hf1, hf1_of_sets, mistake_severity

pytest.importorskip("torchmetrics")
from hyperhier.metrics import (
    HierarchicalAccuracy,
    HierarchicalF1,
    HierarchicalF1OfSets,
    LevelAccuracy,
    MistakeSeverity,
)

CASES = [
    (HierarchicalF1, hf1, {}),
    (HierarchicalF1, hf1, {"average": "macro"}),
    (HierarchicalF1, hf1, {"average": "samples"}),
    (HierarchicalAccuracy, h_acc, {}),
    (HierarchicalAccuracy, h_acc, {"weights": "exp"}),
    (HierarchicalAccuracy, h_acc, {"weights": "edge"}),
    (MistakeSeverity, mistake_severity, {}),
    (LevelAccuracy, accuracy_at_level, {}),
    (LevelAccuracy, accuracy_at_level, {"level": 1, "balanced": True}),
]


@pytest.mark.parametrize(("cls", "function", "options"), CASES)
@pytest.mark.parametrize("extra", [0, 8])
def test_batches_add_up(make_taxonomy, cls, function, options, extra) -> None:
    tax = make_taxonomy(2, 13, extra)
    g = torch.Generator().manual_seed(0)
    pred, target = torch.randint(len(tax), (2, 37), generator=g)
    metric = cls(tax, **options)
    for p, t in zip(pred.split(10), target.split(10), strict=True):
        metric.update(p, t)
    expected = function(pred, target, tax, **options)
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-12)

    # two processes hold a part each; their states are summed
    halves = [cls(tax, **options), cls(tax, **options)]
    for half, p, t in zip(halves, pred.split(20), target.split(20), strict=True):
        half.update(p, t)
    for name, reduce in metric._reductions.items():
        both = torch.stack([getattr(half, name) for half in halves])
        setattr(halves[0], name, reduce(both))
    halves[0]._computed = None
    assert float(halves[0].compute()) == pytest.approx(expected, abs=1e-12)

    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert float(twin.compute()) == pytest.approx(expected, abs=1e-12)
    metric.reset()
    metric.update(pred[:5], target[:5])
    expected = function(pred[:5], target[:5], tax, **options)
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("average", ["micro", "samples"])
def test_label_sets_add_up(make_taxonomy, average) -> None:
    tax = make_taxonomy(2, 13, 8)
    g = torch.Generator().manual_seed(0)
    pred, target = torch.rand(2, 37, len(tax), generator=g) < 0.15
    metric = HierarchicalF1OfSets(tax, average)
    for p, t in zip(pred.split(10), target.split(10), strict=True):
        metric.update(p, t)
    expected = hf1_of_sets(pred, target, tax, average)
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="'macro'"):
        HierarchicalF1OfSets(tax, "macro")


def test_a_batch_without_samples_adds_nothing(make_taxonomy) -> None:
    tax = make_taxonomy(0)
    metric = HierarchicalF1(tax)
    some, none = torch.tensor([3, 4]), torch.empty(0, dtype=torch.int64)
    metric.update(some, some.flip(0))
    before = metric.compute()
    metric.update(none, none)
    assert metric.compute() == before
    for pred, target in ((some, none), (none, some), (torch.tensor(3), torch.tensor(3))):
        with pytest.raises(ValueError, match=r"is empty|must be 1-dimensional"):
            metric.update(pred, target)


def test_unknown_options_and_ids_are_named(make_taxonomy) -> None:
    tax = make_taxonomy(0)
    with pytest.raises(ValueError, match="'median'"):
        HierarchicalF1(tax, average="median")
    with pytest.raises(ValueError, match="'cubic'"):
        HierarchicalAccuracy(tax, weights="cubic")
    with pytest.raises(ValueError, match="unknown node id 99"):
        MistakeSeverity(tax).update(torch.tensor([99]), torch.tensor([1]))


def test_the_functions_import_no_torchmetrics_or_embedders_and_the_classes_name_the_extra() -> None:
    code = (
        "import sys; sys.modules['torchmetrics'] = None\n"
        "import hyperhier.metrics as m\n"
        "m.hf1\n"
        "assert 'hyperhier.embedding' not in sys.modules\n"
        "try: m.HierarchicalF1\n"
        "except ImportError as e: assert 'hyperhier[metrics]' in str(e), e\n"
        "else: raise SystemExit('imported')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
