"""The result of embedding a taxonomy: points with names, and questions to ask them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from hyperhier.embedding import _export, _store
from hyperhier.embedding._quality import distortion, reconstruction
from hyperhier.manifolds import Manifold, as_manifold
from hyperhier.taxonomy import Taxonomy

__all__ = ["TaxonomyEmbedding"]


class TaxonomyEmbedding:
    """A taxonomy whose nodes are points of a manifold.

    Args:
        taxonomy: the tree or DAG.
        manifold: the geometry of the points.
        points: ``(N, ambient)`` floating, in the order of ``taxonomy.nodes``.
        info: what is known about their making; values that JSON can hold.

    Raises:
        ValueError: if the points do not fit the taxonomy or are not finite.

    >>> from hyperhier.embedding import embed
    >>> emb = embed("demo", dim=2)
    >>> emb
    TaxonomyEmbedding(24 nodes, lorentz, dim 2, constructive)
    >>> emb[emb.taxonomy.leaves[0]].shape
    torch.Size([3])
    >>> emb.norm(emb.taxonomy.root)
    0.0
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        manifold: Manifold,
        points: Tensor,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        if points.dim() != 2 or points.shape[0] != len(taxonomy):
            raise ValueError(
                f"points must have shape ({len(taxonomy)}, ambient), got {tuple(points.shape)}"
            )
        if not points.is_floating_point():
            raise ValueError(f"points must be floating, got {points.dtype}")
        if not bool(points.isfinite().all()):
            row = int((~points.isfinite().all(dim=1)).nonzero()[0])
            raise ValueError(f"the point of {taxonomy.nodes[row]!r} is not finite")
        self.taxonomy = taxonomy
        self.manifold = as_manifold(manifold)
        self.points = points.detach()
        self.info: dict[str, Any] = dict(info or {})

    # ------------------------------------------------------------------- points and nodes

    def __len__(self) -> int:
        return len(self.taxonomy)

    def __contains__(self, name: object) -> bool:
        return name in self.taxonomy

    def __iter__(self) -> Iterator[str]:
        return iter(self.taxonomy.nodes)

    def __getitem__(self, name: str) -> Tensor:
        """The point of a node, ``(ambient,)``; TaxonomyError for an unknown name."""
        return self.points[self._id(name)]

    def __repr__(self) -> str:
        made = f", {self.info['method']}" if "method" in self.info else ""
        return f"TaxonomyEmbedding({len(self)} nodes, {self.manifold.name}, dim {self.dim}{made})"

    @property
    def dim(self) -> int:
        """Number of features of a point."""
        return int(self.manifold.to_features(self.points[:1]).shape[-1])

    # --------------------------------------------------------------------------- questions

    def norm(self, name: str) -> float:
        """Distance of a node from the origin of the manifold."""
        with torch.no_grad():
            return float(self.manifold.dist0(self[name]))

    def distance(self, a: str, b: str) -> float:
        """Distance of two nodes in the manifold.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_edges([("a", "b"), ("a", "c")]))
        >>> emb.distance("b", "b")
        0.0
        >>> emb.distance("b", "a") < emb.distance("b", "c")
        True
        """
        with torch.no_grad():
            return float(self.manifold.dist(self[a], self[b]))

    def most_similar(self, name: str, topn: int = 10) -> list[tuple[str, float]]:
        """The ``topn`` nearest other nodes with their distances, the nearest first.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> [other for other, _ in emb.most_similar("c", topn=2)]
        ['b', 'a']
        """
        if topn < 1:
            raise ValueError(f"topn must be at least 1, got {topn}")
        distance = self._from(name)
        distance[self._id(name)] = torch.inf
        order = distance.argsort(stable=True)[: min(topn, len(self) - 1)]
        names = self.taxonomy.nodes
        return [(names[i], float(distance[i])) for i in order.tolist()]

    def rank(self, a: str, b: str) -> int:
        """The place of b among the other nodes sorted by their distance from a; 1 is nearest.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.rank("c", "b"), emb.rank("c", "a")
        (1, 2)
        """
        i, j = self._id(a), self._id(b)
        if i == j:
            raise ValueError(f"a node has no rank among the others for itself: {a!r}")
        distance = self._from(a)
        distance[i] = torch.inf
        return 1 + int((distance < distance[j]).sum())

    def closest_parent(self, name: str) -> str:
        """The nearest node that lies nearer to the origin: a guess at the parent by geometry.

        Raises:
            ValueError: for the node nearest to the origin, which can have none.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.closest_parent("e")
        'd'
        """
        with torch.no_grad():
            norms = self.manifold.dist0(self.points)
        inside = norms < norms[self._id(name)]
        if not bool(inside.any()):
            raise ValueError(f"no node lies nearer to the origin than {name!r}")
        distance = torch.where(inside, self._from(name), torch.inf)
        return self.taxonomy.nodes[int(distance.argmin())]

    def ancestors(self, name: str) -> list[str]:
        """The :meth:`closest_parent` of a node, that one's, and so on to the innermost node.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.ancestors("e")
        ['d', 'a']
        """
        with torch.no_grad():
            norms = self.manifold.dist0(self.points)
        least = float(norms.min())
        found: list[str] = []
        here = name
        while float(norms[self._id(here)]) > least:
            here = self.closest_parent(here)
            found.append(here)
        return found

    def evaluate(
        self, max_nodes: int = 3000, seed: int = 0, *, exact: bool = False
    ) -> dict[str, float]:
        """How well the points reconstruct the taxonomy.

        * ``map``, ``mean_rank``: of the ancestors among all nodes by distance, filtered (Nickel
          and Kiela 2017, arXiv 1705.08039); 1 and 1 at best; ties count against.
        * ``average_distortion``: mean of ``|d_M / (s d_T) - 1|`` over all pairs, at the scale s
          that makes it smallest; 0 at best.
        * ``worst_distortion``: largest over smallest ``d_M / d_T`` (Sala et al. 2018,
          arXiv 1804.03329); 1 at best.

        d_T is the weighted distance in the taxonomy. Pairs of different nodes at distance 0
        there are left out.

        Args:
            max_nodes: above this size, MAP and mean rank run over a sample of that many nodes
                (ranked among all nodes), and the distortions over the pairs of the sample.
            seed: of the sample.
            exact: run MAP and mean rank over all nodes all the same. In hyperbolic space
                that takes a minute for 100,000 nodes if numba is installed
                (``pip install 'hyperhier[fast]'``), and hours without it.

        Returns:
            The four figures; with a sample also ``sampled_nodes``.
        """
        if max_nodes < 2:
            raise ValueError(f"max_nodes must be at least 2, got {max_nodes}")
        nodes = torch.arange(len(self))
        sampled = len(self) > max_nodes
        if sampled:
            generator = torch.Generator().manual_seed(seed)
            nodes = torch.randperm(len(self), generator=generator)[:max_nodes].sort().values
        with torch.no_grad():
            points = self.points.cpu()
            ranked = None if exact else nodes
            precision, mean_rank = reconstruction(points, self.taxonomy, self.manifold, ranked)
            average, worst = distortion(points, self.taxonomy, self.manifold, nodes)
        figures = {
            "map": precision,
            "mean_rank": mean_rank,
            "average_distortion": average,
            "worst_distortion": worst,
        }
        if sampled:
            figures["sampled_nodes"] = max_nodes
        return figures

    # ----------------------------------------------------------------- pictures and files

    def plot(self, path: str | PathLike[str]) -> Any:
        """Draw the embedding to a picture file (``pip install 'hyperhier[plot]'``)."""
        from hyperhier.plot import plot_taxonomy_embedding

        return plot_taxonomy_embedding(self, path)

    def save(self, directory: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write a folder: ``embedding.safetensors``, ``embedding.json``, ``taxonomy.csv``.

        The folder appears at once or not at all.

        Args:
            directory: a new or empty folder; with ``overwrite`` an earlier saved embedding.

        Raises:
            RunError: if the folder holds something else, or cannot be written.

        >>> import pathlib, tempfile
        >>> from hyperhier.embedding import embed
        >>> emb, folder = embed("demo"), pathlib.Path(tempfile.mkdtemp()) / "tree"
        >>> emb.save(folder)
        >>> torch.equal(TaxonomyEmbedding.load(folder).points, emb.points)
        True
        """
        _store.save(self.taxonomy, self.manifold, self.points, self.info, directory, overwrite)

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> TaxonomyEmbedding:
        """Read what :meth:`save` wrote, to the bit.

        Raises:
            RunError: if the folder does not hold a saved embedding or its parts disagree.
        """
        return cls(*_store.load(directory))

    def export(self, path: str | PathLike[str]) -> None:
        """Write the points for other programs, by suffix.

        * ``.npz``: arrays ``points`` and ``nodes``;
        * ``.csv``: columns ``node, x0, x1, ...``;
        * ``.tsv``: the TensorBoard projector's vectors, with the names beside them in
          ``<stem>.metadata.tsv``;
        * ``.txt``: word2vec text, white space in names written as ``_``;
        * ``.parquet``: as ``.csv`` (needs pandas and pyarrow).

        Coordinates are those of the manifold (``points``), written without loss.

        Raises:
            ValueError: for another suffix, or names that word2vec text cannot tell apart.
            ImportError: for Parquet without its libraries.
        """
        _export.export(self.taxonomy, self.points, path)

    # ------------------------------------------------------------------------------ helpers

    def _id(self, name: str) -> int:
        return self.taxonomy.id_of(name)

    def _from(self, name: str) -> Tensor:
        """Distances of all nodes from one, ``(N,)``."""
        with torch.no_grad():
            return self.manifold.dist(self[name], self.points)
