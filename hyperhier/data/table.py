"""Reading images that a CSV or TSV lists."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from hyperhier.data._draft import Draft
from hyperhier.data._names import LabelMatcher, pick_column, split_name
from hyperhier.data._pixels import Decoder
from hyperhier.data._store import ImageStore, open_store
from hyperhier.errors import DataError
from hyperhier.taxonomy import Taxonomy

__all__ = ["read_table"]


def read_table(
    path: Path,
    taxonomy: Taxonomy,
    *,
    image: str | None = None,
    label: str | None = None,
    split: str | None = None,
    group: str | None = None,
    images: str | Path | None = None,
    size: int | tuple[int, int] | None = None,
) -> Draft:
    """Images listed in a CSV or TSV that lies beside a folder or a zip of them.

    Args:
        path: the table; its first line names the columns.
        image, label, split, group: names of the columns; without them the usual names are
            looked for. ``split=""`` or ``group=""``: ignore such a column.
        images: the folder or zip; without it the table's folder, or ``images`` or
            ``images.zip`` in it, whichever holds the first image.
        size: see :func:`hyperhier.data.load_images`.

    Raises:
        DataError: naming the file and the line of what is wrong.
    """
    rows = _rows(path)
    _, header = next(rows)
    columns = {
        "image": pick_column("image", header, image, required=True, path=path),
        "label": pick_column("label", header, label, required=True, path=path),
        "split": pick_column("split", header, split, required=False, path=path),
        "group": pick_column("group", header, group, required=False, path=path),
    }
    matcher = LabelMatcher(taxonomy)
    wanted: list[tuple[int, str]] = []
    labels: list[int] = []
    told: dict[str, list[str]] = {"split": [], "group": []}
    seen: dict[str, int] = {}
    for line, row in rows:
        cell = {role: row[at].strip() for role, at in columns.items() if at is not None}
        name = cell["image"]
        if not name:
            raise DataError("no image named", path=path, line=line)
        if name in seen:
            raise DataError(
                f"image {name!r} is listed again (first on line {seen[name]})", path=path, line=line
            )
        seen[name] = line
        wanted.append((line, name))
        labels.append(matcher.id(cell["label"], path=path, line=line))
        if "split" in cell:
            side = split_name(cell["split"])
            if side is None:
                raise DataError(
                    f"split {cell['split']!r}: expected train, val or test", path=path, line=line
                )
            told["split"].append(side)
        if "group" in cell:
            if not cell["group"]:
                raise DataError(
                    f"no {header[columns['group'] or 0]} given: group-aware splits need one",
                    path=path,
                    line=line,
                )
            told["group"].append(cell["group"])
    if not wanted:
        raise DataError("no rows below the header", path=path)
    if told["split"] and told["group"]:
        _refuse_torn_groups(told["split"], told["group"], [at for at, _ in wanted], path)
    store = _store(path, None if images is None else Path(images), wanted[0][1])
    try:
        pixels = _decode(store, wanted, size, path)
    finally:
        store.close()
    return Draft(
        pixels, labels, told["split"] or None, told["group"] or None, [name for _, name in wanted]
    )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The header, then every row, each with its line number and the header's length."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if not first.strip():
                raise DataError("empty file: expected a line of column names", path=path)
            file.seek(0)
            reader = csv.reader(file, delimiter=_delimiter(path, first))
            header = [name.strip() for name in next(reader)]
            yield 1, header
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    raise DataError(
                        f"{len(row)} cells, but the header has {len(header)} columns",
                        path=path,
                        line=reader.line_num,
                    )
                yield reader.line_num, row
    except UnicodeDecodeError as reason:
        raise DataError(f"not UTF-8 text: {reason}", path=path) from reason
    except (OSError, csv.Error) as reason:
        raise DataError(f"unreadable table: {reason}", path=path) from reason


def _delimiter(path: Path, first: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max(",;\t", key=first.count)


def _refuse_torn_groups(split: list[str], groups: list[str], lines: list[int], path: Path) -> None:
    sides: dict[str, tuple[str, int]] = {}
    for line, group, side in zip(lines, groups, split, strict=True):
        first, at = sides.setdefault(group, (side, line))
        if first != side:
            raise DataError(
                f"group {group!r} is on two sides of the split: {first} on line {at}, {side} here",
                path=path,
                line=line,
            )


def _store(table: Path, named: Path | None, first: str) -> ImageStore:
    base = table.parent
    if named is not None:
        return open_store(named if named.exists() else base / named)
    places = [base / "images", base / "images.zip", base / f"{table.stem}.zip", base / table.stem]
    zips = sorted(base.glob("*.zip"))
    places += [z for z in zips if len(zips) == 1 and z not in places] + [base]
    places = [place for place in places if place.exists()]
    for place in places:
        store = open_store(place)
        if store.find(first) is not None:
            return store
        store.close()
    looked = ", ".join(place.name + ("/" if place.is_dir() else "") for place in places)
    raise DataError(f"image {first!r} not found: looked in {looked}", path=table, line=2)


def _decode(
    store: ImageStore,
    wanted: list[tuple[int, str]],
    size: int | tuple[int, int] | None,
    table: Path,
) -> Tensor:
    decoder = Decoder(size)
    found = []
    for line, name in wanted:  # all names first: a missing one is found before long decoding
        file = store.find(name)
        if file is None:
            raise DataError(f"image {name!r} not found in {store.path}", path=table, line=line)
        found.append((line, file))
    for line, file in found:
        try:
            decoder.add(store.read(file))
        except DataError:
            raise
        except ValueError as reason:
            raise DataError(
                f"unreadable image {file!r} in {store.path}: {reason}", path=table, line=line
            ) from reason
    return decoder.stack()
