"""Optimizers for points of a manifold and plain parameters alike."""

from hyperhier.optim.adam import RiemannianAdam as RiemannianAdam
from hyperhier.optim.sgd import RiemannianSGD as RiemannianSGD

__all__ = ["RiemannianAdam", "RiemannianSGD"]
