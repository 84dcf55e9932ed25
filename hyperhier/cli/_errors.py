"""From an exception to one clear line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable

from hyperhier.errors import HyperhierError

__all__ = ["INTERNAL", "INTERRUPTED", "OK", "WRONG_INPUT", "guarded"]

OK = 0
INTERNAL = 1
WRONG_INPUT = 2
INTERRUPTED = 130

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def guarded(call: Callable[[], object], *, debug: bool) -> int:
    """Run ``call`` and return the exit code; with ``debug`` tracebacks are shown too.

    An integer that ``call`` returns is the exit code; anything else counts as success.
    """
    try:
        result = call()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else OK if not error.code else INTERNAL
    except BrokenPipeError:
        _forget_stdout()
        return OK
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        _say("interrupted: nothing half-written is kept")
        return INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        message, code = describe(error)
        _say(message)
        return code
    return result if isinstance(result, int) and not isinstance(result, bool) else OK


def describe(error: Exception) -> tuple[str, int]:
    """The message and the exit code for an exception that reached the command line."""
    if hasattr(error, "format_message"):  # an option or an argument that typer refused
        return _usage(error)
    if type(error).__name__ == "Abort":
        return "aborted", INTERRUPTED
    if isinstance(error, HyperhierError):
        return f"error: {error}", WRONG_INPUT
    if isinstance(error, OSError):
        return f"error: {_os_error(error)}", WRONG_INPUT
    if isinstance(error, ImportError):
        return f"error: {_missing(error)}", WRONG_INPUT
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "error: out of memory; a smaller --batch-size or --size needs less", INTERNAL
    if isinstance(error, ValueError):
        return f"error: {error}", WRONG_INPUT
    return (
        f"internal error: {type(error).__name__}: {error}\n"
        "This is a bug in hyperhier; `hyperhier --debug ...` shows where.",
        INTERNAL,
    )


def _usage(error: Exception) -> tuple[str, int]:
    message = f"error: {error.format_message()}"  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    if context is not None:
        message += f"\nSee `{context.command_path} --help`."
    return message, int(getattr(error, "exit_code", WRONG_INPUT))


def _missing(error: ImportError) -> str:
    from hyperhier.doctor import extra_of

    extra = extra_of(error.name or "")
    hint = f"pip install 'hyperhier[{extra}]'"
    return str(error) if extra is None or hint in str(error) else f"{error}: {hint}"


def _os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in _DISK_FULL:
        reason = "no space left on the device; nothing half-written is kept"
    elif isinstance(error, FileNotFoundError):
        reason = "no such file or folder"
    name = error.filename if error.filename is not None else error.filename2
    return reason if name is None else f"{os.fsdecode(name)}: {reason}"


def _forget_stdout() -> None:
    """The reader of our output went away: nothing more to say, and no complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
