"""Embedding a taxonomy: every node a point, ancestors and distances kept."""

from __future__ import annotations

from hyperhier.embedding._cones.embedder import ConesEmbedder as ConesEmbedder
from hyperhier.embedding._cones.energy import cone_energy as cone_energy
from hyperhier.embedding._cones.energy import half_space_energy as half_space_energy
from hyperhier.embedding._cones.is_a import Decision as Decision
from hyperhier.embedding._cones.is_a import best_decision as best_decision
from hyperhier.embedding._cones.is_a import is_a_scores as is_a_scores
from hyperhier.embedding._cones.links import LinkSplit as LinkSplit
from hyperhier.embedding._cones.links import link_prediction_split as link_prediction_split
from hyperhier.embedding._constructive.embedder import ConstructiveEmbedder as ConstructiveEmbedder
from hyperhier.embedding._distortion.embedder import DistortionEmbedder as DistortionEmbedder
from hyperhier.embedding._embed import embed as embed
from hyperhier.embedding._embedding import TaxonomyEmbedding as TaxonomyEmbedding
from hyperhier.embedding._estimator import Embedder as Embedder
from hyperhier.embedding._queries.neighbours import Neighbours as Neighbours
from hyperhier.embedding._ranking.embedder import RankingEmbedder as RankingEmbedder
from hyperhier.embedding._run import Progress as Progress

__all__ = [
    "ConesEmbedder",
    "ConstructiveEmbedder",
    "Decision",
    "DistortionEmbedder",
    "Embedder",
    "LinkSplit",
    "Neighbours",
    "Progress",
    "RankingEmbedder",
    "TaxonomyEmbedding",
    "best_decision",
    "cone_energy",
    "embed",
    "half_space_energy",
    "is_a_scores",
    "link_prediction_split",
]
