"""The classes of a Python module as a taxonomy: from base to derived."""

from __future__ import annotations

import pkgutil
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import chain, count
from types import ModuleType
from typing import Unpack

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy import _make
from hyperhier.taxonomy.core import Taxonomy
from hyperhier.taxonomy.policies import Policies, Policy

__all__ = ["from_module"]


def from_module(
    module: ModuleType | str,
    *,
    below: type | None = None,
    private: bool = False,
    submodules: bool = False,
    **policies: Unpack[Policies],
) -> Taxonomy:
    """From the classes that a module or package defines, and all of their bases.

    Edges run from a base to the classes derived from it, the bases in the order of the class
    statement; several bases make a DAG. The root is ``object``. A node is called by the
    qualified name of its class (``Conv2d``), with the module before it
    (``torch.nn.modules.conv.Conv2d``) where two classes share that, and a number after it where
    they share even that, as a class and the named tuple it derives from often do. Of a package
    those of its modules count that are imported already.

    Args:
        module: a module, or the name of one, which is imported: that runs its code.
        below: only this class, which becomes the root, and what is derived from it.
        private: whether classes with a leading underscore count; a base of a class that
            counts always does.
        submodules: import all modules of the package first, which runs their code; those
            that fail to import, and ``__main__``, are left out.
        policies: see :class:`~hyperhier.taxonomy.Policies`.

    Raises:
        TypeError: ``module`` is neither, or ``below`` is no class.
        TaxonomyError: a module that cannot be imported or has no such classes, or what a
            policy forbids.

    >>> from_module("builtins", below=LookupError).nodes
    ('LookupError', 'IndexError', 'KeyError')
    >>> from_module("collections.abc").parents("Sequence")
    ('Reversible', 'Collection')
    """
    policy = Policy.of(policies)
    if below is not None and not isinstance(below, type):
        raise TypeError(f"below={below!r}; expected a class")
    if isinstance(module, str):
        module = _imported(module)
    elif not isinstance(module, ModuleType):
        raise TypeError(f"module {module!r}; expected a module or its name")
    if submodules:
        _import_all(module)
    classes: dict[int, type] = {}  # by identity: a metaclass may define what is equal
    for cls in _classes(module):
        ancestry = cls.__mro__
        if below is not None and not _holds(ancestry, below):
            continue
        if private or not cls.__name__.startswith("_"):
            classes |= {id(base): base for base in ancestry}
    if below is not None:
        classes = {key: cls for key, cls in classes.items() if _holds(cls.__mro__, below)}
    if not classes:
        which = "" if below is None else f" below {below.__qualname__}"
        raise TaxonomyError(f"module {module.__name__!r} defines no classes{which}")
    names = _names(classes)
    edges = [
        (names[id(base)], name)
        for key, name in names.items()
        for base in classes[key].__bases__
        if id(base) in names
    ]
    return Taxonomy._of(_make.from_edges(edges, names.values(), policy))


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as problem:  # the code of the module runs
        reason = (str(problem).splitlines() or [""])[0]
        kind = type(problem).__name__
        raise TaxonomyError(f"module {name!r} cannot be imported: {kind}: {reason}") from None


def _import_all(package: ModuleType) -> None:
    waiting = [package]
    for parent in waiting:  # grows while it runs
        for found in pkgutil.iter_modules(getattr(parent, "__path__", ()), f"{parent.__name__}."):
            if found.name.endswith(".__main__"):
                continue
            try:
                module = import_module(found.name)
            except Exception:
                continue  # it may need what is not installed
            if found.ispkg:
                waiting.append(module)


def _classes(module: ModuleType) -> Iterator[type]:
    """Those defined in the module and its imported submodules, or exported by the module."""
    inside = f"{module.__name__}."
    parts = [part for name, part in list(sys.modules.items()) if name.startswith(inside)]
    for part in [module, *parts]:
        if not issubclass(type(part), ModuleType):  # sys.modules may hold anything
            continue
        attributes = dict(vars(part))
        listed = attributes.get("__all__") if part is module else None
        names = listed if isinstance(listed, (list, tuple)) else ()
        exported = {name for name in names if isinstance(name, str)}
        for name, value in attributes.items():
            if not issubclass(type(value), type):  # isinstance() could run code of the value
                continue
            home = getattr(value, "__module__", None)
            at_home = isinstance(home, str) and f"{home}.".startswith(inside)
            if at_home or name in exported:
                yield value


def _holds(classes: tuple[type, ...], wanted: type) -> bool:
    return any(cls is wanted for cls in classes)


def _names(classes: dict[int, type]) -> dict[int, str]:
    """Names by the keys of the classes, sorted by name."""
    times = Counter(cls.__qualname__ for cls in classes.values())
    names: dict[str, int] = {}
    # where a class and a base share even the module, the class has the plain name
    for key, cls in sorted(classes.items(), key=lambda item: -len(item[1].__mro__)):
        name = cls.__qualname__
        if times[name] > 1:
            name = f"{cls.__module__}.{name}"
        numbered = (f"{name} ({number})" for number in count(2))
        names[next(free for free in chain([name], numbered) if free not in names)] = key
    return {names[name]: name for name in sorted(names)}
