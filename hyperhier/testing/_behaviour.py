"""How a manifold behaves as a module and under torch's transformations."""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from hyperhier._numerics import eps_of
from hyperhier.errors import ManifoldError
from hyperhier.testing._cases import Case, Subject, property_test

__all__ = ["BehaviourTests"]


class BehaviourTests(Subject):
    """Shapes, dtypes, devices, copies, compilation, geoopt."""

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
        points = (
            m.expmap(x, u),
            m.geodesic(0.3, x, y),
            m.centroid(x),
            m.projx(x),
            m.expmap0(m.logmap0(x)),
        )
        for point in points:
            assert point.dtype == dtype
            m.assert_check_point_on_manifold(point)
        others = (
            m.dist(x, y),
            m.dist_matrix(x, y),
            m.norm(x, u),
            m.transp(x, y, u),
            m.egrad2rgrad(x, u),
        )
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

    def test_fast_precision(self) -> None:
        m, x64 = self.draw(Case(1.0, 4, 1.5, 0), n=6)
        x = m.projx(x64.float())
        y = x.flip(0)

        def everything() -> tuple[Tensor, ...]:
            u = m.logmap(x, y)
            matrix = m.dist_matrix(x, torch.cat((y, x)))
            return m.dist(x, y), matrix, u, m.transp(x, y, u), m.expmap(x, 0.5 * u), m.centroid(x)

        accurate = everything()
        m.precision = "fast"
        for fast, slow in zip(everything(), accurate, strict=True):
            assert fast.dtype == torch.float32
            torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(m.dist(leaf, y).sum() + m.dist_matrix(leaf, y).sum(), leaf)
        assert g.dtype == torch.float32 and g.isfinite().all()
        assert (m.dist(x, x) == 0).all()
        half = m.dist(x.half(), y.half())
        assert half.dtype == torch.float16 and half.isfinite().all()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for under, slow in zip(everything(), accurate, strict=True):
                assert torch.equal(under, slow)

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
        coarse = torch.vmap(lambda p, q: m.dist_matrix(p, q, repair=False))(stacked, stacked)
        torch.testing.assert_close(coarse, matrices, rtol=0, atol=1e-5)
        gradient = torch.vmap(torch.func.grad(lambda p, q: m.dist(p, q)))(x, y)
        leaf = x.clone().requires_grad_()
        (expected,) = torch.autograd.grad(m.dist(leaf, y).sum(), leaf)
        torch.testing.assert_close(gradient, expected)

    def test_compiles_in_one_graph(self) -> None:
        m, x = self.draw(Case(1.0, 3, 1.0, 0))
        y = x.flip(0)

        def step(p: Tensor, q: Tensor) -> Tensor:
            moved = m.expmap(p, 0.5 * m.logmap(p, q))
            matrices = m.dist_matrix(p, q).sum() + m.dist_matrix(p, q, repair=False).sum()
            return m.dist(moved, q).sum() + matrices + m.dist0(m.centroid(p))

        torch._dynamo.reset()
        compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
        leaf, twin = x.clone().requires_grad_(), x.clone().requires_grad_()
        value, expected = compiled(leaf, y), step(twin, y)
        torch.testing.assert_close(value, expected)
        value.backward()
        expected.backward()
        assert leaf.grad is not None and twin.grad is not None
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
        close: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}  # what geoopt's own rounding allows
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
