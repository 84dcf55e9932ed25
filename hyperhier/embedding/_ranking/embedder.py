"""Embedding by ranking: ancestors nearer than sampled other nodes, on any manifold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from hyperhier.embedding._compiled import is_available
from hyperhier.embedding._constructive.embedder import ConstructiveEmbedder
from hyperhier.embedding._estimator import Embedder, is_hyperbolic, not_negative, positive, whole
from hyperhier.embedding._ranking.compiled import CompiledRanking
from hyperhier.embedding._ranking.held_out import HeldOut
from hyperhier.embedding._ranking.plain import TorchRanking
from hyperhier.embedding._run import Run
from hyperhier.manifolds.base import Manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["RankingEmbedder"]

# Standard deviation of random starting features: near the origin, where all is still Euclidean.
_START = 0.01
# A random start has far to go, a constructed one only wants polish.
_RATE = {
    ("torch", "random"): 0.2,
    ("torch", "constructive"): 0.01,
    ("compiled", "random"): 0.3,
    ("compiled", "constructive"): 0.3,
}
# Evaluations of the held-out pairs in a training.
_EVALUATIONS = 20


def _starting_points(
    taxonomy: Taxonomy, manifold: Manifold, dim: int, init: str, seed: int
) -> tuple[Tensor, str]:
    """Where training starts, and the name of that: ``"constructive"`` or ``"random"``."""
    if init not in ("auto", "constructive", "random"):
        raise ValueError(f"init must be 'auto', 'constructive' or 'random', got {init!r}")
    if init == "auto":
        init = "constructive" if is_hyperbolic(manifold) and dim >= 2 else "random"
    if init == "constructive":
        layout = "caps" if dim > 2 else "arcs"  # caps use all dimensions
        built = ConstructiveEmbedder(manifold=manifold, dim=dim, seed=seed, layout=layout)
        return built.fit(taxonomy).embedding_.points, init
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(taxonomy), dim, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return manifold.from_features(_START * features), init


def _device(name: str) -> torch.device:
    """The device of a name; ValueError if there is no such device to compute on."""
    try:
        device = torch.device(name)
        torch.zeros((), dtype=torch.float64, device=device).add(1).item()
    except Exception as reason:
        raise ValueError(f"device {name!r} cannot be used: {str(reason).splitlines()[0]}") from None
    return device


@dataclass(kw_only=True, eq=False)
class RankingEmbedder(Embedder):
    """Softmax over negatives (Nickel and Kiela 2017, arXiv 1705.08039)::

        L = - sum over (u, v) of log [ exp(-d(u, v)) / (exp(-d(u, v)) + sum_n exp(-d(u, n))) ]

    over the pairs of a node u and an ancestor v, the n being sampled nodes that are neither u
    nor ancestors of u, held-out ones included. There are two engines:

    * ``"compiled"``: hyperbolic manifolds, with numba (``pip install 'hyperhier[fast]'``).
      Stochastic Riemannian gradient descent in polar form, exact at any radius
      (:mod:`hyperhier.embedding._ranking.kernel`). All ancestors of a node are taken at once
      and share their negatives, which are drawn evenly; in the burn-in half of them as often as
      they are ancestors (Nickel and Kiela's frequency weighting). From a constructive start half
      are even, a quarter by frequency, and a quarter from the node's neighbourhood in the tree,
      which an even draw hardly meets.
    * ``"torch"``: any manifold, any device. Pairs in batches, even negatives, Riemannian Adam.

    Args:
        manifold: any manifold.
        dim: its dimension.
        seed: of the start, the order and the negatives.
        epochs: passes over all pairs, after the burn-in.
        lr: learning rate at first, falling linearly to a tenth (torch) or to nothing
            (compiled); default: by the engine and the start, see ``embedding_.info``.
        negatives: how many of a pair (torch) or of a node (compiled); ``"all"``: the exact
            softmax over all nodes that are no ancestors. An epoch then takes time in proportion
            to N^2 (compiled) or to the pairs times N (torch), but no table of N x N.
        burn_in: epochs before the others at a tenth of the rate, for a random start only.
        init: ``"constructive"``, ``"random"``, or ``"auto"``: constructive where that exists.
        engine: ``"compiled"``, ``"torch"``, or ``"auto"``: compiled where that exists.
        batch_size: pairs in a step of the torch engine.
        device: where the torch engine computes, such as ``"cuda"``; another device than the CPU
            makes ``"auto"`` choose that engine. The points come back to the CPU.
        threads: of the compiled engine. More than one run side by side on the same points
            without locks, and the result is no longer the same each time.
        max_radius: no point is moved farther from the origin than this, in units of
            ``1 / sqrt(c)``; default: what points of the manifold can hold. Compiled only.
        validation: share of the closure pairs that are no edges to hold out. They follow from
            the edges, and so are no negatives either, by which they rank the better. Their mean
            reciprocal rank is reported 20 times.
        patience: stop when the last so many reports brought no better one, and take the
            points of the best, which may be those of the start.
        dtype: of the points.

    ``embedding_.info`` holds what was chosen, the last mean loss, and the figures of the
    held-out pairs.

    >>> tree = Taxonomy.from_edges([("a", "b"), ("a", "c"), ("c", "d")])
    >>> emb = RankingEmbedder(manifold="euclidean", epochs=20).fit(tree).embedding_
    >>> emb.points.shape, emb.info["init"]
    (torch.Size([4, 2]), 'random')
    """

    method: ClassVar[str] = "ranking"
    only_target: ClassVar[str | None] = "closure"

    epochs: int = 100
    lr: float | None = None
    negatives: int | Literal["all"] = 50
    burn_in: int = 20
    init: str = "auto"
    engine: str = "auto"
    batch_size: int = 256
    device: str = "cpu"
    threads: int = 1
    max_radius: float | None = None
    validation: float = 0.0
    patience: int | None = None

    def _place(
        self, taxonomy: Taxonomy, manifold: Manifold, run: Run
    ) -> tuple[Tensor, dict[str, Any]]:
        if isinstance(self.negatives, str) and self.negatives != "all":
            raise ValueError(f"negatives must be a number or 'all', got {self.negatives!r}")
        whole(1, epochs=self.epochs, batch_size=self.batch_size, threads=self.threads)
        negatives = None if self.negatives == "all" else self.negatives
        whole(1, negatives=negatives, patience=self.patience)
        whole(0, burn_in=self.burn_in)
        positive(lr=self.lr, max_radius=self.max_radius)
        not_negative(validation=self.validation)
        if not self.validation < 1.0:
            raise ValueError(f"validation must lie in [0, 1), got {self.validation}")
        if self.patience is not None and not self.validation:
            raise ValueError("patience needs pairs to validate on: set validation, such as 0.05")
        device = _device(self.device)
        engine = self._engine(manifold, device)
        start, init = _starting_points(taxonomy, manifold, self.dim, self.init, self.seed)
        lr = _RATE[engine, init] if self.lr is None else self.lr
        chosen: dict[str, Any] = {
            "engine": engine,
            "init": init,
            "epochs": self.epochs,
            "lr": lr,
            "negatives": self.negatives,
        }
        child, ancestor = taxonomy.closure()
        held_out = HeldOut.split(taxonomy, self.validation, self.seed) if self.validation else None
        trained = torch.ones(child.numel(), dtype=torch.bool)
        if held_out is not None:
            trained = ~held_out.chosen
            chosen["validation_pairs"] = int(held_out.chosen.sum())
        if not bool(trained.any()):
            return start, chosen
        trainer: CompiledRanking | TorchRanking
        if engine == "compiled":
            trainer = CompiledRanking(
                taxonomy, manifold, start, child, ancestor, trained, negatives,
                init == "constructive", self.threads, self.max_radius,
            )  # fmt: skip
        else:
            trainer = TorchRanking(
                manifold, start, child, ancestor, trained, negatives, self.batch_size, device
            )
        warm = self.burn_in if init == "random" else 0
        return self._train(trainer, lr, warm, held_out, run, chosen)

    def _engine(self, manifold: Manifold, device: torch.device) -> str:
        if self.engine not in ("auto", "compiled", "torch"):
            raise ValueError(f"engine must be 'auto', 'compiled' or 'torch', got {self.engine!r}")
        can_compile = is_hyperbolic(manifold) and self.dim >= 2 and is_available()
        if self.engine == "compiled" and device.type != "cpu":
            raise ValueError(f"engine='compiled' computes on the CPU, not on {self.device!r}")
        if self.engine == "compiled" and not can_compile:
            raise ValueError(
                f"engine='compiled' needs a hyperbolic manifold of two or more dimensions, got "
                f"{manifold!r} of {self.dim}, and numba: pip install 'hyperhier[fast]'"
            )
        engine = self.engine
        if engine == "auto":
            engine = "compiled" if can_compile and device.type == "cpu" else "torch"
        if engine == "torch" and self.max_radius is not None:
            raise ValueError("max_radius is an option of engine='compiled'")
        return engine

    def _train(
        self,
        trainer: CompiledRanking | TorchRanking,
        lr: float,
        warm: int,
        held_out: HeldOut | None,
        run: Run,
        chosen: dict[str, Any],
    ) -> tuple[Tensor, dict[str, Any]]:
        total = warm + self.epochs
        every = max(1, self.epochs // _EVALUATIONS)
        best, best_epoch, best_points, done, loss = -1.0, 0, trainer.points(), 0, 0.0
        state = run.resumed()
        if held_out is not None and self.patience is not None and not state:
            best = held_out.mean_reciprocal_rank(trainer)
        if state:
            done, loss = int(state.pop("epoch")), float(state.pop("loss"))
            best, best_epoch = float(state.pop("best")), int(state.pop("best_epoch"))
            best_points = state.pop("best_points")
            trainer.load(state)
        for epoch in range(done, total):
            left = 1.0 - (epoch - warm) / self.epochs
            rate = 0.1 * lr if epoch < warm else lr * (trainer.least + (1.0 - trainer.least) * left)
            loss = trainer.epoch(rate, self.seed, epoch, burn_in=epoch < warm)
            figures = {"loss": loss}
            last = epoch + 1 == total
            if held_out is not None and epoch >= warm and ((epoch + 1) % every == 0 or last):
                figures["validation_mrr"] = held_out.mean_reciprocal_rank(trainer)
                if self.patience is not None and figures["validation_mrr"] > best:
                    best, best_epoch = figures["validation_mrr"], epoch + 1
                    best_points = trainer.points()
            run.report(epoch + 1, total, **figures)
            run.keep(
                now=last, epoch=epoch + 1, loss=loss, best=best, best_epoch=best_epoch,
                best_points=best_points, **trainer.state(),
            )  # fmt: skip
            idle = epoch + 1 - max(best_epoch, warm)
            if self.patience is not None and idle >= self.patience * every:
                break
        chosen["loss"] = loss
        if held_out is None:
            return trainer.points(), chosen
        if self.patience is None:
            return trainer.points(), {
                **chosen, "validation_mrr": held_out.mean_reciprocal_rank(trainer)
            }  # fmt: skip
        return best_points, {**chosen, "validation_mrr": best, "best_epoch": best_epoch}
