"""The contract: what the module takes from Slicer is what stands in contract.toml, read there in the sources of both versions."""

import ast
import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from slicerhost import usage

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "MRISuperResolution"
CONTRACT = tomllib.loads((ROOT / "Testing" / "slicerhost" / "contract.toml").read_text(encoding="utf-8"))
TAGS = CONTRACT.pop("versions")
ROWS = [
    (name, row, f"{source}, {file}")
    for source, files in CONTRACT.items()
    for file, rows in files.items()
    for name, row in rows.items()
]
NAMES = sorted({name for name, _row, _place in ROWS})
VERSIONS = ("5.10", "5.12")
KINDS = ("attribute", "class", "function", "method", "module", "property", "signal")

PARTIAL = [
    name
    for name in NAMES
    if any(all(version not in row for other, row, _place in ROWS if other == name) for version in VERSIONS)
]
"""Names that one of the versions lacks."""

BROUGHT = (
    "PyTorchUtils.PyTorchUtilsLogic",
    "PyTorchUtils.PyTorchUtilsLogic.installTorch",
    "slicer.dicomDatabase",
)
"""What is there only with another extension, or once the DICOM module has started: the tests that need it bring it along."""


def testTheContractHasARowForEveryNameThatTheModuleTakesAndNoOther():
    unread, unused = usage.difference(usage.names(MODULE), NAMES)
    add = [f'  add "{name}", read in the sources' for name in unread]
    remove = [f'  remove "{name}" from {place}' for name, _row, place in ROWS if name in unused]
    assert not add + remove, "\n".join(["contract.toml is not up to date:", *add, *remove])


def testARowSaysWhatTheNameIsAndWhereAVersionDeclaresIt():
    wrong = [f"{name} ({place})" for name, row, place in ROWS if not isComplete(name, row, place)]
    assert not wrong, "\n".join(["rows with a wrong or missing entry:", *wrong])
    assert len({(name, place, row.get("of")) for name, row, place in ROWS}) == len(ROWS)


def isComplete(name, row, place):
    lines = {key: value for key, value in row.items() if key not in ("kind", "of")}
    return (
        row["kind"] in KINDS
        and ("of" in row) == name.startswith("*.")
        and len(lines) > 0
        and set(lines) <= set(VERSIONS)
        and all(isinstance(line, int) and line > 0 for line in lines.values())
        and set(TAGS[place.partition(", ")[0]]) == set(VERSIONS)
    )


def testANameThatOneVersionLacksIsUsedBehindAQuestion():
    texts = {path.name: path.read_text(encoding="utf-8") for path in usage.codeFiles(MODULE)}
    bare = [
        f"{file}:{line} uses {name}"
        for name in PARTIAL
        if not isCovered(name)
        for file, text in texts.items()
        for line in unguarded(text, name)
    ]
    assert not bare, "\n".join(["one of the versions lacks it; ask by hasattr, getattr or try:", *bare])


def isCovered(name):
    """What lies in something that is missing itself can only be reached behind the question for that."""
    return any(name.startswith((f"{other}.", f"{other}()")) for other in PARTIAL)


def unguarded(text, name):
    """The lines where the last part of a name is used without a thought for Slicers that lack it.

    A thought is a ``try`` that catches the error, an ``if`` that asks by ``hasattr``, or ``getattr`` with something else to give.
    """
    last = name.rpartition(".")[2]
    return sorted(bareUses(ast.parse(text), last, safe=False))


def bareUses(node, name, safe):
    named = (
        (isinstance(node, ast.Attribute) and node.attr == name)
        or (
            isinstance(node, ast.ImportFrom | ast.Import)
            and any(alias.name.rpartition(".")[2] == name for alias in node.names)
        )
        or (isCallOf(node, "getattr") and len(node.args) == 2 and textOf(node.args[1]) == name)
    )
    if named and not safe:
        yield node.lineno
    for field, value in ast.iter_fields(node):
        inner = safe or (field == "body" and (catches(node) or asksFor(node, name)))
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from bareUses(child, name, inner)


def catches(node):
    errors = ("ImportError", "ModuleNotFoundError", "AttributeError")
    return isinstance(node, ast.Try) and any(
        isinstance(part, ast.Name) and part.id in errors
        for handler in node.handlers
        if handler.type
        for part in ast.walk(handler.type)
    )


def asksFor(node, name):
    return isinstance(node, ast.If | ast.IfExp) and any(
        isCallOf(part, "hasattr") and textOf(part.args[1]) == name for part in ast.walk(node.test)
    )


def isCallOf(node, function):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function


def textOf(node):
    return node.value if isinstance(node, ast.Constant) else None


def testTheStandInHasWhatBothVersionsHave(panel):
    names = [name for name in NAMES if name not in (*PARTIAL, *BROUGHT)]
    objects = made(panel)
    lacking = [
        name
        for name in names
        if not all(has(owner, name.rpartition(".")[2]) for owner in ownersOf(name, objects))
    ]
    assert not lacking, "\n".join(["the stand-in lacks:", *lacking])


