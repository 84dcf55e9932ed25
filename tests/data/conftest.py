"""A small tree and small picture files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hyperhier.taxonomy import Taxonomy

Draw = Callable[..., Path]


@pytest.fixture(scope="session")
def tree() -> Taxonomy:
    return Taxonomy.from_paths(
        [
            ("all", "pet", "cat"),
            ("all", "pet", "dog"),
            ("all", "farm", "ox"),
            ("all", "farm", "hen"),
        ]
    )


@pytest.fixture
def draw() -> Draw:
    """``draw(path, mode="RGB", size=(8, 6), value=7)`` writes a flat picture, size = (w, h)."""

    def write(
        path: Path, mode: str = "RGB", size: tuple[int, int] = (8, 6), value: int = 7
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if mode == "I;16":
            Image.fromarray(np.full(size[::-1], value * 256, dtype=np.uint16)).save(path)
        else:
            bands = len(Image.new(mode, (1, 1)).getbands())
            colour = value if bands == 1 else (value,) * bands
            Image.new(mode, size, colour).save(path)
        return path

    return write
