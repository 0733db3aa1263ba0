"""The house: a room imports only from floors below it, lazy imports included, and every name is looked up where it is written."""

import ast
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "MRISuperResolution"

ENGINE = [
    ["errors"],
    ["progress", "packages", "codec"],
    ["interruption"],
    ["image"],
    ["physics", "compute"],
    ["models", "trust"],
    ["neural", "pipeline"],
    ["evaluation", "fusion", "bids", "cluster"],
    ["reports"],
    ["training"],
    ["families"],
    ["jobs"],
    ["commands"],
    ["cli", "public"],
    ["__init__", "__main__", "worker"],
]
SLICER = [
    ["System"],
    ["Scene"],
    ["Views"],
    ["Jobs"],
    ["Panels"],
    ["Logic"],
    ["Examine"],
    ["SelfTest", "Widget", "__init__"],
]

LISTING = {"mrisr/models/discovery.py", "mrisr/cli.py"}
"""Where families and commands are listed: the only imports of a computed name."""


def imports(path, package):
    """The modules of `package` that a file imports, as parts below it, with their lines."""
    inside = path.relative_to(package).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (
                (name.name.split(".")[1:], node.lineno)
                for name in node.names
                if name.name.split(".")[0] == package.name
            )
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level:
                base = [package.name, *inside[: len(inside) - node.level + 1], *base]
            if base[:1] == [package.name]:
                yield from (([*base[1:], name.name], node.lineno) for name in node.names)


def arrows(package):
    """Every import from one room to another: the file, its line and the two rooms."""
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).with_suffix("").parts[0]
        for target, line in imports(path, package):
            if not (package / target[0]).is_dir() and not (package / f"{target[0]}.py").is_file():
                target = ["__init__"]
            if target[0] != room:
                yield f"{path.relative_to(MODULE)}:{line}", room, target[0]


@pytest.mark.parametrize(("package", "floors"), [("mrisr", ENGINE), ("MRISuperResolutionLib", SLICER)])
def test_every_arrow_falls(package, floors):
    level = {room: number for number, floor in enumerate(floors) for room in floor}
    found = list(arrows(MODULE / package))
    assert len(found) > 100
    assert {room for _, *rooms in found for room in rooms} <= set(level)
    assert [arrow for arrow in found if level[arrow[1]] <= level[arrow[2]]] == []


def test_an_arrow_that_rises_would_be_found(tmp_path):
    package = tmp_path / "house"
    for room, code in {
        "low": "def f():\n    from ..high.a import x\n",
        "high": "import house.low.a\n",
    }.items():
        (package / room).mkdir(parents=True)
        (package / room / "a.py").write_text(code, encoding="utf-8")
    found = {
        (path.relative_to(package).parts[0], target[0])
        for path in package.rglob("*.py")
        for target, _ in imports(path, package)
    }
    assert found == {("low", "high"), ("high", "low")}


def test_names_are_computed_only_where_families_and_commands_are_listed():
    computed = {
        str(path.relative_to(MODULE))
        for path in (MODULE / "mrisr").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__")
        and not isinstance(node.args[0], ast.Constant)
    }
    assert computed == LISTING


def test_every_package_of_the_slicer_side_has_a_context_of_its_own_for_translations():
    """Slicer names the context of a text after the folder with `__init__.py` and the file."""
    files = [path for path in (MODULE / "MRISuperResolutionLib").rglob("*.py") if path.name != "__init__.py"]
    assert all(path.with_name("__init__.py").is_file() for path in files)
    assert len({(path.parent.name, path.stem) for path in files}) == len(files)


def test_no_function_shares_its_modules_name():
    shared = [
        str(path.relative_to(MODULE))
        for path in (MODULE / "mrisr").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == path.stem
    ]
    assert shared == []
