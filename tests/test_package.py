"""The shape of the package: layers, what an import costs, what the wheel holds."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import hyperhier

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "hyperhier"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# The layers, lowest first. A module imports from its own layer or from a lower one.
LAYERS = (
    {"_version", "_atomic", "errors"},
    {"_numerics"},
    {"manifolds"},
    {"nn", "optim", "taxonomy"},
    {"embedding", "hlss", "losses", "metrics", "data"},
    {"training", "plot", "integrations", "testing", "doctor"},
    {"reproduce"},
    {"cli"},
    {"__init__", "__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# Imports that point upwards on purpose: inside a method, for the user's convenience.
UPWARDS = {("embedding", "plot"), ("hlss", "plot")}

CONCRETE = {"Euclidean", "Sphere", "PoincareBall", "Lorentz"}


def layer_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else Path(parts[0]).stem


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The subpackages of hyperhier that a module imports, with line numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import on line {node.lineno}"
            names = [node.module or ""]
            if node.module == "hyperhier":
                names = [f"hyperhier.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("hyperhier."):
                yield name.split(".")[1], node.lineno


def type_checking_blocks(tree: ast.AST) -> Iterator[ast.If]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield node


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {layer_name(path) for path in SOURCES}
    assert parts <= RANK.keys(), f"give these a layer: {sorted(parts - RANK.keys())}"


def test_imports_point_downwards() -> None:
    wrong = []
    for path in SOURCES:
        own = layer_name(path)
        tree = tree_of(path)
        types_only = {line for block in type_checking_blocks(tree) for _, line in imported(block)}
        for target, line in imported(tree):
            if line in types_only or (own, target) in UPWARDS or own in LAYERS[-1]:
                continue
            if RANK.get(target, -1) > RANK[own]:
                wrong.append(f"{relative(path)}:{line} imports hyperhier.{target}")
    assert not wrong, "\n".join(wrong)


def test_upward_imports_happen_inside_functions() -> None:
    for own, target in UPWARDS:
        for path in (p for p in SOURCES if layer_name(p) == own):
            for node in tree_of(path).body:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    assert target not in {name for name, _ in imported(node)}, relative(path)


def test_no_module_asks_which_geometry_it_has() -> None:
    wrong = []
    for path in SOURCES:
        if layer_name(path) in {"manifolds", "testing"}:
            continue
        for node in ast.walk(tree_of(path)):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"):
                continue
            names = {
                part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", None)
                for part in ast.walk(node.args[1])
            }
            if names & CONCRETE:
                wrong.append(f"{relative(path)}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, "\n".join(wrong)


def test_no_bare_except_no_print_no_unfinished_code() -> None:
    wrong = []
    for path in SOURCES:
        may_print = layer_name(path) == "cli"
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                wrong.append(f"{relative(path)}:{node.lineno}: bare except")
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and not may_print:
                wrong.append(f"{relative(path)}:{node.lineno}: print")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError", line):
                wrong.append(f"{relative(path)}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Public functions and classes of a module, and what a class defines for the first time."""
    for node in tree.body:
        defines = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if defines and not node.name.startswith("_"):  # type: ignore[attr-defined]
            yield node.name, node  # type: ignore[attr-defined]


def is_overload(node: ast.AST) -> bool:
    return any(ast.unparse(d).endswith("overload") for d in getattr(node, "decorator_list", ()))


def test_every_module_and_public_name_is_documented() -> None:
    missing = []
    for path in SOURCES:
        tree = tree_of(path)
        if ast.get_docstring(tree) is None:
            missing.append(f"{relative(path)}: module")
        if any(part.startswith("_") for part in path.relative_to(PACKAGE).with_suffix("").parts):
            continue
        for name, node in public_definitions(tree):
            if ast.get_docstring(node) is None and not is_overload(node):  # type: ignore[arg-type]
                missing.append(f"{relative(path)}:{node.lineno}: {name}")  # type: ignore[attr-defined]
    assert not missing, "\n".join(missing)


