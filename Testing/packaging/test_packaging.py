"""What ships is what is on disk, and every description of the extension says the same."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "MRISuperResolution"
ENGINE = MODULE / "mrisr"


def tracked(*patterns):
    """Files git knows or would add, below the module's folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=MODULE, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if (MODULE / line).exists()}


def cmake_list(name):
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(rf"set\({name}\s+([^)]*)\)", text)[1].split()


@pytest.mark.parametrize(
    ("name", "patterns"),
    [("MODULE_PYTHON_SCRIPTS", ["*.py"]), ("MODULE_PYTHON_RESOURCES", ["Resources", "mrisr/*.safetensors"])],
)
def test_cmake_lists_every_file_that_is_on_disk_in_order(name, patterns):
    listed = cmake_list(name)
    assert set(listed) == tracked(*patterns)
    assert listed == sorted(listed, key=str.lower)


def test_all_weights_together_weigh_no_more_than_42_mb():
    """They count twice in a clone, whose size the Extensions Index limits."""
    assert sum((MODULE / name).stat().st_size for name in tracked("Resources/Models/*.safetensors")) <= 42e6


def s4ext():
    lines = (ROOT / "MRISuperResolution.s4ext").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def cmake_settings():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return dict(re.findall(r'set\(EXTENSION_(\w+) "([^"]*)"\)', text)) | {
        "PROJECT": re.search(r"project\((\w+)\)", text)[1]
    }


def test_s4ext_json_and_cmake_agree():
    extension, cmake = s4ext(), cmake_settings()
    entry = json.loads((ROOT / "MRISuperResolution.json").read_text(encoding="utf-8"))
    assert cmake["PROJECT"] == "MRISuperResolution"
    pairs = ["homepage", "category", "contributors", "description", "iconurl", "screenshoturls", "depends"]
    assert {key: extension[key] for key in pairs} == {key: cmake[key.upper()] for key in pairs}
    assert entry["category"] == cmake["CATEGORY"] == "Filtering"
    assert entry["build_dependencies"] == [cmake["DEPENDS"]] == ["PyTorch"]
    assert (entry["scm_url"], entry["scm_revision"]) == (extension["scmurl"], extension["scmrevision"])
    assert (entry["build_subdirectory"], "git") == (extension["build_subdirectory"], extension["scm"])


