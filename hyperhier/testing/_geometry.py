"""Axioms, maps, gradients, matrices and centres that hold on every manifold."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from torch import Tensor

from hyperhier.testing._cases import EPS, Case, Subject, cases, generated, property_test

__all__ = ["GeometryTests"]


class GeometryTests(Subject):
    """The mathematics."""

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
        torch.testing.assert_close(
            m.inner(y, moved_u, moved_v), m.inner(x, u, v), rtol=0, atol=atol
        )
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
        torch.testing.assert_close(
            m.norm(x, r), torch.ones(4, dtype=x.dtype), rtol=self.slack(case), atol=0
        )
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
        gx, gy = torch.autograd.grad(
            m.dist(x, y).sum() + m.dist_matrix(x, y).diagonal().sum(), (x, y)
        )
        assert (gx == 0).all() and (gy == 0).all()

    @generated(0.1)  # each case takes many evaluations
    @given(case=cases(2.0))
    def test_gradcheck(self, case: Case) -> None:
        case = case._replace(
            features=3, c=max(0.1, min(case.c, 10.0)), radius=max(0.5, case.radius)
        )
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
            lambda p, q, w: m.transp(m.projx(p), m.projx(q), m.proju(m.projx(p), w)), (x, y, u)
        )
        # points are looked at through features or distances: the gradient of a point itself
        # may be expressed in any basis of its tangent space
        assert torch.autograd.gradcheck(
            lambda p, w: m.to_features(m.expmap(m.projx(p), m.proju(m.projx(p), w))), (x, u)
        )
        assert torch.autograd.gradcheck(lambda p: m.to_features(m.centroid(m.projx(p))), (x,))
        z, anchors = m.to_features(x.detach()).requires_grad_(), y.detach()
        assert torch.autograd.gradcheck(lambda p: m.dist_matrix(m.from_features(p), anchors), (z,))

    @property_test
    def test_gradients_at_and_from_the_origin(self, case: Case) -> None:
        m, x = self.draw(case)
        o = m.origin(*x.shape, dtype=x.dtype).requires_grad_()
        x.requires_grad_()
        gx, go = torch.autograd.grad(m.dist(o, x).sum(), (x, o))
        one = torch.ones(len(x), dtype=x.dtype)
        x, o = x.detach(), o.detach()
        torch.testing.assert_close(
            m.norm(x, m.egrad2rgrad(x, gx)), one, rtol=self.slack(case), atol=0
        )
        torch.testing.assert_close(
            m.norm(o, m.egrad2rgrad(o, go)), one, rtol=self.slack(case), atol=0
        )
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
