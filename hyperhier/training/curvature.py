"""What training makes of the curvature."""

from __future__ import annotations

from hyperhier.manifolds import Manifold
from hyperhier.manifolds._curvature import Curvature

__all__ = ["learned_curvature"]


def learned_curvature(manifold: Manifold) -> dict[str, float]:
    """``c`` as it is now, and ``c_at_bound``: 1 where it stands at a bound, else 0.

    Empty where no curvature is learned. Several factors of a product have ``c1``, ``c2``, ...,
    of which ``c_at_bound`` counts those at a bound.

    >>> from hyperhier.manifolds import Lorentz
    >>> learned_curvature(Lorentz(learnable=True)), learned_curvature(Lorentz())
    ({'c': 1.0, 'c_at_bound': 0.0}, {})
    """
    learned = [m for m in manifold.modules() if isinstance(m, Curvature) and m.learnable]
    if not learned:
        return {}
    names = ["c"] if len(learned) == 1 else [f"c{i + 1}" for i in range(len(learned))]
    values = {name: float(m().detach()) for name, m in zip(names, learned, strict=True)}
    return values | {"c_at_bound": float(sum(m.at_bound for m in learned))}
