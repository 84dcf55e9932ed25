"""Augmented views."""

from __future__ import annotations

import pytest
import torch

from hyperhier.data import augment, channel_statistics, normalise, two_views

PLAIN = {
    "crop": 1.0,
    "stretch": 0.0,
    "flip": "none",
    "brightness": 0.0,
    "contrast": 0.0,
    "colour": 0.0,
}


def batch(n: int = 64, channels: int = 3) -> torch.Tensor:
    g = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (n, channels, 12, 16), dtype=torch.uint8, generator=g)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_change_it_is_normalisation() -> None:
    images = batch()
    mean, std = channel_statistics(images)
    a, b = two_views(images, seeded(), mean=mean, std=std, **PLAIN)  # type: ignore[arg-type]
    expected = normalise(images, mean, std)
    torch.testing.assert_close(a, expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(a, b)


def test_statistics_are_those_of_the_pixels() -> None:
    images = batch()
    mean, std = channel_statistics(images)
    pixels = images.double() / 255
    torch.testing.assert_close(mean, pixels.mean((0, 2, 3)).float())
    torch.testing.assert_close(std, pixels.std((0, 2, 3), correction=0).float())
    flat = normalise(images, mean, std)
    torch.testing.assert_close(flat.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)


def test_constant_images_do_not_divide_by_zero() -> None:
    mean, std = channel_statistics(torch.full((2, 1, 4, 4), 80, dtype=torch.uint8))
    assert std.item() == 1.0 and mean.item() == pytest.approx(80 / 255)


def test_deterministic_for_a_generator_and_different_between_views_and_images() -> None:
    images = batch(4)[:1].expand(4, -1, -1, -1).contiguous()
    a, b = two_views(images, seeded(5))
    c, d = two_views(images, seeded(5))
    assert torch.equal(a, c) and torch.equal(b, d)
    views = torch.cat((a, b)).flatten(1)
    gaps = torch.cdist(views, views) + torch.eye(8)
    assert gaps.min() > 0
    assert not torch.equal(a, two_views(images, seeded(6))[0])


@pytest.mark.parametrize(
    ("flip", "dims"), [("horizontal", [(), (3,)]), ("both", [(), (2,), (3,), (2, 3)])]
)
def test_flips_are_mirror_images(flip: str, dims: list[tuple[int, ...]]) -> None:
    images = batch()
    mean, std = channel_statistics(images)
    a, _ = two_views(images, seeded(), mean=mean, std=std, **{**PLAIN, "flip": flip})  # type: ignore[arg-type]
    plain = normalise(images, mean, std)
    kinds = torch.stack([(a - plain.flip(d)).abs().amax((1, 2, 3)) for d in dims])
    assert kinds.min(dim=0).values.max() < 1e-3  # every view is one of them
    assert all((row < 1e-3).any() for row in kinds)  # and each of them occurs


def test_brightness_shifts_within_its_range() -> None:
    images = torch.full((200, 1, 4, 4), 128, dtype=torch.uint8)
    one = torch.ones(1)
    a, _ = two_views(images, seeded(), mean=0 * one, std=one, **{**PLAIN, "brightness": 0.2})  # type: ignore[arg-type]
    shift = a[:, 0, 0, 0] - 128 / 255
    assert -0.2 <= shift.min() < -0.17 and 0.17 < shift.max() <= 0.2


def test_a_crop_stays_inside_the_picture() -> None:
    """A window of a linear ramp is a linear ramp of smaller slope within the same range."""
    ramp = torch.linspace(0, 255, 33).round().to(torch.uint8).expand(50, 1, 33, 33).contiguous()
    one = torch.ones(1)
    a, _ = two_views(ramp, seeded(), mean=0 * one, std=one, **{**PLAIN, "crop": 0.3})  # type: ignore[arg-type]
    row = a[:, 0, 16]
    width = row[:, -1] - row[:, 0]
    assert (width > 0.3**0.5 - 0.06).all() and width.min() < 0.7
    assert row.min() >= 0 and row.max() <= 1


def test_rotation_turns_about_the_middle() -> None:
    spot = torch.zeros(40, 1, 17, 17, dtype=torch.uint8)
    spot[:, :, 7:10, 7:10] = 255
    one = torch.ones(1)
    a, _ = two_views(spot, seeded(), mean=0 * one, std=one, **{**PLAIN, "rotate": 90.0})  # type: ignore[arg-type]
    assert (a[:, 0, 8, 8] > 0.99).all()
    assert (a.sum((1, 2, 3)) - 9).abs().max() < 2


@pytest.mark.parametrize("options", [{"flip": "diagonal"}, {"crop": 0.0}, {"crop": 1.5}])
def test_bad_options(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(options)))):
        two_views(batch(2), **options)  # type: ignore[arg-type]


def test_only_bytes() -> None:
    with pytest.raises(TypeError, match="uint8"):
        two_views(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("rotate", [0.0, 30.0])
@pytest.mark.parametrize("shape", [(7, 12), (16, 16), (1, 1)])
def test_the_grid_is_that_of_torch(rotate: float, shape: tuple[int, int]) -> None:
    draw = torch.rand(5, 11, generator=torch.Generator().manual_seed(0))
    maps = augment._windows(draw, shape, 0.6, 0.15, "both", rotate)
    expected = torch.nn.functional.affine_grid(maps, [5, 3, *shape], align_corners=False)
    torch.testing.assert_close(augment._grid(maps, *shape), expected, rtol=0, atol=1e-6)
