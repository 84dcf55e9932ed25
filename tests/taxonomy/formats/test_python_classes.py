"""Classes of modules: names, bases from elsewhere, private classes, packages."""

from __future__ import annotations

import builtins
import collections.abc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hyperhier.errors import TaxonomyError
from hyperhier.taxonomy.formats.python_classes import from_module


def module(name: str, code: str) -> ModuleType:
    made = ModuleType(name)
    exec(code, made.__dict__)
    return made


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package ``zoo`` on the path that nothing has imported yet."""
    inner = tmp_path / "zoo" / "cats"
    inner.mkdir(parents=True)
    (tmp_path / "zoo" / "__init__.py").write_text("class Animal: pass\n")
    (tmp_path / "zoo" / "__main__.py").write_text("raise SystemExit('run')\n")
    (tmp_path / "zoo" / "broken.py").write_text("import no_such_module_at_all\n")
    (tmp_path / "zoo" / "dogs.py").write_text(
        "from zoo import Animal\nclass Dog(Animal): pass\nclass Pet(Animal): pass\n"
    )
    (inner / "__init__.py").write_text("")
    (inner / "big.py").write_text(
        "from zoo import Animal\nclass Lion(Animal): pass\nclass Pet(Animal): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "zoo"
    for name in [m for m in sys.modules if m == "zoo" or m.startswith("zoo.")]:
        del sys.modules[name]


def test_exceptions() -> None:
    tax = from_module("builtins", below=BaseException)
    assert tax.root == "BaseException"
    assert tax.ancestors("FileNotFoundError") == ("OSError", "Exception", "BaseException")
    assert tax.parents("ExceptionGroup") == ("BaseExceptionGroup", "Exception")
    expected = {
        value
        for value in vars(builtins).values()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    assert set(tax) == {value.__qualname__ for value in expected}
    for value in expected - {BaseException}:
        assert tax.parents(value.__qualname__) == tuple(b.__qualname__ for b in value.__bases__)


def test_builtins_hang_below_object() -> None:
    tax = from_module(builtins)
    assert tax.root == "object"
    assert {"int", "bool", "type", "dict", "Exception"} <= set(tax)
    assert tax.parents("bool") == ("int",)


def test_abstract_collections_are_a_dag() -> None:
    tax = from_module(collections.abc)
    assert not tax.is_tree
    assert tax.parents("Collection") == ("Sized", "Iterable", "Container")
    assert tax.parents("MutableSequence") == ("Sequence",)
    assert from_module("collections.abc") == tax
    # subclasses by declaration only are no classes below
    assert set(from_module("collections.abc", below=collections.abc.Sized)) < set(tax)
    assert from_module("collections.abc", multi_parent="first").is_tree


def test_layers() -> None:
    tax = from_module("torch.nn")
    assert tax.ancestors("Conv2d") == ("_ConvNd", "Module", "object")
    assert tax.is_ancestor(tax.id_of("Module"), tax.id_of("LSTM"))
    assert from_module("torch.nn", below=sys.modules["torch.nn"].Module).root == "Module"


def test_bases_from_elsewhere_and_private_ones() -> None:
    code = """
from collections import OrderedDict
from decimal import Decimal
class _Base(OrderedDict): pass
class Table(_Base): pass
class _Hidden(Table): pass
class Alone:
    class Inner: pass
alias = Table
number = 3
"""
    tax = from_module(module("m", code))
    assert tax.nodes == ("object", "Alone", "dict", "OrderedDict", "_Base", "Table")
    assert "_Hidden" in from_module(module("m", code), private=True)
    assert from_module(module("m", code), unary="contract").parents("Table") == ("object",)


def test_what_a_module_exports_counts() -> None:
    tax = from_module("io")
    assert tax.parents("FileIO")[0].endswith("_RawIOBase")
    assert {"StringIO", "TextIOWrapper"} <= set(tax)
    code = "from io import StringIO\nclass A: pass\n__all__ = "
    assert "StringIO" in from_module(module("m", code + "['StringIO', 7, []]"))
    assert from_module(module("m", code + "7")).nodes == ("object", "A")


def test_imported_modules_of_a_package(package: str) -> None:
    assert from_module(package).nodes == ("object", "Animal")
    __import__("zoo.dogs")
    assert from_module(package).leaves == ("Dog", "Pet")
    tax = from_module(package, submodules=True)
    assert tax.children("Animal") == ("Dog", "Lion", "zoo.cats.big.Pet", "zoo.dogs.Pet")
    assert "zoo.__main__" not in sys.modules
    assert from_module("zoo.cats.big").leaves == ("Lion", "Pet")
    assert from_module("zoo.cats").leaves == ("Lion", "Pet")


def test_classes_of_one_name_are_numbered() -> None:
    code = "from collections import namedtuple\nclass Pair(namedtuple('Pair', 'a b')): pass"
    tax = from_module(module("m", code))
    assert tax.ancestors("m.Pair") == ("m.Pair (2)", "tuple", "object")
    code = "class A: pass\nB = A\nclass A: pass\nC = A\nclass A: pass"
    assert from_module(module("m", code)).leaves == ("m.A", "m.A (2)", "m.A (3)")


def test_unusual_classes() -> None:
    code = """
class Meta(type):
    def __eq__(self, other): raise RuntimeError
    __hash__ = None
class Odd(metaclass=Meta): pass
class Strange:
    __module__ = property(lambda self: 1 / 0)
class Proxy:
    @property
    def __class__(self): raise RuntimeError
    def __getattr__(self, name): raise RuntimeError
proxy = Proxy()
class Derived(Odd): pass
"""
    assert from_module(module("m", code)).ancestors("Derived") == ("Odd", "object")


def test_errors(package: str) -> None:
    with pytest.raises(TaxonomyError, match=r"'zoo\.broken' cannot be imported: ModuleNotFound"):
        from_module("zoo.broken")
    with pytest.raises(TaxonomyError, match=r"'\.x' cannot be imported: TypeError"):
        from_module(".x")
    with pytest.raises(TaxonomyError, match="module 'm' defines no classes"):
        from_module(module("m", "x = 1"))
    with pytest.raises(TaxonomyError, match="module 'zoo' defines no classes below KeyError"):
        from_module(package, below=KeyError)
    with pytest.raises(TaxonomyError, match=r"'Collection' has 3 parents"):
        from_module("collections.abc", multi_parent="error")
    with pytest.raises(TypeError, match="module 7; expected a module or its name"):
        from_module(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="below='int'; expected a class"):
        from_module("builtins", below="int")  # type: ignore[arg-type]
