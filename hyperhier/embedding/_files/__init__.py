"""Embeddings on disk: saved folders, exports, points of others."""
