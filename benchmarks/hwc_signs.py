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

from hyperhier.losses.functional import hwc_loss
from hyperhier.taxonomy import Taxonomy

TREE = Taxonomy.from_paths([("r", "a", "a1"), ("r", "a", "a2"), ("r", "b", "b1")])


def ratio(scaling: str, similarity: str, s: float) -> float:
    """Repulsion of the stranger over that of the sibling, at equal similarity s to the anchor."""
    if similarity == "cosine":
        anchor, along, across = 1.0, s, (1.0 - s * s) ** 0.5
    else:
        anchor, along, across = 0.0, 0.0, -s
    points = torch.tensor(
        [[anchor, 0.0, 0.0], [1.0, 0.0, 0.0], [along, across, 0.0], [along, 0.0, across]],
        dtype=torch.float64,
        requires_grad=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the pairings that are warned about are drawn too
        losses = hwc_loss(
            points,
            TREE.encode(["a1", "a1", "a2", "b1"]),
            TREE,
            manifold="euclidean",
            similarity=similarity,
            scaling=scaling,
            reduction="none",
        )
    (gradient,) = torch.autograd.grad(losses[0], points)
    sibling, stranger = gradient[2:].norm(dim=1).tolist()
    return stranger / sibling


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
