"""Without the other library a bridge says what to install."""

from __future__ import annotations

import importlib
import sys

import pytest


def test_the_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import hyperhier.integrations

    monkeypatch.setitem(sys.modules, "pytorch_metric_learning.distances", None)
    monkeypatch.delitem(sys.modules, "hyperhier.integrations.pml", raising=False)
    monkeypatch.delattr(hyperhier.integrations, "pml", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'hyperhier\[pml\]'"):
        importlib.import_module("hyperhier.integrations.pml")
