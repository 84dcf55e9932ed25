"""ManifoldParameter: its points, and that the manifold of its weight is never forgotten."""

from __future__ import annotations

import copy
import gc
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn

from hyperhier.errors import ManifoldError
from hyperhier.manifolds import Lorentz, Manifold, PoincareBall, Sphere
from hyperhier.nn import ManifoldParameter, manifold_of


def points(manifold: Manifold, n: int = 4, d: int = 3) -> torch.Tensor:
    z = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    return manifold.from_features(z)


@pytest.fixture(params=[PoincareBall, Lorentz, Sphere], ids=lambda cls: cls.__name__)
def parameter(request: pytest.FixtureRequest) -> ManifoldParameter:
    manifold = request.param()
    return ManifoldParameter(points(manifold), manifold)


def test_holds_a_plain_parameter(parameter: ManifoldParameter) -> None:
    assert type(parameter.weight) is nn.Parameter
    assert parameter() is parameter.weight
    assert dict(parameter.named_parameters()).keys() == {"weight"}
    assert "shape=(4" in repr(parameter)


def test_copies_its_data() -> None:
    data = torch.zeros(2, 2)
    parameter = ManifoldParameter(data, PoincareBall())
    data += 5
    assert parameter().abs().max() == 0


def test_requires_grad() -> None:
    assert not ManifoldParameter(
        torch.zeros(2, 2), PoincareBall(), requires_grad=False
    )().requires_grad


def test_points_off_the_manifold_are_refused_or_projected() -> None:
    off = torch.tensor([[0.1, 0.2], [3.0, 4.0]])
    with pytest.raises(ManifoldError, match=r"point \(1,\)"):
        ManifoldParameter(off, PoincareBall())
    ball = PoincareBall()
    kept = ManifoldParameter(off, ball, project=True)
    assert ball.check_point_on_manifold(kept())
    assert torch.equal(kept()[0], off[0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_points_are_refused(bad: float) -> None:
    with pytest.raises(ManifoldError):
        ManifoldParameter(torch.full((1, 3), bad), Lorentz())


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ([1.0], TypeError),
        (torch.ones(2, 2, dtype=torch.int64), TypeError),
        (torch.ones(2, 2, dtype=torch.complex64), TypeError),
        (torch.tensor(0.0), ManifoldError),
    ],
)
def test_wrong_data(data: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        ManifoldParameter(data, PoincareBall())  # type: ignore[arg-type]


def test_learnable_curvature_is_a_parameter() -> None:
    manifold = Lorentz(c=0.7, learnable=True)
    parameter = ManifoldParameter(points(manifold), manifold)
    extra = [p for name, p in parameter.named_parameters() if name != "weight"]
    assert len(extra) == 1
    assert manifold_of(extra[0]) is None  # Euclidean
    manifold.dist0(parameter()).sum().backward()
    assert extra[0].grad is not None


def through_pickle(module: nn.Module) -> nn.Module:
    return pickle.loads(pickle.dumps(module))


def through_torch_save(module: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


def through_assignment(module: nn.Module) -> nn.Module:
    module.load_state_dict(copy.deepcopy(module.state_dict()), assign=True)
    return module


def through_overwriting_conversion(module: nn.Module) -> nn.Module:
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        return module.to(torch.float64)
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)


def through_swapping(module: nn.Module) -> nn.Module:
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        module.to(torch.float64)
        module.load_state_dict(copy.deepcopy(module.state_dict()))
        return module
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)


JOURNEYS: list[Callable[[nn.Module], nn.Module]] = [
    copy.deepcopy,
    copy.copy,
    through_pickle,
    through_torch_save,
    through_assignment,
    through_overwriting_conversion,
    through_swapping,
    lambda m: m.to(torch.float64),
    lambda m: m.half(),
    lambda m: m.share_memory(),
]


@pytest.mark.parametrize("journey", JOURNEYS)
@pytest.mark.parametrize("nested", [False, True])
def test_weight_keeps_its_manifold(
    parameter: ManifoldParameter, journey: Callable[[nn.Module], nn.Module], nested: bool
) -> None:
    module: nn.Module = nn.Sequential(nn.Linear(2, 2), parameter) if nested else parameter
    after = journey(module)
    owner = after[1] if nested else after  # type: ignore[index]
    del module, parameter
    gc.collect()
    assert manifold_of(owner.weight) is owner.manifold
    assert type(owner.manifold).__name__ in ("PoincareBall", "Lorentz", "Sphere")


def test_weight_outlives_its_module() -> None:
    ball = PoincareBall()
    weight = ManifoldParameter(torch.zeros(2, 2), ball).weight
    gc.collect()
    assert manifold_of(weight) is ball


def test_replaced_weight_is_known() -> None:
    ball = PoincareBall()
    parameter = ManifoldParameter(torch.zeros(2, 2), ball)
    parameter.weight = nn.Parameter(torch.zeros(3, 2))
    assert manifold_of(parameter.weight) is ball


def test_state_dict_loads_weights_only(parameter: ManifoldParameter) -> None:
    buffer = io.BytesIO()
    torch.save(parameter.state_dict(keep_vars=True), buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=True)
    assert torch.equal(loaded["weight"], parameter.weight)
    twin = copy.deepcopy(parameter)
    with torch.no_grad():
        twin.weight.zero_()
    twin.load_state_dict(loaded)
    assert torch.equal(twin.weight, parameter.weight)


def test_shared_manifold_stays_shared_in_a_copy() -> None:
    ball = PoincareBall(learnable=True)
    model = nn.ModuleList([ManifoldParameter(torch.zeros(1, 2), ball) for _ in range(2)])
    twin = copy.deepcopy(model)
    assert twin[0].manifold is twin[1].manifold is not ball


def test_accepts_a_geoopt_manifold() -> None:
    geoopt = pytest.importorskip("geoopt")
    parameter = ManifoldParameter(torch.zeros(2, 2), geoopt.PoincareBall(c=2.0))
    assert isinstance(parameter.manifold, Manifold)
    assert parameter.manifold.sectional_curvature == pytest.approx(-2.0)


def test_on_the_meta_device() -> None:
    parameter = ManifoldParameter(torch.empty(2, 3, device="meta"), Lorentz())
    assert parameter().shape == (2, 3)


@pytest.mark.parametrize("cls", [PoincareBall, Lorentz, Sphere])
@pytest.mark.parametrize("start", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("end", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_conversion_of_dtype_keeps_points_on_the_manifold(
    cls: type[Manifold], start: torch.dtype, end: torch.dtype
) -> None:
    manifold = cls()
    z = 4.0 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).to(start)
    parameter = ManifoldParameter(manifold.from_features(z), manifold).to(end)
    assert parameter().dtype == end
    assert manifold.check_point_on_manifold(parameter())
