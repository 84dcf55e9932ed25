"""Losses for embeddings with hierarchical labels, on any manifold.

Every loss is called as ``loss(embeddings, labels, ref_emb, ref_labels, indices_tuple)`` and
has a functional twin in :mod:`hyperhier.losses.functional`.
"""

from __future__ import annotations

from hyperhier.losses import functional
from hyperhier.losses._contrastive import ContrastiveLoss
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms
from hyperhier.losses.combine import CombinedLoss, available_losses, make_loss
from hyperhier.losses.hmlc import HMLCLoss
from hyperhier.losses.hwc import HWCLoss
from hyperhier.losses.la_scl import LASCLLoss
from hyperhier.losses.lam import LAMLoss
from hyperhier.losses.ntxent import NTXentLoss
from hyperhier.losses.pairwise import PairwiseLoss
from hyperhier.losses.sparcl import SpARCLLoss
from hyperhier.losses.supcon import SupConLoss

__all__ = [
    "CombinedLoss",
    "ContrastiveLoss",
    "HMLCLoss",
    "HWCLoss",
    "LAMLoss",
    "LASCLLoss",
    "NTXentLoss",
    "PairwiseLoss",
    "Relation",
    "SpARCLLoss",
    "SupConLoss",
    "Terms",
    "available_losses",
    "functional",
    "make_loss",
]
