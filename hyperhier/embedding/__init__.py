"""Embedding a taxonomy: every node a point, ancestors and distances kept."""

from __future__ import annotations

from hyperhier.embedding._constructive import ConstructiveEmbedder as ConstructiveEmbedder
from hyperhier.embedding._distortion import DistortionEmbedder as DistortionEmbedder
from hyperhier.embedding._embed import embed as embed
from hyperhier.embedding._embedding import TaxonomyEmbedding as TaxonomyEmbedding
from hyperhier.embedding._estimator import Embedder as Embedder
from hyperhier.embedding._ranking import RankingEmbedder as RankingEmbedder
from hyperhier.embedding._run import Progress as Progress

__all__ = [
    "ConstructiveEmbedder",
    "DistortionEmbedder",
    "Embedder",
    "Progress",
    "RankingEmbedder",
    "TaxonomyEmbedding",
    "embed",
]
