"""The command ``hyperhier``. Nothing here or in the command modules imports torch up front."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: what follows the program's name (default: ``sys.argv[1:]``).

    Returns:
        0 for success, 1 for an internal error, 2 for wrong input, 130 when interrupted.
    """
    # torch's threads spin while they wait for each other, which on a busy machine takes many
    # times the work itself; this is read when torch is imported
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from hyperhier.cli.app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"typer", "rich"}:
            raise
        sys.stderr.write(
            f"error: the command line needs {error.name}: pip install 'hyperhier[cli]'\n"
        )
        return 2
    return run(sys.argv[1:] if arguments is None else list(arguments))
