"""The result of embedding a taxonomy: points with names, and questions to ask them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from hyperhier.embedding._files import export as _export
from hyperhier.embedding._files import store as _store
from hyperhier.embedding._files.imported import matched, read_points
from hyperhier.embedding._quality import distortion, reconstruction
from hyperhier.embedding._queries.leaf import grown, with_leaves
from hyperhier.embedding._queries.neighbours import NeighbourIndex, Neighbours
from hyperhier.manifolds import Manifold, as_manifold, get_manifold
from hyperhier.manifolds._device import beside
from hyperhier.taxonomy import Taxonomy, load_taxonomy

__all__ = ["TaxonomyEmbedding"]

_AT_ONCE = 1 << 18  # exact distances


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
        self._cache: dict[str, tuple[Tensor, int, Any]] = {}

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

    def difference_in_hierarchy(self, a: str, b: str) -> float:
        """By how much farther b lies from the origin than a: positive where a is the higher one.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_edges([("a", "b"), ("b", "c")]))
        >>> emb.difference_in_hierarchy("b", "c") > 0 > emb.difference_in_hierarchy("b", "a")
        True
        """
        return self.norm(b) - self.norm(a)

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

    def distances(self, name: str, others: Iterable[str] | None = None) -> Tensor:
        """Distances from one node to others, ``(M,)``; by default to all, in their order.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_edges([("a", "b"), ("a", "c")]))
        >>> emb.distances("a", ["b", "a"]).tolist() == [emb.distance("a", "b"), 0.0]
        True
        """
        ids = self._ids(others)
        pieces = ids.split(_AT_ONCE)
        with torch.no_grad():
            return torch.cat([self.manifold.dist(self[name], self.points[i]) for i in pieces])

    def similarity(self, a: str, b: str) -> float:
        """``1 / (1 + distance)``: 1 for coincident points, towards 0 for distant ones."""
        return 1.0 / (1.0 + self.distance(a, b))

    def nearest(
        self,
        what: str | Iterable[str] | Tensor,
        k: int = 10,
        *,
        restrict_to: Iterable[str] | Tensor | None = None,
    ) -> Neighbours:
        """The k nearest nodes of each of many nodes or points, exactly.

        Memory does not grow with the number of nodes times that of queries.

        Args:
            what: names, or points ``(Q, ambient)`` of the manifold; a single one counts as many.
                A node is no neighbour of itself.
            k: how many; fewer where there are fewer.
            restrict_to: names or ids of the nodes to find, default all.

        Returns:
            ``ids (Q, k)`` and ``distances (Q, k)``, the nearest first, ties by their ids. Where
            only some of the queries are among ``restrict_to`` and fewer than k others are left
            for these, their rows end with the id -1, which is no node, at an infinite distance.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.taxonomy.decode(emb.nearest(["c", "e"], k=1).ids[:, 0])
        ['b', 'd']
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        among = None if restrict_to is None else self._ids(restrict_to).unique()
        count = len(self) if among is None else len(among)
        if isinstance(what, Tensor):
            own, points = None, self._checked(what)
        else:
            own = self._ids([what] if isinstance(what, str) else what)
            points = self.points[own]
            count -= among is None or (own.numel() > 0 and bool(torch.isin(own, among).all()))
        return self._index.search(points, min(k, count), own, among)

    def most_similar(
        self,
        what: str | Tensor | Sequence[str],
        topn: int = 10,
        *,
        restrict_to: Iterable[str] | Tensor | None = None,
    ) -> Any:
        """The ``topn`` nearest other nodes with their distances, the nearest first.

        Args:
            what: a name or a point ``(ambient,)``, which give a list of pairs; or several names,
                which give such a list each.
            topn: how many; fewer where there are fewer.
            restrict_to: names or ids of the nodes to find, such as ``taxonomy.leaves``.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> [other for other, _ in emb.most_similar("c", topn=2)]
        ['b', 'a']
        >>> [other for other, _ in emb.most_similar("a", restrict_to=emb.taxonomy.leaves)]
        ['c', 'e']
        """
        if topn < 1:
            raise ValueError(f"topn must be at least 1, got {topn}")
        found = self.nearest(what, topn, restrict_to=restrict_to)
        lists = [
            list(zip(self.taxonomy.decode(ids[ids >= 0]), distances.tolist(), strict=False))
            for ids, distances in zip(found.ids.cpu(), found.distances, strict=True)
        ]
        return lists[0] if isinstance(what, str | Tensor) else lists

    def rank(self, a: str, b: str) -> int:
        """The place of b among the other nodes sorted by their distance from a; 1 is nearest.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.rank("c", "b"), emb.rank("c", "a")
        (1, 2)
        """
        if self._id(a) == self._id(b):
            raise ValueError(f"a node has no rank among the others for itself: {a!r}")
        return 1 + len(self._nearer(a, b))

    def closer_than(self, a: str, b: str) -> list[str]:
        """The nodes nearer to a than b is, in the order of the taxonomy.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.closer_than("c", "a")
        ['b']
        """
        return self.taxonomy.decode(self._nearer(a, b))

    def closest_parent(self, name: str) -> str:
        """The nearest node that lies nearer to the origin: a guess at the parent by geometry.

        Raises:
            ValueError: for the node nearest to the origin, which can have none.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.closest_parent("e")
        'd'
        """
        inside = self._norms < self._norms[self._id(name)]
        return self._closest(name, inside, f"no node lies nearer to the origin than {name!r}")

    def closest_child(self, name: str) -> str:
        """The nearest node that lies farther from the origin: a guess at a child by geometry.

        Raises:
            ValueError: for the node farthest from the origin, which can have none.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.closest_child("d")
        'e'
        """
        outside = self._norms > self._norms[self._id(name)]
        return self._closest(name, outside, f"no node lies farther from the origin than {name!r}")

    def ancestors(self, name: str) -> list[str]:
        """The :meth:`closest_parent` of a node, that one's, and so on to the innermost node.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> emb.ancestors("e")
        ['d', 'a']
        """
        least = float(self._norms.min())
        found: list[str] = []
        here = name
        while float(self._norms[self._id(here)]) > least:
            here = self.closest_parent(here)
            found.append(here)
        return found

    def descendants(self, name: str, max_depth: int = 5) -> list[str]:
        """The :meth:`closest_child` of a node, that one's, and so on: at most ``max_depth``.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_edges([("a", "b"), ("b", "c"), ("c", "d")]))
        >>> emb.descendants("a", max_depth=2)
        ['b', 'c']
        """
        most = float(self._norms.max())
        found: list[str] = []
        here = name
        while len(found) < max_depth and float(self._norms[self._id(here)]) < most:
            here = self.closest_child(here)
            found.append(here)
        return found

    def add(
        self,
        node: str | Iterable[tuple[str, str]],
        parent: str | None = None,
        *,
        weight: float = 1.0,
        target: Literal["closure", "tree_distance"] | None = None,
        seed: int = 0,
    ) -> TaxonomyEmbedding:
        """The embedding with new leaves, placed without moving any other point.

        A leaf is tried around its parent in many directions and at many distances. For the
        closure, the place is taken that keeps its ancestors nearest to it and itself out of
        the way of others' ancestors, after some steps down the ranking loss of this one point
        against the nodes around; for tree distances, the place of least stress.

        Args:
            node: the name of a new leaf; or pairs ``(name, parent)``, where a parent may be a
                leaf that comes before it, and a leaf with several parents has a pair for each.
            parent: of the one leaf.
            weight: length of the new edges.
            target: what to keep; default: what ``info`` says that the points were made for.
            seed: of the directions to try.

        Raises:
            TaxonomyError: a name that exists already, or a parent that does not.
            ValueError: a target that does not exist, or a parent too many or too few.

        >>> from hyperhier.embedding import embed
        >>> emb = embed(Taxonomy.from_paths([("a", "b", "c"), ("a", "d", "e")]))
        >>> more = emb.add("f", "d")
        >>> more.ancestors("f"), more["e"].equal(emb["e"]), "f" in emb
        (['d', 'a'], True, False)
        """
        if isinstance(node, str) != (parent is not None):
            raise ValueError("pass one name and its parent, or pairs of names and parents")
        new: list[tuple[str, str]]
        if isinstance(node, str):
            new = [(node, str(parent))]
        else:
            new = [(name, above) for name, above in node]
        wanted = target or self.info.get("target", "closure")
        taxonomy = grown(self.taxonomy, new, weight)
        points = with_leaves(
            self.taxonomy, self.points, self.manifold, taxonomy, target=wanted, seed=seed
        )
        added = int(self.info.get("added_nodes", 0)) + len(taxonomy) - len(self)
        return TaxonomyEmbedding(
            taxonomy, self.manifold, points, {**self.info, "added_nodes": added}
        )

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
            manifold = beside(points, self.manifold)
            ranked = None if exact else nodes
            precision, mean_rank = reconstruction(points, self.taxonomy, manifold, ranked)
            average, worst = distortion(points[nodes], self.taxonomy, manifold, nodes)
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
        """Draw the embedding (``pip install 'hyperhier[plot]'``).

        Hyperbolic embeddings are drawn in the Poincare disk, their edges as geodesics: in two
        dimensions as they are; in more, the most central node is moved to the middle, and the
        points are projected on the two principal axes of the tangent space there. Other
        geometries are drawn in the plane of the two principal axes.

        Args:
            path: ``.png``, ``.svg`` or ``.pdf`` (matplotlib), or ``.html`` (plotly: names show
                under the pointer, and the picture can be enlarged).
        """
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

    @classmethod
    def from_points(
        cls,
        names: Iterable[str],
        points: Any,
        taxonomy: Taxonomy | str | PathLike[str],
        manifold: str | Manifold = "poincare",
        info: Mapping[str, Any] | None = None,
    ) -> TaxonomyEmbedding:
        """Points that others made, to be asked and evaluated like our own.

        A node is found by its name, or by its name with white space as ``_``; names that are
        no nodes are left out and counted in ``info["unknown_names"]``. Points off the manifold
        by rounding are put back on it.

        Args:
            names: of the points.
            points: ``(len(names), ambient)`` in the coordinates of the manifold.
            taxonomy: a taxonomy, a file, or a built-in name.
            manifold: the geometry of the points, by name or as a manifold.
            info: what is known about them.

        Raises:
            TaxonomyError: if a node has no point.
            ManifoldError: if a point does not lie on the manifold.
            ValueError: if a name has several points, or the shape is wrong.

        >>> tree = Taxonomy.from_edges([("animal", "big cat"), ("animal", "dog")])
        >>> balls = [[0.0, 0.0], [0.5, 0.0], [-0.5, 0.0]]
        >>> emb = TaxonomyEmbedding.from_points(["animal", "big_cat", "dog"], balls, tree)
        >>> emb.closest_parent("big cat"), round(emb.distance("animal", "dog"), 4)
        ('animal', 1.0986)
        """
        tree = load_taxonomy(taxonomy)
        space = get_manifold(manifold) if isinstance(manifold, str) else as_manifold(manifold)
        values, unknown = matched(names, points, tree, space)
        known = {**(info or {}), **({"unknown_names": unknown} if unknown else {})}
        return cls(tree, space, values, known)

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        taxonomy: Taxonomy | str | PathLike[str],
        manifold: str | Manifold = "poincare",
    ) -> TaxonomyEmbedding:
        """:meth:`from_points` of a file, by suffix.

        Those that :meth:`export` writes; also word2vec text of gensim and others (``.txt``,
        ``.vec``; with or without the line of counts), tables with names in the first column
        (``.csv``, ``.tsv``, ``.parquet``), and JSON objects of lists by name.

        Raises:
            DataError: if the file does not hold what its suffix says.
        """
        names, points = read_points(path)
        return cls.from_points(names, points, taxonomy, manifold, {"source": Path(path).name})

    def export(self, path: str | PathLike[str]) -> None:
        """Write the points for other programs, by suffix.

        * ``.npz``: arrays ``points`` and ``nodes``;
        * ``.csv``: columns ``node, x0, x1, ...``;
        * ``.parquet``: as ``.csv`` (needs pandas and pyarrow);
        * ``.json``: ``manifold``, ``c``, ``dtype``, ``nodes``, ``points``;
        * ``.tsv``: the TensorBoard projector's vectors, with name, depth and primary parent
          beside them in ``<stem>.metadata.tsv``, and an entry for both in
          ``projector_config.pbtxt``, so that ``tensorboard --logdir`` of the folder shows them;
        * ``.txt``: word2vec text, white space in names written as ``_``;
        * ``.bin``: word2vec binary, which holds 32 bits a coordinate.

        Coordinates are those of the manifold (``points``), written without loss but for
        ``.bin``. gensim reads them as float32 by default.

        Raises:
            ValueError: for another suffix, or names that word2vec cannot tell apart.
            ImportError: for Parquet without its libraries.
        """
        _export.export(self.taxonomy, self.manifold, self.points, path)

    # ------------------------------------------------------------------------------ helpers

    def _id(self, name: str) -> int:
        return self.taxonomy.id_of(name)

    def _ids(self, names: Iterable[str] | Tensor | None) -> Tensor:
        """Ids on the device of the points."""
        if names is None:
            return torch.arange(len(self), device=self.points.device)
        if not isinstance(names, Tensor):
            names = self.taxonomy.encode(names if not isinstance(names, str) else [names])
        return names.to(self.points.device)

    def _checked(self, points: Tensor) -> Tensor:
        """Query points ``(Q, ambient)``."""
        points = points.detach().to(self.points)
        if points.dim() == 1:
            points = points.unsqueeze(0)
        if points.dim() != 2 or points.shape[1] != self.points.shape[1]:
            raise ValueError(
                f"points must have shape (Q, {self.points.shape[1]}), got {tuple(points.shape)}"
            )
        if not bool(points.isfinite().all()):
            raise ValueError("points must be finite")
        return points

    def _kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What was made for these very points."""
        held = self._cache.get(name)
        if held is None or held[0] is not self.points or held[1] != self.points._version:
            held = self._cache[name] = self.points, self.points._version, make()
        return held[2]

    @property
    def _index(self) -> NeighbourIndex:
        index: NeighbourIndex = self._kept(
            "index", lambda: NeighbourIndex(self.points, self.manifold)
        )
        return index

    @property
    def _norms(self) -> Tensor:
        """Distances of all nodes from the origin."""

        def measure() -> Tensor:
            with torch.no_grad():
                return torch.cat([self.manifold.dist0(p) for p in self.points.split(_AT_ONCE)])

        norms: Tensor = self._kept("norms", measure)
        return norms

    def _nearer(self, a: str, b: str) -> Tensor:
        """Ids of the nodes other than a that are nearer to it than b is."""
        ids = self._index.nearer(self[a], self.distance(a, b))
        return ids[ids != self._id(a)]

    def _closest(self, name: str, mask: Tensor, otherwise: str) -> str:
        """The nearest node of those marked."""
        among = mask.nonzero().squeeze(1)
        if len(among) == 0:
            raise ValueError(otherwise)
        found = self._index.search(self[name].unsqueeze(0), 1, among=among)
        return self.taxonomy.nodes[int(found.ids[0, 0])]
