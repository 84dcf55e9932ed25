"""A whole text file in and out: gzip, encoding and atomic replacement in one place."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from hyperhier.errors import TaxonomyError

__all__ = ["MAX_BYTES", "decode", "read_bytes", "read_text", "short", "write_bytes", "write_text"]

#: files that hold more than this, unpacked, are refused (a small gzip file can hold anything)
MAX_BYTES = 1 << 30
_PIECE = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: str | PathLike[str]) -> str:
    """The text of a UTF-8 file, decompressed if it is gzip, without a byte order mark.

    Raises:
        TaxonomyError: the file is missing, unreadable, damaged, binary or not UTF-8; with
            the line where that is known.
    """
    return decode(read_bytes(path), path)


def read_bytes(path: str | PathLike[str]) -> bytes:
    """The content of a file, decompressed if it is gzip.

    Raises:
        TaxonomyError: the file is missing, unreadable, damaged, or larger than
            :data:`MAX_BYTES` when decompressed.
    """
    try:
        with Path(path).open("rb") as stream:
            content = _content(stream)
    except FileNotFoundError:
        raise TaxonomyError("no such file", path=path) from None
    except IsADirectoryError:
        raise TaxonomyError("is a folder; expected a file", path=path) from None
    except (OSError, ValueError) as problem:
        raise TaxonomyError(f"cannot be read: {problem}", path=path) from None
    compressed = content.startswith(_GZIP_MAGIC)
    if fspath(path).lower().endswith(".gz") and not compressed and content:
        raise TaxonomyError("is no gzip file although its name ends in .gz", path=path)
    if compressed:
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                content = _content(packed)
        except (OSError, EOFError, zlib.error) as problem:
            raise TaxonomyError(f"damaged or truncated gzip file: {problem}", path=path) from None
    if len(content) > MAX_BYTES:
        raise TaxonomyError(f"holds more than {MAX_BYTES} bytes; expected fewer", path=path)
    return content


def _content(stream: BinaryIO | gzip.GzipFile) -> bytes:
    """All of a stream, or one byte more than :data:`MAX_BYTES`.

    In pieces, because ``read(n)`` takes memory for n bytes even if there are fewer.
    """
    buffer = io.BytesIO()
    while room := MAX_BYTES + 1 - buffer.tell():
        if not (piece := stream.read(min(room, _PIECE))):
            break
        buffer.write(piece)
    return buffer.getvalue()


def decode(content: bytes, path: str | PathLike[str] | None = None) -> str:
    """UTF-8 text without its byte order mark.

    Raises:
        TaxonomyError: not UTF-8, or a NUL character; with the line.
    """
    if content.startswith(_UTF16_MARKS):
        raise TaxonomyError("is UTF-16 text; expected UTF-8", path=path, line=1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        # positions count from after the mark, if there is one
        bad = problem.object[problem.start]
        line = _lines_before(problem.object, problem.start) + 1
        raise TaxonomyError(
            f"byte 0x{bad:02x} is no UTF-8 text; expected UTF-8", path=path, line=line
        ) from None
    if "\0" in text:
        line = _lines_before(content, content.index(b"\0")) + 1
        raise TaxonomyError("holds a NUL character; expected text", path=path, line=line)
    return text


def _lines_before(content: bytes, position: int) -> int:
    ends = content.count(b"\n", 0, position) + content.count(b"\r", 0, position)
    return ends - content.count(b"\r\n", 0, position)


def short(value: str) -> str:
    """A value as messages show it: quoted, the end of a long one left out."""
    return repr(value if len(value) <= 60 else value[:57] + "...")


def write_text(path: str | PathLike[str], text: str) -> None:
    """:func:`write_bytes` of UTF-8 text.

    A text that begins with the sign of a byte order mark gets a mark before it, so that it is
    read as it was.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    write_bytes(path, (mark + text).encode("utf-8"))


def write_bytes(path: str | PathLike[str], content: bytes) -> None:
    """Write a file (gzip if the name ends in ``.gz``) under a temporary name, then rename.

    Raises:
        TaxonomyError: the file cannot be written; an older one is left as it was.
    """
    target = Path(path)
    if target.name.lower().endswith(".gz"):
        content = gzip.compress(content, mtime=0)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise TaxonomyError(f"cannot be written: {reason}", path=path) from None
