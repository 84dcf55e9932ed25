"""What the conformance tests draw, and how a manifold under test is described."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.manifolds import Manifold

__all__ = ["EPS", "Case", "Subject", "cases", "generated", "property_test"]

EPS = eps_of(torch.float64)


class Case(NamedTuple):
    """What hypothesis draws: everything else follows from the seed."""

    c: float
    features: int
    radius: float
    seed: int


def cases(max_radius: float) -> st.SearchStrategy[Case]:
    """Curvatures, dimensions, radii and seeds."""
    return st.builds(
        Case,
        c=st.floats(-3, 3).map(lambda e: 10.0**e),
        features=st.integers(2, 8),
        radius=st.floats(0.01, max_radius),
        seed=st.integers(0, 2**31 - 1),
    )


def property_test(test: Any) -> Any:
    """Run ``test(self, case)`` on generated cases; sharing it by inheritance is the point."""
    return generated()(given(case=cases(5.0))(test))


def generated(share: float = 1.0) -> Any:
    """Settings of a property that several classes inherit.

    ``share``: of the number of examples that the current hypothesis profile asks for.
    """
    examples = max(1, round(share * settings().max_examples))
    shared = [HealthCheck.differing_executors]
    return settings(max_examples=examples, deadline=None, suppress_health_check=shared)


class Subject:
    """The manifold under test: override :meth:`make`, and :meth:`reference` for a twin."""

    #: whether ``c`` is curvature (and so points scale with 1/sqrt(c))
    hyperbolic = True
    #: whether the reference's ``transp`` is parallel transport (geoopt's sphere projects)
    reference_transports = True

    def make(self, c: float) -> Manifold:
        """The manifold under test, of curvature -c where it has one."""
        raise TypeError("override make(c) to return the manifold under test")

    def reference(self, c: float) -> Any:
        """The same manifold in geoopt, or None."""
        return None

    # ------------------------------------------------------------------------- drawing

    def unit(self, case: Case) -> float:
        """Length of the curvature radius."""
        return 1.0 / math.sqrt(case.c) if self.hyperbolic else 1.0

    def draw(self, case: Case, n: int = 4, salt: int = 0) -> tuple[Manifold, Tensor]:
        """n random points within the case's radius."""
        m = self.make(case.c)
        g = torch.Generator().manual_seed(case.seed + 7919 * salt)
        z = torch.randn(n, case.features, dtype=torch.float64, generator=g)
        length = torch.rand(n, 1, dtype=torch.float64, generator=g) * case.radius * self.unit(case)
        return m, m.from_features(z / z.norm(dim=-1, keepdim=True) * length)

    def draw_tangent(self, m: Manifold, x: Tensor, case: Case, salt: int = 0) -> Tensor:
        """A random tangent vector of length about 1 curvature radius at each x."""
        g = torch.Generator().manual_seed(case.seed + 104729 * (salt + 1))
        u = m.proju(x, torch.randn(x.shape, dtype=x.dtype, generator=g))
        length = m.norm(x, u, keepdim=True)
        return m.proju(x, u / length * self.unit(case))  # once more: a short u has a long error

    def slack(self, case: Case) -> float:
        """What the coordinates of a hyperbolic model can hold, relative to the distance."""
        return 64 * case.features * EPS * math.exp(2 * case.radius if self.hyperbolic else 0.0)
