"""Embedding a taxonomy: every node a point, ancestors and distances kept."""

from __future__ import annotations

from hyperhier.embedding._constructive import constructive as constructive
from hyperhier.embedding._embed import embed as embed
from hyperhier.embedding._embedding import TaxonomyEmbedding as TaxonomyEmbedding
from hyperhier.embedding._ranking import ranking as ranking
from hyperhier.embedding._stress import stress as stress

__all__ = ["TaxonomyEmbedding", "constructive", "embed", "ranking", "stress"]