def test_the_cmake_floor_serves_slicer_5_10_and_5_12():
    low, high = re.search(
        r"VERSION ([\d.]+?)\.\.\.([\d.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    ).groups()
    assert tuple(map(int, low.split("."))) <= (3, 20, 6)
    assert tuple(map(int, high.split("."))) >= (3, 28, 0)


def test_the_icon_and_the_screenshot_exist_where_the_urls_point():
    for key in ("iconurl", "screenshoturls"):
        assert (ROOT / s4ext()[key].split("/main/")[1]).is_file()


def test_the_engine_knows_neither_slicer_nor_qt_nor_vtk():
    code = (
        "import sys, importlib, pkgutil\n"
        "for name in ('slicer', 'qt', 'ctk', 'vtk', 'PySide6', 'MRISuperResolutionLib'): sys.modules[name] = None\n"
        "import mrisr\n"
        "for m in pkgutil.walk_packages(mrisr.__path__, 'mrisr.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "print('imported')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "imported", done.stderr


def test_loading_the_engine_loads_nothing_heavy():
    code = (
        "import sys, mrisr.cli, mrisr.jobs.worker\n"
        "mrisr.cli.parser()\n"
        "print(sorted({'torch', 'monai', 'nibabel', 'SimpleITK'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_those_written_down():
    import mrisr

    listed = (
        "Acquisition CancelToken Cancelled Grid Monitor MrisrError Result Settings Target Volume "
        "enhance evaluate list_models prepare_reference read_volume simulate write_volume"
    )
    assert sorted(mrisr.__all__) == sorted(listed.split())
    assert all(getattr(mrisr, name) is not None for name in mrisr.__all__)


def test_the_documents_show_the_models_as_their_cards_measure_them(capsys):
    from mrisr.cli import main

    assert main(["models", "--markdown"]) == 0
    page = ROOT / "docs" / "how-to" / "choose-a-model.md"
    assert capsys.readouterr().out.strip() in page.read_text(encoding="utf-8")


def functions():
    for path in [
        *ENGINE.rglob("*.py"),
        *(MODULE / "MRISuperResolutionLib").rglob("*.py"),
        MODULE / "MRISuperResolution.py",
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{path.relative_to(MODULE)}:{node.name}", node.end_lineno - node.lineno + 1


def test_functions_and_files_stay_short():
    assert [name for name, length in functions() if length > 60] == []
    files = [
        *ENGINE.rglob("*.py"),
        *(MODULE / "MRISuperResolutionLib").rglob("*.py"),
        MODULE / "MRISuperResolution.py",
    ]
    assert [str(p) for p in files if len(p.read_text(encoding="utf-8").splitlines()) > 300] == []


def public(tree):
    """The module itself, its public functions and classes, and the public methods of these."""
    yield tree
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    each
                    for each in node.body
                    if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
                )


def test_everything_public_of_the_engine_is_described():
    bare = [
        f"{path.relative_to(MODULE)}:{getattr(node, 'name', '')}"
        for path in ENGINE.rglob("*.py")
        for node in public(ast.parse(path.read_text(encoding="utf-8")))
        if not ast.get_docstring(node)
    ]
    assert bare == []


def test_the_dependencies_have_a_floor_and_torch_its_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert all(">=" in dependency for dependency in project["dependencies"])
    assert "torch==2.13.0" in (ROOT / "Testing" / "constraints.txt").read_text(encoding="utf-8")


def test_the_wheel_carries_the_models(tmp_path):
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    names = set(zipfile.ZipFile(wheel).namelist())
    cards = {
        f"mrisr/Models/{p.parent.name}/card.json"
        for p in (MODULE / "Resources" / "Models").glob("*/card.json")
    }
    weights = {
        f"mrisr/Models/{p.parent.name}/{p.name}"
        for p in (MODULE / "Resources" / "Models").glob("*/weights.safetensors")
    }
    assert cards | weights <= names
    assert "mrisr/Models/models.schema.json" in names
    assert {"mrisr/cli.py", "mrisr/py.typed"} <= names


FAKE_PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  *) echo "$*" >> "$LOG" ;;
esac
"""


def test_the_demonstration_installs_its_own_extra_and_the_tests_what_is_missing(tmp_path):
    """`make` with a Python that writes down what it is asked for."""
    (tmp_path / "Testing").mkdir()
    for name in ("Makefile", "pyproject.toml", "Testing/constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    python, log = tmp_path / "python", tmp_path / "log"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)

    def installed(target):
        log.write_text("")
        command = ["make", "--silent", target, f"PYTHON={python}"]
        subprocess.run(command, cwd=tmp_path, env=os.environ | {"LOG": str(log)}, check=True)
        lines = log.read_text().splitlines()
        assert all("--constraint Testing/constraints.txt" in line for line in lines if "pip install" in line)
        return [line.rpartition(" ")[2] for line in lines if "pip install" in line]

    def change(name):
        later = (tmp_path / ".venv" / ".installed-demo").stat().st_mtime + 10
        os.utime(tmp_path / name, (later, later))

    assert [installed(target) for target in ("demo", "demo", "test", "test", "demo")] == [
        [".[demo]"], [], [".[test]"], [], [],
    ]  # fmt: skip
    change("pyproject.toml")
    assert installed("test") == [".[test]"]


def names_of(extra, extras):
    """The packages of an extra, those of the extras that it takes in among them."""
    found = set()
    for requirement in extras[extra]:
        inner = re.fullmatch(r"mrisr\[(.*)\]", requirement)
        found |= (
            set().union(*(names_of(name, extras) for name in inner[1].split(",")))
            if inner
            else {re.match(r"[\w-]+", requirement)[0].lower()}
        )
    return found


def test_the_demonstration_needs_less_than_the_tests():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    demo, test = names_of("demo", extras), names_of("test", extras)
    assert demo < test
    assert {"numba", "mpich", "tensorboard", "monai", "accelerate"} <= test - demo
