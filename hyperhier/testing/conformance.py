"""The tests that a manifold inherits.

    class TestMyManifold(ManifoldConformance):
        def make(self, c):
            return MyManifold(c)

Points are drawn by hypothesis: curvature from 1e-3 to 1e3, dimension 2 to 8, radius up to
``max_radius`` in units of the curvature radius. Tolerances are multiples of the float64
rounding, times ``exp(radius)`` where the coordinates of the model cannot hold more.
"""

from __future__ import annotations

from hyperhier.testing._behaviour import BehaviourTests
from hyperhier.testing._cases import Case
from hyperhier.testing._geometry import GeometryTests

__all__ = ["Case", "ManifoldConformance"]


class ManifoldConformance(GeometryTests, BehaviourTests):
    """Inherit, and override :meth:`make` (and :meth:`reference`, if geoopt has a twin)."""
