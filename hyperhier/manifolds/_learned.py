"""The curvature that a manifold has learnt."""

from __future__ import annotations

from hyperhier.manifolds._hyperbolic import Hyperbolic
from hyperhier.manifolds.base import Manifold
from hyperhier.manifolds.product import Product

__all__ = ["learned_curvature"]


def learned_curvature(manifold: Manifold) -> dict[str, float]:
    """``c`` as it is now, and ``c_at_bound``: 1.0 where it stands at a bound, else 0.0.

    Of a product the factors that learn theirs, by their place in it: ``c1`` and
    ``c1_at_bound`` for the first. Empty where no curvature is learned.

    >>> from hyperhier.manifolds import Lorentz, Sphere
    >>> learned_curvature(Lorentz(0.5, learnable=True)), learned_curvature(Lorentz())
    ({'c': 0.5, 'c_at_bound': 0.0}, {})
    >>> learned_curvature(Product(Sphere(), Lorentz(0.5, learnable=True)))
    {'c2': 0.5, 'c2_at_bound': 0.0}
    """
    named = {"c": manifold}
    if isinstance(manifold, Product):
        named = {f"c{i}": factor for i, factor in enumerate(manifold._manifolds(), start=1)}
    told: dict[str, float] = {}
    for name, m in named.items():
        if isinstance(m, Hyperbolic) and m.curvature.learnable:
            told |= {name: float(m.c.detach()), f"{name}_at_bound": float(m.curvature.at_bound)}
    return told
