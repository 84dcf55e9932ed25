"""Where each scaling of HWC repels strangers more than siblings, as a picture and a table.

    python benchmarks/hwc_signs.py -o docs/figures/hwc_signs.png

For an anchor with one positive and two negatives of equal similarity, one a sibling of its class
(kappa = 1/2) and one of another branch (kappa = 0), R is the gradient on the stranger over that on
the sibling, by automatic differentiation of the loss itself. R > 1 is what the hierarchy is there
for. alpha = beta = 1, tau = .2 for distances and .1 for the cosine.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import torch

from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import softmax_loss
from hyperhier.losses.hwc import HWCLoss
from hyperhier.taxonomy import Taxonomy

TREE = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])


class OneAnchor:
    """The relation of an anchor a1 to a1 (positive), a2 (sibling) and b1 (stranger)."""

    kappa = torch.tensor([[1.0, 0.5, 0.0]], dtype=torch.float64)
    undecided = torch.zeros(1, 3, dtype=torch.bool)
    allowed = torch.ones(1, 3, dtype=torch.bool)

    def positives(self, _: str = "supervised") -> torch.Tensor:
        return torch.tensor([[True, False, False]])


def ratio(scaling: str, similarity: str, s: float) -> float:
    """Repulsion of the stranger over that of the sibling, at equal similarity s."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss = HWCLoss(TREE, manifold="sphere", similarity=similarity, scaling=scaling)
    values = torch.full((1, 3), s, dtype=torch.float64, requires_grad=True)
    relation: Relation = OneAnchor()  # type: ignore[assignment]
    value, _ = softmax_loss(loss.pairs(values, relation), OneAnchor.allowed)
    (grad,) = torch.autograd.grad(value.sum(), values)
    return float(grad[0, 2] / grad[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, default=Path("hwc_signs.png"))
    out: Path = parser.parse_args().out
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    panels = (
        ("distance", [0.02 + 0.02 * k for k in range(100)], "distance d, s = -d"),
        ("cosine", [-0.9 + 0.02 * k for k in range(91)], "cosine s"),
    )
    for axis, (similarity, places, label) in zip(axes, panels, strict=True):
        for scaling, style in (("shared", "--"), ("split", ":"), ("mass", "-")):
            sign = -1.0 if similarity == "distance" else 1.0
            values = [ratio(scaling, similarity, sign * x) for x in places]
            axis.plot(places, values, style, label=scaling, linewidth=2)
        axis.axhline(1.0, color="0.6", linewidth=1)
        axis.set_yscale("log")
        axis.set_ylim(1e-3, 1e3)
        axis.set_xlabel(label)
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("repulsion: stranger / sibling")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(out, dpi=130)
    print("| scaling | similarity | " + " | ".join(("near", "middle", "far")) + " |")
    for similarity, places in (("distance", (0.02, 0.5, 2.0)), ("cosine", (0.8, 0.0, -0.6))):
        for scaling in ("shared", "split", "mass"):
            sign = -1.0 if similarity == "distance" else 1.0
            cells = [f"{ratio(scaling, similarity, sign * x):.3g}" for x in places]
            print(f"| {scaling} | {similarity} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