def test_public_functions_are_annotated() -> None:
    missing = []
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and node.returns is None:
                missing.append(f"{relative(path)}:{node.lineno}: {node.name}")
    assert not missing, "\n".join(missing)


def test_every_folder_is_a_package_and_the_wheel_takes_it() -> None:
    folders = {path.parent for path in SOURCES}
    without = [relative(f) for f in folders if not (f / "__init__.py").is_file()]
    assert not without, without
    assert (PACKAGE / "py.typed").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    setuptools = pytest.importorskip("setuptools")
    found = set(
        setuptools.find_packages(
            str(ROOT),
            **{key: settings["setuptools"]["packages"]["find"][key] for key in ("include",)},
        )
    )
    expected = {".".join(f.relative_to(ROOT).parts) for f in folders}
    assert found == expected
    patterns = settings["setuptools"]["package-data"]["hyperhier"]
    data = {
        p
        for p in PACKAGE.rglob("*")
        if p.is_file() and p.suffix not in {".py", ".pyc"} and "__pycache__" not in p.parts
    }
    taken = {p for pattern in patterns for p in PACKAGE.glob(pattern)}
    assert data <= taken, sorted(relative(p) for p in data - taken)


def test_every_extra_that_a_message_names_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    texts = [*SOURCES, ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for path in texts:
        for names in re.findall(r"hyperhier\[([a-z, ]+)\]", path.read_text(encoding="utf-8")):
            unknown = {name.strip() for name in names.split(",")} - extras
            assert not unknown, f"{relative(path)} names the extra {sorted(unknown)}"


def modules_after(statement: str) -> set[str]:
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {
    "networkx", "scipy", "matplotlib", "pandas", "geoopt", "PIL", "typer", "rich", "sklearn",
    "torchmetrics", "timm", "lightning", "pytorch_metric_learning", "pyarrow", "hypothesis",
}  # fmt: skip


PARTS = (
    "errors", "manifolds", "taxonomy", "nn", "optim", "losses", "metrics", "embedding", "data",
    "plot", "training", "doctor", "cli",
)  # fmt: skip


def test_importing_the_parts_pulls_nothing_heavier_than_torch() -> None:
    """One process for all: a part that pulls something is the first after which it is there."""
    statements = "import importlib\nculprits = {}\n"
    for part in PARTS:
        statements += (
            f"importlib.import_module('hyperhier.{part}')\n"
            f"for name in {sorted(HEAVY)} + ['torch'] * ({part!r} == 'errors'):\n"
            f"    if name in sys.modules: culprits.setdefault(name, 'hyperhier.{part}')\n"
        )
    statements += "assert not culprits, culprits"
    modules_after(statements)


def test_importing_hyperhier_does_not_even_import_torch() -> None:
    assert not (HEAVY | {"torch", "numpy"}) & modules_after("import hyperhier")


def test_lazy_names_are_the_declared_ones() -> None:
    assert set(hyperhier.__all__) - {"__version__"} == set(hyperhier._MODULE_OF)
    for name in hyperhier.__all__:
        assert getattr(hyperhier, name) is not None
        assert name in dir(hyperhier)
    with pytest.raises(AttributeError, match="no attribute 'Hyperboloid'"):
        hyperhier.Hyperboloid  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    tree = tree_of(PACKAGE / "__init__.py")
    seen = {
        alias.asname or alias.name
        for block in type_checking_blocks(tree)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(hyperhier._MODULE_OF)


def test_constraints_satisfy_the_requirements() -> None:
    requirements = pytest.importorskip("packaging.requirements")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pinned = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    wanted = list(project["dependencies"])
    for extra, items in project["optional-dependencies"].items():
        if extra not in ("timm", "text", "hdf5"):  # not tried here
            wanted += items
    for text in wanted:
        requirement = requirements.Requirement(text)
        if requirement.name == "hyperhier":
            continue
        name = requirement.name.lower().replace("_", "-")
        assert name in pinned, f"{text} has no version in constraints.txt"
        assert requirement.specifier.contains(pinned[name]), text
