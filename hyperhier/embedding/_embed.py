"""``embed``: a taxonomy in, an embedding out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from os import PathLike
from typing import Any, Literal

from torch import Tensor

from hyperhier.embedding._constructive import constructive
from hyperhier.embedding._embedding import TaxonomyEmbedding
from hyperhier.embedding._ranking import ranking
from hyperhier.embedding._stress import stress
from hyperhier.manifolds import Manifold, as_manifold, get_manifold
from hyperhier.taxonomy import Taxonomy, load_taxonomy

__all__ = ["embed"]

_METHODS: dict[str, Callable[..., tuple[Tensor, dict[str, Any]]]] = {
    "constructive": constructive,
    "ranking": ranking,
    "distortion": stress,
}


def embed(
    taxonomy: Taxonomy | str | PathLike[str],
    *,
    manifold: str | Manifold = "lorentz",
    dim: int = 2,
    method: Literal["auto", "constructive", "ranking", "distortion"] = "auto",
    target: Literal["closure", "tree_distance"] = "closure",
    seed: int = 0,
    **options: Any,
) -> TaxonomyEmbedding:
    """Embed the nodes of a taxonomy as points of a manifold.

    Methods:

    * ``"constructive"`` (:func:`~hyperhier.embedding.constructive`): closed form, hyperbolic
      manifolds, dim of at least 2; milliseconds, and exact for trees.
    * ``"ranking"`` (:func:`~hyperhier.embedding.ranking`): trained, any manifold, for the
      closure.
    * ``"distortion"`` (:func:`~hyperhier.embedding.stress`): trained, any manifold, for
      tree distances.
    * ``"auto"``: constructive where it exists, otherwise the trained one for the target;
      ``info["method_reason"]`` of the result says why.

    Args:
        taxonomy: a :class:`~hyperhier.taxonomy.Taxonomy`, the name of a built-in one, or a file.
        manifold: a name, or a hyperhier or geoopt manifold.
        dim: dimension of the manifold (features, not coordinates).
        method: see above.
        target: ``"closure"``: ancestors shall be the nearest nodes; ``"tree_distance"``:
            distances shall be proportional to those of the taxonomy.
        seed: the result is the same for the same seed and machine.
        options: of the method, see its function.

    Returns:
        A :class:`TaxonomyEmbedding` with float64 points.

    Raises:
        ValueError: on a method, target, dim or option that does not exist or does not fit.
        TaxonomyError: if the taxonomy cannot be read.

    >>> emb = embed("demo", dim=2)
    >>> emb.info["method"], round(emb.evaluate()["map"], 3)
    ('constructive', 1.0)
    """
    tree = load_taxonomy(taxonomy)
    space = get_manifold(manifold) if isinstance(manifold, str) else as_manifold(manifold)
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
        raise ValueError(f"dim must be a whole number of at least 1, got {dim!r}")
    if target not in ("closure", "tree_distance"):
        raise ValueError(f"target must be 'closure' or 'tree_distance', got {target!r}")
    name, reason = _choose(method, space, dim, target)
    allowed = [
        p.name
        for p in inspect.signature(_METHODS[name]).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for option in options:
        if option not in allowed:
            raise ValueError(
                f"method {name!r} has no option {option!r}; it has {', '.join(allowed)}"
            )
    points, chosen = _METHODS[name](tree, space, dim, target, seed, **options)
    info = {"method": name, "method_reason": reason, "target": target, "dim": dim, "seed": seed}
    return TaxonomyEmbedding(tree, space, points, {**info, **chosen})


def _choose(method: str, manifold: Manifold, dim: int, target: str) -> tuple[str, str]:
    """The method to use, and why."""
    if method in _METHODS:
        return method, "asked for"
    if method != "auto":
        known = ", ".join(repr(name) for name in ("auto", *_METHODS))
        raise ValueError(f"method must be one of {known}, got {method!r}")
    if manifold.sectional_curvature < 0.0 and dim >= 2:
        return "constructive", "a hyperbolic manifold of two or more dimensions holds any tree"
    why = "one dimension" if manifold.sectional_curvature < 0.0 else "no negative curvature"
    trained = "ranking" if target == "closure" else "distortion"
    return trained, f"{why}: no construction exists, so the points are trained for the {target}"
