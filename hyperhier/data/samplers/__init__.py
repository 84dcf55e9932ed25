"""Batch samplers that know the label tree, the patients, or the nesting of the samples."""

from __future__ import annotations

from hyperhier.data.samplers.group import GroupSampler
from hyperhier.data.samplers.hierarchical import HierarchicalSampler
from hyperhier.data.samplers.hmlc import HMLCSampler
from hyperhier.data.samplers.nested import NestedSampler

__all__ = ["GroupSampler", "HMLCSampler", "HierarchicalSampler", "NestedSampler"]
