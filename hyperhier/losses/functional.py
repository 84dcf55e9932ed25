"""The losses as functions of their inputs alone, without state."""

from __future__ import annotations

from hyperhier.losses.hwc import hwc_loss
from hyperhier.losses.lam import lam_loss
from hyperhier.losses.ntxent import ntxent_loss
from hyperhier.losses.supcon import supcon_loss

__all__ = ["hwc_loss", "lam_loss", "ntxent_loss", "supcon_loss"]
