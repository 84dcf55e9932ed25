"""Shared fixtures: the real data, if the machine has it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# In "ci" the seed of a test is its name. In "deep" it is the one given on the command line
# (--hypothesis-seed, as `make test-deep` does) or drawn, and printed with a failing case.
settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True)
settings.register_profile("deep", deadline=None, max_examples=1500, print_blob=True)
settings.load_profile(os.environ.get("HYPERHIER_HYPOTHESIS_PROFILE", "ci"))

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def fixed_random_state() -> None:
    """Every test draws the same numbers, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_dir() -> Callable[[str], Path]:
    """``data_dir("ham10000_64")`` is that folder of the real data; skips where it is absent.

    The data lie where the environment variable ``HYPERHIER_DATA`` says, or in
    ``../shared/data`` beside the checkout.
    """
    base = Path(os.environ.get("HYPERHIER_DATA", REPOSITORY.parent / "shared" / "data"))

    def find(name: str) -> Path:
        folder = base / name
        if not folder.is_dir():
            pytest.skip(f"no {name} in {base} (set HYPERHIER_DATA)")
        return folder

    return find
