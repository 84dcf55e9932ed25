"""Labelled images in memory: reading, splitting, generating, augmenting and sampling them."""

from __future__ import annotations

from hyperhier.data.augment import channel_statistics, normalise, two_views
from hyperhier.data.imageset import SPLITS, ImageSet
from hyperhier.data.load import load_images
from hyperhier.data.multihot import common_label, multi_hot
from hyperhier.data.official import OfficialDataset, load_official, official_names
from hyperhier.data.samplers import (
    GroupSampler,
    HierarchicalSampler,
    HMLCSampler,
    NestedSampler,
)
from hyperhier.data.splits import carve, group_split
from hyperhier.data.synthetic import make_hierarchical_images

__all__ = [
    "SPLITS",
    "GroupSampler",
    "HMLCSampler",
    "HierarchicalSampler",
    "ImageSet",
    "NestedSampler",
    "OfficialDataset",
    "carve",
    "channel_statistics",
    "common_label",
    "group_split",
    "load_images",
    "load_official",
    "make_hierarchical_images",
    "multi_hot",
    "normalise",
    "official_names",
    "two_views",
]
