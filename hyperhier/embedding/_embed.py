"""``embed``: a taxonomy in, an embedding out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from typing import Any, Literal

from hyperhier.embedding._cones.embedder import ConesEmbedder
from hyperhier.embedding._constructive.embedder import ConstructiveEmbedder
from hyperhier.embedding._distortion.embedder import DistortionEmbedder
from hyperhier.embedding._embedding import TaxonomyEmbedding
from hyperhier.embedding._estimator import Embedder
from hyperhier.embedding._ranking.embedder import RankingEmbedder
from hyperhier.embedding._run import ProgressCallback
from hyperhier.manifolds import Manifold, as_manifold, get_manifold
from hyperhier.taxonomy import Taxonomy, load_taxonomy

__all__ = ["embed"]

_EMBEDDERS: dict[str, type[Embedder]] = {
    embedder.method: embedder
    for embedder in (ConstructiveEmbedder, RankingEmbedder, DistortionEmbedder, ConesEmbedder)
}


def embed(
    taxonomy: Taxonomy | str | PathLike[str],
    *,
    manifold: str | Manifold = "lorentz",
    dim: int = 2,
    method: Literal["auto", "constructive", "ranking", "distortion", "cones"] = "auto",
    target: Literal["closure", "tree_distance"] = "closure",
    seed: int = 0,
    dtype: Literal["float64", "float32"] = "float64",
    progress: ProgressCallback | None = None,
    checkpoint: str | PathLike[str] | None = None,
    **options: Any,
) -> TaxonomyEmbedding:
    """Embed the nodes of a taxonomy as points of a manifold.

    Methods:

    * ``"constructive"`` (:class:`ConstructiveEmbedder`): closed form, hyperbolic
      manifolds, dim of at least 2; seconds for a million nodes, exact for trees and close to
      it for DAGs that are nearly trees.
    * ``"ranking"`` (:class:`RankingEmbedder`): trained, any manifold, for the
      closure.
    * ``"distortion"`` (:class:`DistortionEmbedder`): trained, any manifold, for
      tree distances; starts from the construction and leaves a fraction of its distortion.
    * ``"cones"`` (:class:`ConesEmbedder`): trained for is-a, for the closure.
    * ``"auto"``: constructive where it exists, otherwise the trained one for the target, which
      also takes the tree distances of a DAG; ``info["method_reason"]`` of the result says why.

    ``info["shortfall"]`` says what a construction for the closure could not keep, if anything.

    Args:
        taxonomy: a :class:`~hyperhier.taxonomy.Taxonomy`, the name of a built-in one, or a file.
        manifold: a name, or a hyperhier or geoopt manifold.
        dim: dimension of the manifold (features, not coordinates).
        method: see above.
        target: ``"closure"``: ancestors shall be the nearest nodes; ``"tree_distance"``:
            distances shall be proportional to those of the taxonomy.
        seed: the result is the same for the same seed and machine.
        dtype: of the points.
        progress, checkpoint: of a training, see :meth:`Embedder.fit`.
        options: of the method, see its class.

    Returns:
        A :class:`TaxonomyEmbedding`.

    Raises:
        ValueError: on a method, target, dim or option that does not exist or does not fit.
        TaxonomyError: if the taxonomy cannot be read.

    >>> emb = embed("demo", dim=2)
    >>> emb.info["method"], round(emb.evaluate()["map"], 3)
    ('constructive', 1.0)
    """
    tree = load_taxonomy(taxonomy)
    space = get_manifold(manifold) if isinstance(manifold, str) else as_manifold(manifold)
    if target not in ("closure", "tree_distance"):
        raise ValueError(f"target must be 'closure' or 'tree_distance', got {target!r}")
    name, reason = _choose(method, space, dim, target, tree.is_tree)
    embedder = _EMBEDDERS[name]
    if embedder.only_target is None:
        options["target"] = target
    elif embedder.only_target != target:
        raise ValueError(
            f"the {name} method has only target={embedder.only_target!r}, got {target!r}"
        )
    allowed = [field.name for field in fields(embedder)]
    for option in options:
        if option not in allowed:
            raise ValueError(
                f"method {name!r} has no option {option!r}; it has {', '.join(allowed)}"
            )
    fitted = embedder(manifold=space, dim=dim, seed=seed, dtype=dtype, **options)
    embedding = fitted.fit(tree, progress=progress, checkpoint=checkpoint).embedding_
    embedding.info = {"method": name, "method_reason": reason, **embedding.info}
    shortfall = _shortfall(embedding.info, free="radius" not in options)
    if shortfall:
        embedding.info["shortfall"] = shortfall
    return embedding


def _choose(
    method: str, manifold: Manifold, dim: int, target: str, is_tree: bool
) -> tuple[str, str]:
    """The method to use, and why."""
    if method in _EMBEDDERS:
        return method, "asked for"
    if method != "auto":
        known = ", ".join(repr(name) for name in ("auto", *_EMBEDDERS))
        raise ValueError(f"method must be one of {known}, got {method!r}")
    if manifold.sectional_curvature < 0.0 and dim >= 2:
        if target == "tree_distance" and not is_tree:
            return "distortion", (
                "the construction keeps the distances of a DAG by primary parents only"
            )
        return "constructive", (
            "a hyperbolic manifold of two or more dimensions holds any tree"
            if target == "closure"
            else "no training is needed; method='distortion' goes on from there"
        )
    why = "one dimension" if manifold.sectional_curvature < 0.0 else "no negative curvature"
    trained = "ranking" if target == "closure" else "distortion"
    return trained, f"{why}: no construction exists, so the points are trained for the {target}"


def _shortfall(info: Mapping[str, Any], *, free: bool) -> str:
    """What a construction for the closure could not keep; ``free``: where it had all radii."""
    said = []
    if info.get("lost_pairs", 0) > 0:
        said.append(f"pairs of the closure that its spanning tree lacks: {info['lost_pairs']:,}")
    if info.get("radius_needed", 0.0) > info.get("radius", 0.0):
        advice = ": manifold='polar', float64 or more dimensions have more room" if free else ""
        said.append(
            f"the order of the deepest nodes, which needs a radius of {info['radius_needed']:.1f} "
            f"where points reach {info['radius']:.1f}{advice}"
        )
    return "; ".join(said)