def ownersOf(name, objects):
    """What is asked for the last part of a name; None where it is not to be had. A name without an owner is that of a widget's class."""
    before = name.rpartition(".")[0]
    if before == "*":
        return [vtkClass(row["of"]) for other, row, _place in ROWS if other == name]
    if not before:
        return [widgetsAndModules()]
    if before in objects:
        return [objects[before]]
    found = widgetsAndModules()
    for word in before.split("."):
        found = member(found, word)
    return [found]


def vtkClass(name):
    import slicer
    import vtk

    return getattr(slicer, name, None) or getattr(vtk, name, None)


def widgetsAndModules():
    """The classes of widgets and the modules, by their names."""
    from PySide6 import QtWidgets

    from slicerhost.uiloader import CUSTOM_WIDGETS

    modules = {name: importlib.import_module(name) for name in usage.ROOTS if name != "PyTorchUtils"}
    return SimpleNamespace(**vars(QtWidgets), **CUSTOM_WIDGETS, **modules)


def member(owner, name):
    """An attribute or a module inside of a module; None if there is neither."""
    if hasattr(owner, name) or not isinstance(owner, ModuleType):
        return getattr(owner, name, None)
    return (
        importlib.import_module(f"{owner.__name__}.{name}")
        if importlib.util.find_spec(f"{owner.__name__}.{name}")
        else None
    )


def has(owner, name):
    """Whether it has an attribute of that name, or a property of Qt's; ``SlicerParameterName`` can be given to any widget."""
    if hasattr(owner, "staticMetaObject"):
        return (
            name == "SlicerParameterName"
            or hasattr(owner, name)
            or owner.staticMetaObject.indexOfProperty(name) >= 0
        )
    return hasattr(owner, name) or member(owner, name) is not None


def made(panel):
    """What calls give and what objects hold, which no class tells, by the names of usage.py."""
    import slicer
    from PySide6 import QtGui, QtWidgets

    from slicerhost import dicom, qmrmlwidgets

    views, base = slicer.app.layoutManager(), "slicer.ScriptedLoadableModule.ScriptedLoadableModule"
    return {
        "QListWidget.item()": QtWidgets.QListWidgetItem,
        "QTreeWidget.header()": QtWidgets.QHeaderView,
        "QTreeWidget.palette": QtGui.QPalette,
        "QTreeWidget.topLevelItem()": QtWidgets.QTreeWidgetItem,
        "QWidget.layout()": QtWidgets.QLayout,
        f"{base}Widget.layout": QtWidgets.QLayout,
        f"{base}.parent": panel.module,
        base: panel.module.instance,
        f"{base}Widget": panel.parent.widget,
        "slicer.app.layoutManager()": views,
        "slicer.app.layoutManager().sliceWidget()": views.sliceWidget("Red"),
        "slicer.dicomDatabase": dicom.DicomDatabase,
        "slicer.util.loadUI()": qmrmlwidgets.qMRMLWidget,
        "slicer.parameterNodeWrapper.parameterNodeWrapper": panel.parameters,
    }


WIDGETS = {
    "button": "QPushButton",
    "spin0": "QSpinBox",
    "spin1": "QSpinBox",
    "gapSpinBox": "QDoubleSpinBox",
    "path": "ctkPathLineEdit",
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from slicer.util import loadUI", {"slicer.util", "slicer.util.loadUI"}),
        ("import slicer.util as tools\ntools.pip_install('x')", {"slicer.util", "slicer.util.pip_install"}),
        (
            "import slicer\nscene = slicer.mrmlScene\nscene.Clear(0)",
            {"slicer.mrmlScene", "slicer.mrmlScene.Clear"},
        ),
        (
            "import slicer\nslicer.app.layoutManager().setLayout(3)",
            {"slicer.app", "slicer.app.layoutManager", "slicer.app.layoutManager().setLayout"},
        ),
        (
            "import slicer\nwith slicer.util.made() as thing:\n    thing.tell()",
            {"slicer.util", "slicer.util.made", "slicer.util.made().tell"},
        ),
        ("import slicer\nx = getattr(slicer, 'dicomDatabase', None)", {"slicer.dicomDatabase"}),
        (
            "import slicer\nslicer.app.connect('a()', f)\nslicer.i18n.tr('a').format(1).strip()",
            {"slicer.app", "slicer.app.connect", "slicer.i18n", "slicer.i18n.tr"},
        ),
        ("import numpy\nnumpy.zeros(3).mean()\nfrom .Plan import expectedSeconds", set()),
    ],
    ids=["from", "alias", "variable", "chain", "with", "getattr", "text", "foreign"],
)
def testTheScannerFollowsImportsAliasesAndChains(code, expected):
    assert usage.namesInCode({"A": code}) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("self._ui.button.clicked.connect(f)", {"QPushButton.clicked"}),
        ("self._ui.button.enabled = False", {"QPushButton.enabled"}),
        (
            "for name in ('button', 'gapSpinBox'):\n    getattr(self._ui, name).visible = True",
            {"QPushButton.visible", "QDoubleSpinBox.visible"},
        ),
        ("for axis in range(2):\n    getattr(ui, f'spin{axis}').value = 1", {"QSpinBox.value"}),
        (
            "for widget in (ui.button, ui.path):\n    widget.toolTip = ''",
            {"QPushButton.toolTip", "ctkPathLineEdit.toolTip"},
        ),
        ("getattr(ui, unknown()).enabled = True", {"QWidget.enabled"}),
        ("ui.button.text.strip()", {"QPushButton.text"}),
    ],
    ids=["signal", "property", "names", "made-up names", "loop", "unknown", "text"],
)
def testTheScannerNamesWhatIsDoneWithAWidgetAfterItsClass(code, expected):
    found = usage.namesInCode({"A": code}, WIDGETS)
    assert {name for name in found if "." in name} == expected


