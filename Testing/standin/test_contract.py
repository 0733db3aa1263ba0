"""What the module takes from Slicer stands in contract.toml, read from its sources; nothing enters unread, and no row outlives its use."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

from slicerhost import usage

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "MRISuperResolution"
CONTRACT = tomllib.loads((ROOT / "Testing" / "slicerhost" / "contract.toml").read_text(encoding="utf-8"))
ROWS = {row["name"]: {**row, "from": read["from"], "file": read["file"]} for read in CONTRACT["read"] for row in read["names"]}
VERSIONS = ("5.10", "5.12")
KINDS = {"attribute", "class", "constant", "event", "function", "method", "property", "signal"}


def testEveryNameThatTheModuleTakesHasARowAndEveryRowAUse():
    unread, unused = usage.difference(usage.names(MODULE), ROWS)
    assert (unread, unused) == ([], []), f"look up and add to contract.toml: {unread}; take out of it: {unused}"


def testEveryRowSaysWhereItWasReadAndNoNameStandsTwice():
    assert len(ROWS) == sum(len(read["names"]) for read in CONTRACT["read"])
    for name, row in ROWS.items():
        assert row["kind"] in KINDS, name
        assert row["from"] in CONTRACT["versions"], name
        lines = [row.get(version) for version in VERSIONS]
        assert any(lines), name
        assert all(isinstance(line, int) and line > 0 for line in lines if line is not None), name
    assert all(set(tags) == set(VERSIONS) for tags in CONTRACT["versions"].values())


def testWhatOneVersionLacksIsUsedOnlyBehindAGuard():
    partial = [name for name, row in ROWS.items() if not all(version in row for version in VERSIONS)]
    assert "slicer.packaging.pip_ensure" in partial, "Slicer 5.10 has no such module"
    guarded = set().union(*(guardedNames(path.read_text(encoding="utf-8")) for path in usage.codeFiles(MODULE)))
    for name in partial:
        ways = {name, name.rpartition(".")[0], name.rpartition(".")[2]}
        assert ways & guarded, f"{name} is missing in a version and not guarded"


def guardedNames(text: str) -> set[str]:
    """What is imported inside a ``try`` that expects its absence, and the attributes that ``hasattr`` and ``getattr`` ask for."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Try) and "Import" in "".join(ast.unparse(handler.type) for handler in node.handlers if handler.type):
            found |= usage.namesInCode("\n".join(map(ast.unparse, node.body)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("hasattr", "getattr") and isinstance(node.args[1], ast.Constant):
            found.add(node.args[1].value)
    return found


BROUGHT = ("PyTorchUtils", "slicer.dicomDatabase")
"""What not every Slicer has: the tests that need it bring their own."""


@pytest.mark.parametrize("name", sorted(name for name in ROWS if not name.startswith(BROUGHT)))
def testTheStandInHasTheName(host, name):
    missing = absentIn(owner(name), name.split(".")[1:])
    assert missing == "", f"{name}: the stand-in lacks {missing}"


def owner(name: str):
    """What the first word of a name stands for: a module, or the class of a widget."""
    import PySide6.QtWidgets

    from slicerhost.uiloader import CUSTOM_WIDGETS

    first = name.partition(".")[0]
    if first in usage.ROOTS:
        return importlib.import_module(first)
    return CUSTOM_WIDGETS.get(first) or getattr(PySide6.QtWidgets, first)


def absentIn(holder, words: list[str]) -> str:
    """The first word that an object lacks. What a function or a property gives is not known here; what a class makes, its class tells."""
    for word in words:
        plain = word.removesuffix("()")
        try:
            holder = getattr(holder, plain)
        except AttributeError:
            try:
                holder = importlib.import_module(f"{holder.__name__}.{plain}")
            except (AttributeError, ImportError):
                return plain
        if (word != plain and not isinstance(holder, type)) or isinstance(holder, property):
            return ""
    return ""


@pytest.mark.parametrize(("code", "expected"), [
    ("import slicer\nslicer.util.loadUI('x').setMRMLScene(1)", {"slicer.util.loadUI().setMRMLScene"}),
    ("from slicer.util import VTKObservationMixin as Mixin\nclass A(Mixin): ...", {"slicer.util.VTKObservationMixin"}),
    ("import slicer\nLAYOUT = slicer.vtkMRMLLayoutNode\nLAYOUT.Wide", {"slicer.vtkMRMLLayoutNode.Wide"}),
    ("import qt\nclass A:\n  def __init__(self):\n    self._t = qt.QTimer()\n  def b(self):\n    self._t.start(1)", {"qt.QTimer().start"}),
    ("class A:\n  def b(self):\n    self._ui.button.enabled = False\n    self._ui.button.clicked.connect(self.b)",
     {"QPushButton.enabled", "QPushButton.clicked"}),
    ("import slicer\nx = getattr(slicer, 'dicomDatabase', None)", {"slicer.dicomDatabase"}),
    ("import slicer\ndef f():\n  n = slicer.mrmlScene.AddNewNodeByClass('vtkMRMLTableNode')\n  n.GetTable()\ndef g(n):\n  n.Other()",
     {"slicer.mrmlScene.AddNewNodeByClass", "slicer.vtkMRMLTableNode().GetTable"}),
    ("for b in (ui.button, ui.second):\n  b.toggled.connect(1)", {"QPushButton.toggled"}),
    ("import numpy\nnumpy.zeros(3).mean()\nfrom .Plan import duration", set()),
])
def testTheReaderOfUsesSeesWhatTheCodeTakes(code, expected):
    assert usage.namesInCode(code, {"button": "QPushButton", "second": "QPushButton"}) == expected
