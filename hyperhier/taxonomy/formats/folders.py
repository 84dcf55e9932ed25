"""Folders as a taxonomy: a tree of folders, or the class folders of a set of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain, count
from os import PathLike, fsdecode
from typing import NamedTuple, Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy._places import Places
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.policies import PlacePolicies, Policy

__all__ = ["PICTURES", "read_class_folders", "read_folders"]

#: how the names of pictures end, in upper or lower case
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def read_folders(
    path: str | PathLike[str],
    *,
    files: bool = False,
    depth: int | None = None,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read a folder tree: every folder is a node called by its name.

    Siblings are sorted by name, files before folders. Hidden entries (with a leading dot) are
    skipped, and so are symbolic links below ``path``.

    Args:
        path: the folder that is the root.
        files: whether files are nodes too.
        depth: how many levels below the root are read; by default all.
        policies: see :class:`~hyperhier.taxonomy.PlacePolicies`. Folders of one name at
            several places are an error unless ``duplicates`` says what they mean.

    Raises:
        ValueError: a negative ``depth``.
        TaxonomyError: a folder that is missing, a file or unreadable, a name that is no
            UTF-8, or as :meth:`Taxonomy.from_paths`.

    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp()) / "shop"
    >>> for name in ("men/shoes", "women/dresses"):
    ...     (root / name).mkdir(parents=True)
    >>> read_folders(root).levels
    (('shop',), ('men', 'women'), ('shoes', 'dresses'))
    """
    policy = Policy.of(policies, places=True)
    if depth is not None and depth < 0:
        raise ValueError(f"depth={depth}; expected a number >= 0, or None")
    places = Places()
    place = {-1: -1}
    for number, folder in enumerate(_walk(path, depth)):
        place[number] = places.add(folder.name, place[folder.above])
        for name in folder.files if files else ():
            places.add(_checked(name, folder.path), place[number])
    return Taxonomy._of(places.structure(policy, path))


def read_class_folders(
    path: str | PathLike[str],
    *,
    suffixes: Sequence[str] = PICTURES,
    **policies: Unpack[PlacePolicies],
) -> Taxonomy:
    """Read the classes of a folder of pictures: the folders with a picture in or below them.

    This is the layout of torchvision's ``ImageFolder``, but classes may be nested. The root
    is called like the folder. Hidden entries are skipped; of symbolic links those to files
    count, those to folders do not.

    Args:
        path: the folder that holds the class folders.
        suffixes: how the names of pictures end, in upper or lower case.
        policies: as :func:`read_folders`.

    Raises:
        ValueError: a suffix that does not begin with a dot.
        TaxonomyError: no picture in any class folder, or as :func:`read_folders`.

    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp()) / "pets"
    >>> for name in ("cat/manx", "dog", "notes"):
    ...     (root / name).mkdir(parents=True)
    >>> for name in ("cat/manx/1.jpg", "dog/2.PNG", "notes/read.txt"):
    ...     (root / name).touch()
    >>> read_class_folders(root).nodes
    ('pets', 'cat', 'dog', 'manx')
    """
    policy = Policy.of(policies, places=True)
    if isinstance(suffixes, str) or not all(s.startswith(".") and len(s) > 1 for s in suffixes):
        raise ValueError(f"suffixes={suffixes!r}; expected a sequence of such as '.jpg'")
    endings = tuple(suffix.lower() for suffix in suffixes)
    above: list[int] = []
    names: list[str] = []
    wanted: list[bool] = []
    for folder in _walk(path):
        above.append(folder.above)
        names.append(folder.name)
        files = chain(folder.files, (e.name for e in folder.links if os.path.isfile(e.path)))
        wanted.append(any(name.lower().endswith(endings) for name in files))
    for number in range(len(names) - 1, 0, -1):
        wanted[above[number]] |= wanted[number]
    if not any(wanted[1:]):
        raise TaxonomyError(
            f"no folder in it holds a picture ({' '.join(endings)}); expected class folders",
            path=path,
        )
    places = Places()
    place = {-1: -1}
    for number, name in enumerate(names):
        if wanted[number]:
            place[number] = places.add(name, place[above[number]])
    return Taxonomy._of(places.structure(policy, path))


class _Folder(NamedTuple):
    """A folder of a walk: its name, the number of the folder above it, and what is in it."""

    path: str
    name: str
    above: int
    files: list[str]
    links: list[os.DirEntry[str]]


def _walk(path: str | PathLike[str], depth: int | None = None) -> Iterator[_Folder]:
    """A folder and all below it, depth-first in sorted order; numbers count what came so far."""
    top = fsdecode(path)
    waiting = [(top, os.path.basename(os.path.abspath(top)) or top, -1, 0)]
    if depth == 0:
        _entries(top)  # is it one?
    for number in count():
        if not waiting:
            return
        place, name, above, level = waiting.pop()
        if level == depth:
            yield _Folder(place, name, above, [], [])
            continue
        folders, files, links = _entries(place)
        yield _Folder(place, name, above, [entry.name for entry in files], links)
        waiting += [
            (entry.path, _checked(entry.name, place), number, level + 1)
            for entry in reversed(folders)
        ]


def _entries(folder: str) -> tuple[list[os.DirEntry[str]], ...]:
    """Folders, files and symbolic links in a folder, sorted, without hidden ones."""
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if not entry.name.startswith(".")]
        entries.sort(key=lambda entry: entry.name)
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        links = [entry for entry in entries if entry.is_symlink()]
    except FileNotFoundError:
        raise TaxonomyError("no such folder", path=folder) from None
    except NotADirectoryError:
        raise TaxonomyError("is a file; expected a folder", path=folder) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise TaxonomyError(f"cannot be read: {reason}", path=folder) from None
    return folders, files, links


def _checked(name: str, folder: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise TaxonomyError(
            f"holds the name {os.fsencode(name)!r}; expected UTF-8", path=folder
        ) from None
    return name
