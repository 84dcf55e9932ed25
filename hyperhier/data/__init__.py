"""Labelled images in memory: reading, splitting, generating and augmenting them."""

from __future__ import annotations

from hyperhier.data.augment import channel_statistics, normalise, two_views
from hyperhier.data.imageset import SPLITS, ImageSet
from hyperhier.data.load import load_images
from hyperhier.data.splits import carve, group_split
from hyperhier.data.synthetic import make_hierarchical_images

__all__ = [
    "SPLITS",
    "ImageSet",
    "carve",
    "channel_statistics",
    "group_split",
    "load_images",
    "make_hierarchical_images",
    "normalise",
    "two_views",
]