def testTheScannerFollowsAWidgetAndAnObjectThroughCallsAndFiles():
    bar = "class Bar:\n    def __init__(self, bar):\n        self._bar = bar\n\n    def fill(self):\n        self._bar.value = 1"
    panel = "from .Bar import Bar\nfrom .Layouts import view\n\n\ndef show(ui):\n    Bar(ui.button)\n    view('Red').mrmlSliceNode()"
    views = "import slicer\n\n\ndef view(name):\n    return slicer.app.layoutManager().sliceWidget(name)"
    found = usage.namesInCode({"Bar": bar, "Panel": panel, "Layouts": views}, WIDGETS)
    assert {"QPushButton.value", "slicer.app.layoutManager().sliceWidget().mrmlSliceNode"} <= found


def testTheScannerTakesACapitalizedAttributeForOneOfVtksUnlessItIsTheModulesOrAnothers():
    code = (
        "import sitk\nfrom enum import Enum\n\n\nclass Mode(Enum):\n    Rows = 1\n\n\ndef f(node):\n"
        "    node.GetImageData().GetDimensions()\n    node.SetName('vtkMRMLTableNode')\n    return Mode.Rows, sitk.ReadImage('a')"
    )
    assert usage.namesInCode({"A": code}) == {
        "*.GetImageData",
        "*.GetDimensions",
        "*.SetName",
        "slicer.vtkMRMLTableNode",
    }


def testTheScannerKnowsThatAReplacedStateIsTheModules():
    state = "from dataclasses import dataclass\nfrom typing import Any\n\n\n@dataclass(frozen=True)\nclass State:\n    settings: Any"
    code = (
        "from dataclasses import replace\nfrom .State import State\n\n\ndef f(settings):\n"
        "    state = replace(State(settings), settings=settings)\n    return state.settings.scan.GetImageData()"
    )
    assert usage.namesInCode({"State": state, "A": code}) == {"*.GetImageData"}


def testTheScannerKnowsWhatAClassOfTheModuleHasFromSlicer():
    code = (
        "from slicer.util import VTKObservationMixin\n\n\nclass A(VTKObservationMixin):\n    def own(self):\n        self.own()\n"
        "        self.addObserver(1, 2, self.own)"
    )
    assert usage.namesInCode({"A": code}) == {
        "slicer.util",
        "slicer.util.VTKObservationMixin",
        "slicer.util.VTKObservationMixin.addObserver",
    }


def testTheScannerReadsTheClassesPropertiesAndConnectionsOfAForm():
    form = """<ui><widget class="qMRMLWidget" name="form"><widget class="QLabel" name="label"><property name="text"/></widget>
        <widget class="qMRMLNodeComboBox" name="box"><property name="nodeTypes"><stringlist><string>vtkMRMLTableNode</string></stringlist>
        </property></widget></widget><connections><connection><sender>form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
        <receiver>box</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""
    assert set(usage.namesInForms([form])) == {
        "qMRMLWidget",
        "QLabel",
        "qMRMLNodeComboBox",
        "qMRMLNodeComboBox.nodeTypes",
        "slicer.vtkMRMLTableNode",
        "qMRMLWidget.mrmlSceneChanged",
        "qMRMLNodeComboBox.setMRMLScene",
    }


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("logic.made()", [1]),
        ("if hasattr(logic, 'made'):\n    logic.made()", []),
        ("if hasattr(logic, 'other'):\n    logic.made()", [2]),
        ("if hasattr(logic, 'made'):\n    pass\nelse:\n    logic.made()", [4]),
        ("try:\n    from slicer import made\nexcept ImportError:\n    made = None", []),
        ("try:\n    logic.made()\nexcept ValueError:\n    logic.made()", [2, 4]),
        ("x = getattr(slicer, 'made', None)\ny = getattr(slicer, 'made')", [2]),
    ],
    ids=["bare", "hasattr", "another name", "else", "import", "another error", "getattr"],
)
def testAUseIsGuardedByTheQuestionForItsNameAlone(code, lines):
    assert unguarded(code, "slicer.made") == lines


def testTheDifferenceListsTheNamesWithoutARowAndTheRowsWithoutAUse():
    assert usage.difference({"a", "new"}, {"a", "old"}) == (["new"], ["old"])
