"""Losses for embeddings with hierarchical labels, on any manifold.

Every loss is called as ``loss(embeddings, labels, ref_emb, ref_labels, indices_tuple)``. Those of
:func:`available_losses` have a functional twin in :mod:`hyperhier.losses.functional`; what is made
of other losses, :class:`CombinedLoss` and :class:`ShuffledLeavesLoss`, has none.
"""

from __future__ import annotations

from hyperhier.losses import functional
from hyperhier.losses._contrastive import ContrastiveLoss
from hyperhier.losses._pairs import Relation
from hyperhier.losses._reduce import Terms
from hyperhier.losses.combine import CombinedLoss, available_losses, make_loss
from hyperhier.losses.cpcc import CPCCLoss
from hyperhier.losses.entailment import EntailmentLoss
from hyperhier.losses.hidisc import HiDiscLoss
from hyperhier.losses.hlss import HLSSLoss
from hyperhier.losses.hmlc import HMLCLoss
from hyperhier.losses.hwc import HWCLoss
from hyperhier.losses.hxe import HXELoss
from hyperhier.losses.la_scl import LASCLLoss
from hyperhier.losses.lam import LAMLoss
from hyperhier.losses.ntxent import NTXentLoss
from hyperhier.losses.pairwise import PairwiseLoss
from hyperhier.losses.shadow import ShadowLoss
from hyperhier.losses.shuffled import ShuffledLeavesLoss
from hyperhier.losses.soft_labels import SoftLabelsLoss
from hyperhier.losses.sparcl import SpARCLLoss
from hyperhier.losses.supcon import SupConLoss
from hyperhier.losses.tree_triplet import TreeTripletLoss

__all__ = [
    "CPCCLoss",
    "CombinedLoss",
    "ContrastiveLoss",
    "EntailmentLoss",
    "HLSSLoss",
    "HMLCLoss",
    "HWCLoss",
    "HXELoss",
    "HiDiscLoss",
    "LAMLoss",
    "LASCLLoss",
    "NTXentLoss",
    "PairwiseLoss",
    "Relation",
    "ShadowLoss",
    "ShuffledLeavesLoss",
    "SoftLabelsLoss",
    "SpARCLLoss",
    "SupConLoss",
    "Terms",
    "TreeTripletLoss",
    "available_losses",
    "functional",
    "make_loss",
]
