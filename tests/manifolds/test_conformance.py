"""Every manifold inherits the conformance tests; what is special to one follows them."""

from __future__ import annotations

import geoopt

from hyperhier.manifolds import Euclidean, Lorentz, Manifold, PoincareBall, Polar, Sphere
from hyperhier.testing import ManifoldConformance
from hyperhier.testing.conformance import Case


class TestEuclidean(ManifoldConformance):
    hyperbolic = False

    def make(self, c: float) -> Manifold:
        return Euclidean()

    def reference(self, c: float) -> object:
        return geoopt.Euclidean(ndim=1)


class TestSphere(ManifoldConformance):
    hyperbolic = False
    reference_transports = False

    def make(self, c: float) -> Manifold:
        return Sphere()

    def reference(self, c: float) -> object:
        return geoopt.SphereExact()

    def slack(self, case: Case) -> float:
        return 100 * super().slack(case)  # near-antipodal pairs are drawn here


class TestPoincareBall(ManifoldConformance):
    def make(self, c: float) -> Manifold:
        return PoincareBall(c)

    def reference(self, c: float) -> object:
        return geoopt.PoincareBallExact(c=c)


class TestLorentz(ManifoldConformance):
    def make(self, c: float) -> Manifold:
        return Lorentz(c)

    def reference(self, c: float) -> object:
        return geoopt.Lorentz(k=1.0 / c)


class TestPolar(ManifoldConformance):
    def make(self, c: float) -> Manifold:
        return Polar(c)
