"""Image files by name, whether they lie in a folder or in a zip."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath

from hyperhier.errors import DataError

__all__ = ["IMAGE_SUFFIXES", "ImageStore", "open_store"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in IMAGE_SUFFIXES


class ImageStore:
    """The image files below a folder, or inside a zip, under forward-slash names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            found = _walk(path)
        else:
            try:
                self._zip = zipfile.ZipFile(path)
                found = self._zip.namelist()
            except (zipfile.BadZipFile, OSError) as reason:
                raise DataError(f"unreadable zip: {reason}", path=path) from reason
        #: sorted names of every image
        self.names = sorted(name for name in found if _is_image(name))
        self._exact = set(self.names)
        self._by_stem: dict[str, list[str]] = {}
        for name in self.names:
            self._by_stem.setdefault(str(PurePosixPath(name).with_suffix("")), []).append(name)
        tops = {PurePosixPath(name).parts[0] for name in self.names if "/" in name}
        flat = any("/" not in name for name in self.names)
        self._prefix = f"{tops.pop()}/" if len(tops) == 1 and not flat else ""

    def find(self, wanted: str) -> str | None:
        """The file that a name stands for, with or without its suffix; None if there is none.

        Raises:
            DataError: several files differ from the name only in their suffix.
        """
        plain = str(PurePosixPath(wanted.replace("\\", "/")))
        for name in (plain, self._prefix + plain):
            if name in self._exact:
                return name
            matches = self._by_stem.get(name, [])
            if len(matches) > 1:
                raise DataError(f"image {wanted!r} could be {' or '.join(matches)}", path=self.path)
            if matches:
                return matches[0]
        return None

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises ``ValueError`` with the reason if that fails."""
        try:
            if self._zip is not None:
                return self._zip.read(name)
            return (self.path / name).read_bytes()
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as reason:
            raise ValueError(str(reason)) from reason

    def close(self) -> None:
        """Close the zip, if it is one."""
        if self._zip is not None:
            self._zip.close()

    def __repr__(self) -> str:
        return f"{self.path} ({len(self.names)} images)"


def _walk(root: Path) -> list[str]:
    found: list[str] = []
    for folder, inner, files in os.walk(root, followlinks=True):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        base = Path(folder).relative_to(root)
        found.extend((base / name).as_posix() for name in files)
    return found


def open_store(path: Path) -> ImageStore:
    """The images of a folder or a zip. Raises DataError if there is no such thing."""
    if not path.exists():
        raise DataError("no such folder or zip of images", path=path)
    if path.is_file() and not zipfile.is_zipfile(path):
        raise DataError("expected a folder or a zip of images", path=path)
    return ImageStore(path)
