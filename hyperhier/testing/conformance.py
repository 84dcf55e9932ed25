"""The tests that a manifold inherits.

    class TestMyManifold(ManifoldConformance):
        def make(self, c):
            return MyManifold(c)

Points are drawn by hypothesis: curvature from 1e-3 to 1e3, dimension 2 to 8, radius up to
``max_radius`` in units of the curvature radius. Tolerances are multiples of the float64
rounding, times ``exp(radius)`` where the coordinates of the model cannot hold more.
"""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.errors import ManifoldError
from hyperhier.manifolds import Manifold

__all__ = ["Case", "ManifoldConformance"]

EPS = eps_of(torch.float64)
#: generated cases per property
EXAMPLES = 25


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
    return generated(EXAMPLES)(given(case=cases(5.0))(test))


def generated(examples: int) -> Any:
    """Settings of a property that several classes inherit."""
    shared = [HealthCheck.differing_executors]
    return settings(max_examples=examples, deadline=None, suppress_health_check=shared)


class ManifoldConformance:
    """Inherit, and override :meth:`make` (and :meth:`reference`, if geoopt has a twin)."""

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
        return u / length * self.unit(case)

    def slack(self, case: Case) -> float:
        """What the coordinates of a hyperbolic model can hold, relative to the distance."""
        return 64 * case.features * EPS * math.exp(2 * case.radius if self.hyperbolic else 0.0)

    # -------------------------------------------------------------------------- axioms

    @property_test
    def test_metric_axioms(self, case: Case) -> None:
        m, x = self.draw(case)
        _, y = self.draw(case, salt=1)
        _, z = self.draw(case, salt=2)
        xy, yz, xz = m.dist(x, y), m.dist(y, z), m.dist(x, z)
        assert (xy > 0).all()
        torch.testing.assert_close(xy, m.dist(y, x), rtol=8 * EPS, atol=0)
        assert (xz <= (xy + yz) * (1 + 64 * EPS)).all()
        assert (m.dist(x, x) == 0).all()

    @property_test
    def test_points_stay_on_the_manifold(self, case: Case) -> None:
        m, x = self.draw(case)
        u = self.draw_tangent(m, x, case)
        m.assert_check_point_on_manifold(x)
        m.assert_check_point_on_manifold(m.expmap(x, u))
        assert m.check_vector_on_tangent(x, u)
        torch.testing.assert_close(m.projx(x), x, rtol=8 * EPS, atol=0)
        torch.testing.assert_close(m.proju(x, u), u, rtol=self.slack(case), atol=self.slack(case))

    @property_test
    def test_exp_and_log_are_inverse(self, case: Case) -> None:
        m, x = self.draw(case)
        _, y = self.draw(case, salt=1)
        u = m.logmap(x, y)
        d = m.dist(x, y)
        torch.testing.assert_close(m.norm(x, u), d, rtol=self.slack(case), atol=0)
        assert (m.dist(m.expmap(x, u), y) <= self.slack(case) * (d + self.unit(case))).all()
        v = self.draw_tangent(m, x, case)
        error = m.norm(x, m.logmap(x, m.expmap(x, v)) - v)
        assert (error <= self.slack(case) * self.unit(case)).all()
        assert (m.norm(x, m.logmap(x, x)) == 0).all()
        stayed = m.dist(m.expmap(x, torch.zeros_like(x)), x)
        assert (stayed <= 8 * EPS * self.unit(case)).all()

    @property_test
    def test_origin_versions_agree(self, case: Case) -> None:
        m, x = self.draw(case)
        o = m.origin(*x.shape, dtype=x.dtype)
        m.assert_check_point_on_manifold(o)
        torch.testing.assert_close(m.dist0(x), m.dist(o, x), rtol=8 * EPS, atol=0)
        u = m.logmap0(x)
        torch.testing.assert_close(u, m.logmap(o, x))
        assert (m.dist(m.expmap0(u), x) <= self.slack(case) * self.unit(case)).all()
        v = self.draw_tangent(m, x, case)
        torch.testing.assert_close(m.transp0back(x, v), m.transp(x, o, v))
        torch.testing.assert_close(m.transp0(x, u), m.transp(o, x, u))

    @property_test
    def test_geodesics_have_constant_speed(self, case: Case) -> None:
        m, x = self.draw(case)
        _, y = self.draw(case, salt=1)
        d = m.dist(x, y)
        for t in (0.0, 0.25, 1.0):
            point = m.geodesic(t, x, y)
            atol = self.slack(case) * float(d.max() + self.unit(case))
            torch.testing.assert_close(m.dist(x, point), t * d, rtol=0, atol=atol)
            torch.testing.assert_close(m.dist(point, y), (1 - t) * d, rtol=0, atol=atol)
        per_pair = torch.linspace(0, 1, len(x), dtype=x.dtype)
        torch.testing.assert_close(m.geodesic(per_pair, x, y)[0], m.geodesic(0.0, x, y)[0])

    @property_test
    def test_transport_is_an_isometry(self, case: Case) -> None:
        m, x = self.draw(case)
        _, y = self.draw(case, salt=1)
        u, v = self.draw_tangent(m, x, case), self.draw_tangent(m, x, case, salt=1)
        moved_u, moved_v = m.transp(x, y, u), m.transp(x, y, v)
        assert m.check_vector_on_tangent(y, moved_u)
        atol = self.slack(case) * self.unit(case) ** 2
        torch.testing.assert_close(m.inner(y, moved_u, moved_v), m.inner(x, u, v), rtol=0, atol=atol)
        there_and_back = m.norm(x, m.transp(y, x, moved_u) - u)
        assert (there_and_back <= self.slack(case) * self.unit(case)).all()
        towards, back = m.logmap(x, y), m.logmap(y, x)
        gap = m.norm(y, m.transp(x, y, towards) + back)
        assert (gap <= self.slack(case) * (m.dist(x, y) + self.unit(case))).all()
        point, carried = m.retr_transp(x, u, v)
        torch.testing.assert_close(point, m.retr(x, u))
        torch.testing.assert_close(carried, m.transp(x, point, v))

    # ----------------------------------------------------------------------- gradients

    @property_test
    def test_distance_gradient_has_length_one(self, case: Case) -> None:
        m, x = self.draw(case)
        _, y = self.draw(case, salt=1)
        x.requires_grad_()
        d = m.dist(x, y)
        (g,) = torch.autograd.grad(d.sum(), x)
        x = x.detach()
        r = m.egrad2rgrad(x, g)
        torch.testing.assert_close(m.norm(x, r), torch.ones(4, dtype=x.dtype), rtol=self.slack(case), atol=0)
        # it points away from y: minus the logarithm, normalised
        expected = -m.logmap(x, y) / d.detach().unsqueeze(-1)
        assert (m.norm(x, r - expected) <= self.slack(case)).all()
        # and gives the directional derivative
        v = self.draw_tangent(m, x, case)
        scale = self.unit(case)
        torch.testing.assert_close(
            (g * v).sum(-1) / scale, m.inner(x, r, v) / scale, rtol=0, atol=self.slack(case)
        )

    @property_test
    def test_gradient_is_zero_at_coincident_points(self, case: Case) -> None:
        m, x = self.draw(case)
        x.requires_grad_()
        y = x.detach().clone().requires_grad_()
        gx, gy = torch.autograd.grad(m.dist(x, y).sum() + m.dist_matrix(x, y).diagonal().sum(), (x, y))
        assert (gx == 0).all() and (gy == 0).all()

    @generated(5)
    @given(case=cases(2.0))
    def test_gradcheck(self, case: Case) -> None:
        case = case._replace(features=3, c=max(0.1, min(case.c, 10.0)), radius=max(0.5, case.radius))
        m, x = self.draw(case, n=2)
        _, y = self.draw(case, n=2, salt=1)
        u = self.draw_tangent(m, x, case)
        x, y, u = (t.detach().requires_grad_() for t in (x, y, u))
        # compose with the projections, so that finite differences stay on the manifold

        def dist(p: Tensor, q: Tensor) -> Tensor:
            return m.dist(m.projx(p), m.projx(q))

        assert torch.autograd.gradcheck(dist, (x, y))
        assert torch.autograd.gradgradcheck(dist, (x, y))
        assert torch.autograd.gradcheck(lambda p, q: m.dist_matrix(m.projx(p), m.projx(q)), (x, y))
        assert torch.autograd.gradcheck(lambda p, q: m.logmap(m.projx(p), m.projx(q)), (x, y))
        assert torch.autograd.gradcheck(
            lambda p, w: m.expmap(m.projx(p), m.proju(m.projx(p), w)), (x, u)
        )
        assert torch.autograd.gradcheck(
            lambda p, q, w: m.transp(m.projx(p), m.projx(q), m.proju(m.projx(p), w)), (x, y, u)
        )
        assert torch.autograd.gradcheck(lambda p: m.centroid(m.projx(p)), (x,))
        z = m.to_features(x.detach()).requires_grad_()
        assert torch.autograd.gradcheck(m.from_features, (z,))

    @property_test
    def test_gradients_at_and_from_the_origin(self, case: Case) -> None:
        m, x = self.draw(case)
        o = m.origin(*x.shape, dtype=x.dtype).requires_grad_()
        x.requires_grad_()
        gx, go = torch.autograd.grad(m.dist(o, x).sum(), (x, o))
        one = torch.ones(len(x), dtype=x.dtype)
        x, o = x.detach(), o.detach()
        torch.testing.assert_close(m.norm(x, m.egrad2rgrad(x, gx)), one, rtol=self.slack(case), atol=0)
        torch.testing.assert_close(m.norm(o, m.egrad2rgrad(o, go)), one, rtol=self.slack(case), atol=0)
        z = torch.zeros(2, case.features, dtype=x.dtype, requires_grad=True)
        (gz,) = torch.autograd.grad(m.from_features(z).sum(), z)
        assert gz.isfinite().all()

    # ------------------------------------------------------------ matrices and centres

    @property_test
    def test_dist_matrix_equals_dist(self, case: Case) -> None:
        m, x = self.draw(case, n=5)
        _, y = self.draw(case, n=3, salt=1)
        # far, coincident, and near pairs in one matrix
        near = m.expmap(x[:1], self.draw_tangent(m, x[:1], case) * 1e-7)
        y = torch.cat((y, x[:1], near))
        both = [t.clone().requires_grad_() for t in (x, y)]
        pairs = [t.clone().requires_grad_() for t in (x, y)]
        matrix = m.dist_matrix(*both)
        single = m.dist(pairs[0].unsqueeze(-2), pairs[1].unsqueeze(-3))
        torch.testing.assert_close(matrix, single, rtol=128 * EPS, atol=0)
        weights = torch.rand(matrix.shape, dtype=x.dtype)
        for points, a, b in zip(
            both,
            torch.autograd.grad((matrix * weights).sum(), both),
            torch.autograd.grad((single * weights).sum(), pairs),
            strict=True,
        ):
            # gradients in ambient coordinates are free up to a normal component
            base = points.detach()
            a, b = m.egrad2rgrad(base, a), m.egrad2rgrad(base, b)
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6 * float(b.abs().max()))
        batched = m.dist_matrix(x.expand(2, -1, -1), y)
        torch.testing.assert_close(batched[1], matrix.detach())

    @property_test
    def test_centroid(self, case: Case) -> None:
        m, x = self.draw(case, n=6)
        tol = self.slack(case) * self.unit(case)
        centre = m.centroid(x)
        m.assert_check_point_on_manifold(centre)
        assert m.dist(centre, m.centroid(x.flip(0))) <= tol
        assert m.dist(m.centroid(x[:1]), x[0]) <= tol
        assert m.dist(m.midpoint(x[0], x[1]), m.geodesic(0.5, x[0], x[1])) <= tol
        assert m.dist(m.midpoint(x[0], x[1], 0.0), x[0]) <= tol
        weights = torch.tensor([1.0, 2.0, 0, 0, 0, 0], dtype=x.dtype)
        doubled = torch.stack((x[0], x[1], x[1]))
        assert m.dist(m.centroid(x, weights), m.centroid(doubled)) <= tol
        nothing = m.centroid(x, torch.zeros(6, dtype=x.dtype))
        assert m.dist0(nothing) == 0 and m.dist0(m.centroid(x[:0])) == 0
        stacked = m.centroid(torch.stack((x, x.flip(0)), dim=1), dim=0, keepdim=True)
        assert stacked.shape == (1, 2, x.shape[-1])
        assert m.dist(stacked[0, 1], centre) <= tol

    @property_test
    def test_features(self, case: Case) -> None:
        m, x = self.draw(case)
        z = m.to_features(x)
        assert x.shape[-1] == m.ambient_dim(case.features)
        assert z.shape[-1] == case.features
        assert (m.dist(m.from_features(z), x) <= self.slack(case) * self.unit(case)).all()
        zero = m.from_features(torch.zeros(case.features, dtype=x.dtype))
        assert m.dist0(zero) == 0
        if self.hyperbolic:
            torch.testing.assert_close(m.dist0(x), z.norm(dim=-1), rtol=self.slack(case), atol=0)

    def test_random_normal(self) -> None:
        m = self.make(1.0)
        g = torch.Generator().manual_seed(0)
        n = m.ambient_dim(3)
        x = m.random_normal(4000, n, std=0.1, generator=g, dtype=torch.float64)
        m.assert_check_point_on_manifold(x)
        rms = m.dist0(x).square().mean().sqrt()
        tangent = len(torch.linalg.svdvals(m.logmap0(x).T @ m.logmap0(x)).gt(1e-6).nonzero())
        assert abs(float(rms) - 0.1 * math.sqrt(tangent)) < 0.01
        mean = m.from_features(torch.tensor([0.4, -0.3, 0.2], dtype=torch.float64))
        y = m.random_normal(4000, n, mean=mean, std=0.1, generator=g, dtype=torch.float64)
        assert m.dist(m.centroid(y), mean) < 0.02

    # --------------------------------------------------------- shapes, dtypes, devices

    def test_shapes_broadcasting_and_dim(self) -> None:
        m, x = self.draw(Case(1.0, 3, 1.0, 0), n=6)
        n = x.shape[-1]
        x = x.reshape(2, 3, n)
        y = x[:, :1].flip(0)
        u = m.proju(x, torch.ones_like(x))
        assert m.dist(x, y).shape == (2, 3)
        assert m.dist(x, y, keepdim=True).shape == (2, 3, 1)
        for dim in (1, -2):
            xd, yd, ud = (t.movedim(-1, dim) for t in (x, y.expand_as(x), u))
            torch.testing.assert_close(m.dist(xd, yd, dim=dim), m.dist(x, y))
            assert m.dist(xd, yd, dim=dim, keepdim=True).shape == (2, 1, 3)
            assert m.dist0(xd, dim=dim).shape == (2, 3)
            for result, expected in (
                (m.expmap(xd, ud, dim=dim), m.expmap(x, u)),
                (m.logmap(xd, yd, dim=dim), m.logmap(x, y)),
                (m.transp(xd, yd, ud, dim=dim), m.transp(x, y, u)),
                (m.projx(xd, dim=dim), m.projx(x)),
                (m.proju(xd, ud, dim=dim), m.proju(x, u)),
                (m.egrad2rgrad(xd, ud, dim=dim), m.egrad2rgrad(x, u)),
                (m.component_inner(xd, ud, dim=dim), m.component_inner(x, u)),
                (m.from_features(m.to_features(xd, dim=dim), dim=dim), x),
            ):
                torch.testing.assert_close(result.movedim(dim, -1), expected)
            torch.testing.assert_close(m.inner(xd, ud, dim=dim), m.inner(x, u))
        assert m.component_inner(x, u).shape == u.shape
        assert m.dist(x[:0], y[:0]).shape == (0, 3)
        assert m.dist_matrix(x[:, :0], y).shape == (2, 0, 1)
        assert m.expmap(x[:0], u[:0]).shape == (0, 3, n)
        assert m.origin(2, n).shape == m.origin((2, n)).shape == (2, n)
        with pytest.raises((ManifoldError, TypeError, ValueError)):
            m.origin()
        with pytest.raises(ValueError, match="dim"):
            m.centroid(x, dim=-1)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    def test_dtypes(self, dtype: torch.dtype) -> None:
        m, x64 = self.draw(Case(1.0, 4, 1.0, 0), n=3)
        x, y = m.projx(x64.to(dtype)), m.projx(x64.flip(0).to(dtype))
        u = m.logmap(x, y)
        points = (m.expmap(x, u), m.geodesic(0.3, x, y), m.centroid(x), m.projx(x), m.expmap0(m.logmap0(x)))
        for point in points:
            assert point.dtype == dtype
            m.assert_check_point_on_manifold(point)
        others = (m.dist(x, y), m.dist_matrix(x, y), m.norm(x, u), m.transp(x, y, u), m.egrad2rgrad(x, u))
        for value in others:
            assert value.dtype == dtype and value.isfinite().all()
        eps = eps_of(dtype)
        exact = m.dist(x.double(), y.double())
        torch.testing.assert_close(m.dist(x, y).double(), exact, rtol=eps, atol=eps * 1e-3)
        assert m.dist(x, y.double()).dtype == torch.float64
        with pytest.raises(TypeError, match="floating"):
            m.dist(torch.ones(2, 4, dtype=torch.long), torch.ones(2, 4, dtype=torch.long))

    def test_autocast_changes_nothing(self) -> None:
        m, x = self.draw(Case(1.0, 4, 2.0, 0), n=6)
        x = m.projx(x.float())
        plain = m.dist_matrix(x, x.flip(0)), m.expmap(x, m.logmap(x, x.flip(0)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            under = m.dist_matrix(x, x.flip(0)), m.expmap(x, m.logmap(x, x.flip(0)))
        assert torch.equal(plain[0], under[0]) and torch.equal(plain[1], under[1])

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_cuda(self) -> None:
        m, x = self.draw(Case(1.0, 4, 2.0, 0), n=6)
        on_cpu = m.dist_matrix(x, x.flip(0))
        on_gpu = m.to("cuda").dist_matrix(x.cuda(), x.flip(0).cuda())
        torch.testing.assert_close(on_gpu.cpu(), on_cpu)

    @pytest.mark.parametrize("value", [0.0, 1e-30, 1e-6, 1e3, 1e30])
    def test_any_finite_input_gives_finite_output(self, value: float) -> None:
        for dtype in (torch.float32, torch.float64):
            m = self.make(1.0)
            z = torch.full((2, 3), value, dtype=dtype)
            z[1] = -z[1]
            z.requires_grad_()
            x = m.from_features(z)
            m.assert_check_point_on_manifold(x.detach())
            d = m.dist(x[0], x[1]) + m.dist(x[0], x[0])
            assert d.isfinite()
            (g,) = torch.autograd.grad(d, z)
            assert g.isfinite().all()

    # -------------------------------------------------------- modules and transformations

    def test_copies_and_state(self) -> None:
        m, x = self.draw(Case(0.7, 3, 1.0, 0))
        y = x.flip(0)
        expected = m.dist(x, y)
        for twin in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
            assert torch.equal(twin.dist(x, y), expected)
        file = io.BytesIO()
        torch.save(m.state_dict(), file)
        file.seek(0)
        other = self.make(0.3)
        other.load_state_dict(torch.load(file, weights_only=True))
        assert torch.equal(other.dist(x, y), expected)

    @pytest.mark.parametrize("cast", ["half", "bfloat16", "float", "double"])
    def test_casts_leave_the_curvature(self, cast: str) -> None:
        m, x = self.draw(Case(0.1, 3, 1.0, 0))
        expected = m.dist(x, x.flip(0))
        assert torch.equal(getattr(m, cast)().dist(x, x.flip(0)), expected)

    def test_vmap(self) -> None:
        m, x = self.draw(Case(1.0, 3, 1.0, 0))
        y = x.flip(0)
        u = m.logmap(x, y)
        torch.testing.assert_close(torch.vmap(m.dist)(x, y), m.dist(x, y))
        torch.testing.assert_close(torch.vmap(m.expmap)(x, u), m.expmap(x, u))
        torch.testing.assert_close(torch.vmap(m.transp)(x, y, u), m.transp(x, y, u))
        stacked = torch.stack((x, y))
        matrices = torch.vmap(m.dist_matrix)(stacked, stacked)
        torch.testing.assert_close(matrices, m.dist_matrix(stacked, stacked))
        gradient = torch.vmap(torch.func.grad(lambda p, q: m.dist(p, q)))(x, y)
        leaf = x.clone().requires_grad_()
        (expected,) = torch.autograd.grad(m.dist(leaf, y).sum(), leaf)
        torch.testing.assert_close(gradient, expected)

    def test_compiles_in_one_graph(self) -> None:
        m, x = self.draw(Case(1.0, 3, 1.0, 0))
        y = x.flip(0)

        def step(p: Tensor, q: Tensor) -> Tensor:
            moved = m.expmap(p, 0.5 * m.logmap(p, q))
            return m.dist(moved, q).sum() + m.dist_matrix(p, q).sum() + m.centroid(p).sum()

        torch._dynamo.reset()
        compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
        leaf, twin = x.clone().requires_grad_(), x.clone().requires_grad_()
        value, expected = compiled(leaf, y), step(twin, y)
        torch.testing.assert_close(value, expected)
        value.backward()
        expected.backward()
        torch.testing.assert_close(m.egrad2rgrad(x, leaf.grad), m.egrad2rgrad(x, twin.grad))

    def test_points_off_the_manifold_are_named(self) -> None:
        m, x = self.draw(Case(1.0, 3, 1.0, 0))
        x[2, 0] = math.nan
        assert not m.check_point_on_manifold(x)
        with pytest.raises(ManifoldError, match="2"):
            m.assert_check_point_on_manifold(x)
        assert not m.check_point(torch.ones(3, dtype=torch.long))

    # -------------------------------------------------------------------------- geoopt

    @property_test
    def test_agrees_with_geoopt(self, case: Case) -> None:
        c = min(max(case.c, 0.1), 10.0)
        reference = self.reference(c)
        if reference is None:
            pytest.skip("geoopt has no twin of this manifold")
        case = case._replace(c=c, radius=min(max(case.radius, 0.5), 2.0))
        m, x = self.draw(case)
        _, y = self.draw(case, salt=1)
        u = self.draw_tangent(m, x, case)
        close = {"rtol": 1e-4, "atol": 1e-4}  # what geoopt's own rounding allows
        torch.testing.assert_close(m.dist(x, y), reference.dist(x, y), **close)
        torch.testing.assert_close(m.expmap(x, u), reference.expmap(x, u), **close)
        torch.testing.assert_close(m.logmap(x, y), reference.logmap(x, y), **close)
        if self.reference_transports:
            torch.testing.assert_close(m.transp(x, y, u), reference.transp(x, y, u), **close)
        torch.testing.assert_close(
            m.egrad2rgrad(x, u.clone()), reference.egrad2rgrad(x, u.clone()), **close
        )

    def test_runs_under_geoopt_optimizers(self) -> None:
        geoopt = pytest.importorskip("geoopt")
        for optimizer in (geoopt.optim.RiemannianAdam, geoopt.optim.RiemannianSGD):
            m, x = self.draw(Case(1.0, 3, 1.0, 0))
            target = x.flip(0).clone()
            parameter = geoopt.ManifoldParameter(x.clone(), manifold=m)
            opt = optimizer([parameter], lr=0.05, stabilize=5)
            before = m.dist(parameter, target).square().sum()
            for _ in range(20):
                opt.zero_grad()
                m.dist(parameter, target).square().sum().backward()
                opt.step()
            assert m.dist(parameter, target).square().sum() < before
            m.assert_check_point_on_manifold(parameter.detach().as_subclass(Tensor))
