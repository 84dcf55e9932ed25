"""Data sets in the layouts that their authors publish.

Nothing is downloaded: a reader checks what is there, and says what to get from where.
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from hyperhier.data.official._dataset import OfficialDataset
from hyperhier.data.official.breakhis import load_breakhis
from hyperhier.data.official.ham10000 import load_ham10000
from hyperhier.data.official.inaturalist import load_inaturalist
from hyperhier.data.official.inshop import load_inshop
from hyperhier.data.official.odir import load_odir
from hyperhier.data.official.slides import load_opensrh, load_slides, load_tcga
from hyperhier.errors import DataError

__all__ = [
    "OfficialDataset",
    "load_breakhis",
    "load_ham10000",
    "load_inaturalist",
    "load_inshop",
    "load_odir",
    "load_official",
    "load_opensrh",
    "load_slides",
    "load_tcga",
    "official_names",
]

_READERS: dict[str, Callable[..., OfficialDataset]] = {
    "breakhis": load_breakhis,
    "ham10000": load_ham10000,
    "inaturalist": load_inaturalist,
    "inshop": load_inshop,
    "odir5k": load_odir,
    "opensrh": load_opensrh,
    "slides": load_slides,
    "tcga": load_tcga,
}


def official_names() -> tuple[str, ...]:
    """The names that :func:`load_official` knows.

    >>> official_names()[:3]
    ('breakhis', 'ham10000', 'inaturalist')
    """
    return tuple(_READERS)


def load_official(name: str, root: str | PathLike[str], **options: Any) -> OfficialDataset:
    """A data set by its name.

    Args:
        name: one of :func:`official_names`.
        root: the folder of its official layout.
        options: keyword arguments of its reader, e.g. of :func:`load_breakhis`.

    Raises:
        DataError: an unknown name, an option the reader has not, or what the reader raises.
    """
    if name not in _READERS:
        raise DataError(f"unknown data set {name!r}: expected one of {', '.join(_READERS)}")
    try:
        return _READERS[name](root, **options)
    except TypeError as reason:
        if "unexpected keyword argument" not in str(reason):
            raise
        raise DataError(f"{name}: {reason}") from reason
