"""The losses as functions of their inputs alone, without state."""

from __future__ import annotations

from hyperhier.losses.cpcc import cpcc_loss
from hyperhier.losses.entailment import entailment_loss
from hyperhier.losses.hidisc import hidisc_loss
from hyperhier.losses.hlss import hlss_loss
from hyperhier.losses.hmlc import hmlc_loss
from hyperhier.losses.hwc import hwc_loss
from hyperhier.losses.hxe import hxe_loss
from hyperhier.losses.la_scl import la_scl_loss
from hyperhier.losses.lam import lam_loss
from hyperhier.losses.ntxent import ntxent_loss
from hyperhier.losses.pairwise import pairwise_loss
from hyperhier.losses.shadow import shadow_loss, shadow_triplet_loss
from hyperhier.losses.soft_labels import soft_labels_loss
from hyperhier.losses.sparcl import sparcl_loss
from hyperhier.losses.supcon import supcon_loss
from hyperhier.losses.tree_triplet import tree_triplet_loss

__all__ = [
    "cpcc_loss",
    "entailment_loss",
    "hidisc_loss",
    "hlss_loss",
    "hmlc_loss",
    "hwc_loss",
    "hxe_loss",
    "la_scl_loss",
    "lam_loss",
    "ntxent_loss",
    "pairwise_loss",
    "shadow_loss",
    "shadow_triplet_loss",
    "soft_labels_loss",
    "sparcl_loss",
    "supcon_loss",
    "tree_triplet_loss",
]
