"""Reading images that lie in one folder per class."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from hyperhier.data._draft import Draft
from hyperhier.data._names import LabelMatcher, split_name
from hyperhier.data._pixels import Decoder
from hyperhier.data._store import IMAGE_SUFFIXES, open_store
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["read_folder"]


def read_folder(
    path: Path, taxonomy: Taxonomy, *, size: int | tuple[int, int] | None = None
) -> Draft:
    """Images of a folder (or zip) whose sub-folders are named after classes.

    The class of an image is the deepest folder above it that names a node; so patients may
    have folders inside a class. If all the outermost folders are named train, val or test
    (or a usual spelling), they give the split.

    Raises:
        DataError: nothing in it, a class folder that is empty or not in the taxonomy, an
            image that cannot be read, sizes that differ.
    """
    store = open_store(path)
    try:
        if not store.names:
            kinds = " ".join(IMAGE_SUFFIXES)
            raise DataError(f"no images in this folder ({kinds})", path=path)
        _refuse_empty_folders(path)
        tops = {PurePosixPath(name).parts[0] for name in store.names}
        if len(tops) == 1 and path.is_file():  # a zip that wraps all in one folder
            inner = {PurePosixPath(name).parts[1] for name in store.names if name.count("/") > 1}
            skip = 1 if inner and next(iter(tops)) not in LabelMatcher(taxonomy) else 0
            tops = inner if skip else tops
        else:
            skip = 0
        sided = all(split_name(top) for top in tops)
        matcher = LabelMatcher(taxonomy)
        labels, split, decoder = [], [], Decoder(size)
        for name in store.names:
            folders = PurePosixPath(name).parts[skip:-1]
            if sided:
                split.append(split_name(folders[0]) or "")
                folders = folders[1:]
            labels.append(_label(path, name, folders, matcher))
            try:
                decoder.add(store.read(name))
            except DataError:
                raise
            except ValueError as reason:
                raise DataError(f"unreadable image: {reason}", path=path / name) from reason
        return Draft(decoder.stack(), labels, split if sided else None, None, list(store.names))
    finally:
        store.close()


def _label(path: Path, name: str, folders: tuple[str, ...], matcher: LabelMatcher) -> int:
    if not folders:
        raise DataError(
            f"image {name!r} lies in no class folder: expected {path.name}/CLASS/{name}", path=path
        )
    for folder in reversed(folders):
        if folder in matcher:
            return matcher.id(folder)
    return matcher.id(folders[-1], path=(path / name).parent)


def _refuse_empty_folders(path: Path) -> None:
    if not path.is_dir():
        return
    for folder in sorted(p for p in path.rglob("*") if p.is_dir()):
        hidden = any(part.startswith(".") for part in folder.relative_to(path).parts)
        if not hidden and not any(folder.iterdir()):
            raise DataError("empty folder: fill it or remove it", path=folder)
