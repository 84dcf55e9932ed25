"""Tests to inherit: :class:`ManifoldConformance` holds for every geometry of the library.

Needs pytest and hypothesis (``pip install 'hyperhier[testing]'``).
"""

from hyperhier.testing.conformance import ManifoldConformance

__all__ = ["ManifoldConformance"]
