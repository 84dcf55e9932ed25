"""The losses as functions of their inputs alone, without state."""

from __future__ import annotations

from hyperhier.losses.hmlc import hmlc_loss
from hyperhier.losses.hwc import hwc_loss
from hyperhier.losses.la_scl import la_scl_loss
from hyperhier.losses.lam import lam_loss
from hyperhier.losses.ntxent import ntxent_loss
from hyperhier.losses.pairwise import pairwise_loss
from hyperhier.losses.sparcl import sparcl_loss
from hyperhier.losses.supcon import supcon_loss

__all__ = [
    "hmlc_loss",
    "hwc_loss",
    "la_scl_loss",
    "lam_loss",
    "ntxent_loss",
    "pairwise_loss",
    "sparcl_loss",
    "supcon_loss",
]
