"""The one exception family of the library.

Every error that hyperhier raises on purpose derives from :class:`HyperhierError`,
names the offending value and says what was expected. The command line turns each of
them into one clear message and exit code 2.
"""

from __future__ import annotations

from os import PathLike, fspath

__all__ = ["DataError", "HyperhierError", "ManifoldError", "RunError", "TaxonomyError"]


class HyperhierError(Exception):
    """Base of every error raised on purpose by hyperhier."""


class _LocatedError(HyperhierError, ValueError):
    """An error about input that may know the file and the line it comes from.

    Args:
        message: what is wrong, naming the offending value.
        path: the file that holds it, if any.
        line: its 1-based line number in that file, if known.

    >>> str(TaxonomyError("unknown node 'cat'", path="tree.csv", line=3))
    "tree.csv:3: unknown node 'cat'"
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | PathLike[str] | None = None,
        line: int | None = None,
    ) -> None:
        self.message = message
        self.path = None if path is None else fspath(path)
        self.line = line
        where = "" if self.path is None else self.path
        if line is not None:
            where += f":{line}" if where else f"line {line}"
        super().__init__(f"{where}: {message}" if where else message)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.path, self.line)


def _rebuild(
    cls: type[_LocatedError], message: str, path: str | None, line: int | None
) -> _LocatedError:
    return cls(message, path=path, line=line)


class TaxonomyError(_LocatedError):
    """A taxonomy, or a file meant to hold one, is not what was expected."""


class DataError(_LocatedError):
    """Labelled data (images, tables, labels, splits) is not what was expected."""


class RunError(_LocatedError):
    """A training run's folder, configuration or checkpoint cannot be used or written."""


class ManifoldError(HyperhierError, ValueError):
    """A value is no valid curvature, point or tangent vector of a manifold."""
