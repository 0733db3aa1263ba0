"""The stand-in is no kinder than Slicer: each rule that a module has once broken unnoticed is held here."""

import importlib
import logging
import sys
import traceback
from enum import Enum
from typing import Annotated, Union

import numpy as np
import pytest

from slicerhost.fixtures import NOT_SHIPPED, heard


def declared(**members):
    """A wrapped class with these members, on a parameter node of its own."""
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    cls = parameterNodeWrapper(type("Declared", (), {"__annotations__": members}))
    return cls(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))


def nodeBox(*nodeTypes: str, noneEnabled: bool = True):
    """A node selector on the scene, as a .ui file makes it."""
    import slicer

    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = list(nodeTypes)
    box.noneEnabled = noneEnabled
    box.noneDisplay = "Choose a volume"
    box.setMRMLScene(slicer.mrmlScene)
    return box


def volume(name: str):
    import slicer

    return slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name=name)


def testASelectorOfAnAbstractClassCannotBeConnected(scene):
    """D1: the type is instantiated to learn its name."""
    import slicer

    parameters = declared(region=slicer.vtkMRMLNode)
    with pytest.raises(TypeError, match="abstract"):
        parameters.connectParametersToGui({"region": nodeBox("vtkMRMLNode")})


def testASelectorOfAUnionOffersItsTypesWhateverTheFormSays(scene):
    import slicer

    parameters = declared(region=Union[slicer.vtkMRMLMarkupsROINode, slicer.vtkMRMLSegmentationNode, None])  # noqa: UP007 - Slicer knows this form
    box = nodeBox("vtkMRMLScalarVolumeNode")
    parameters.connectParametersToGui({"region": box})
    assert list(box.nodeTypes) == ["vtkMRMLMarkupsROINode", "vtkMRMLSegmentationNode"]
    assert box.addNode().IsA("vtkMRMLMarkupsROINode"), "Create new makes the first"
    assert parameters.region is box.currentNode()
    with pytest.raises(TypeError):
        parameters.region = volume("No region")


def testOtherWordsForNoneMoveTheSelectionToTheFirstNode(scene):
    """D2."""
    first, _second = volume("First"), volume("Second")
    box = nodeBox("vtkMRMLScalarVolumeNode")
    told = []
    box.currentNodeChanged.connect(told.append)
    assert box.currentNode() is None
    box.noneDisplay = "Choose a volume"
    assert told == [], "the same words change nothing"
    box.noneDisplay = "New volume: First SR cubic"
    assert box.currentNode() is first
    assert told == [first]


def testOtherWordsForNoneLeaveAChosenNodeAlone(scene):
    _first, second = volume("First"), volume("Second")
    box = nodeBox("vtkMRMLScalarVolumeNode")
    box.setCurrentNode(second)
    box.noneDisplay = "Other words"
    assert box.currentNode() is second


@pytest.mark.parametrize("name", ["skimage.metrics", *NOT_SHIPPED[:3], *NOT_SHIPPED[4:]])
def testABareSlicerLacksWhatItDoesNotShip(host, bareSlicer, name):
    """D3."""
    with pytest.raises(ModuleNotFoundError, match=name.partition(".")[0]):
        importlib.import_module(name)


@pytest.mark.parametrize("name", ["numpy", "scipy.ndimage", "SimpleITK", "pydicom", "PIL.Image", "requests"])
def testABareSlicerHasWhatItShips(host, bareSlicer, name):
    assert importlib.import_module(name) is not None


@pytest.fixture
def older(host):
    """Slicer 5.10."""
    host.become("5.10")
    yield
    host.become("5.12")


def testACategoryOfSamplesNeedsItsTitle(host):
    """D5, Slicer 5.12."""
    from SampleData import SampleDataLogic

    with pytest.raises(TypeError, match="title"):
        SampleDataLogic.registerCustomSampleDataCategory("Mine")
    SampleDataLogic.registerCustomSampleDataCategory("Mine", "My samples")
    assert SampleDataLogic.categories.pop("Mine") == "My samples"


def testSlicer510KnowsNeitherCategoriesNorPackaging(older):
    import SampleData
    import slicer

    assert not hasattr(SampleData.SampleDataLogic, "registerCustomSampleDataCategory")
    assert not hasattr(slicer, "packaging")
    with pytest.raises(ImportError):
        importlib.import_module("slicer.packaging")
    assert (slicer.app.majorVersion, slicer.app.minorVersion) == (5, 10)


def testSamplesAreRegisteredInBothVersions(host, older):
    import SampleData

    for version in ("5.10", "5.12"):
        host.become(version)
        logic = sys.modules["SampleData"].SampleDataLogic
        logic.sources.clear()
        logic.categories.clear()
        host.module.instance.registerSampleData()
        assert set(logic.sources) == {"SyntheticHeadThickSlices", "MRHeadThickSlices"}
        assert logic.categories == (
            {} if version == "5.10" else {"MRI Super-Resolution": "MRI Super-Resolution"}
        )
    assert SampleData is not None


def testAnErrorWhileSlicerStartsIsPrintedAndFailsATest(host, monkeypatch):
    """PythonQt prints what goes wrong in a slot and goes on."""
    import slicer

    shown = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: shown.append(kind))

    def broken() -> None:
        raise KeyError("title")

    slicer.app.connect("startupCompleted()", broken)
    slicer.app.emit("startupCompleted()")
    slicer.app.disconnect("startupCompleted()", broken)
    assert shown == [KeyError]


def testThereIsNoDicomDatabaseUntilItsModuleHasStarted(host):
    """D8."""
    import slicer

    assert not hasattr(slicer, "dicomDatabase")


def testPipInstallsNothingInTestingModeAndADeclinedQuestionIsAnError(host, monkeypatch):
    """D8."""
    import slicer
    from slicer.packaging import pip_ensure

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *_arguments, **_keywords: False)
    assert pip_ensure(["no-such-package>=1"]) is None
    monkeypatch.setattr(slicer.app, "testing", False)
    with pytest.raises(RuntimeError, match="User declined"):
        pip_ensure(["no-such-package>=1"])
    assert pip_ensure(["numpy>=1"]) is None


def testASlicerWithoutItsWindowHasNoLayoutManager(host, monkeypatch):
    """D8."""
    import slicer

    assert slicer.app.layoutManager() is not None
    monkeypatch.setattr(slicer.app, "hasMainWindow", False)
    assert slicer.app.layoutManager() is None


def testAPathIsToldOnlyIfTheFieldAcceptsIt(host):
    """D8."""
    import ctk

    field, told, valid = ctk.ctkPathLineEdit(), [], []
    field.nameFilters = ["Web page (*.html)"]
    field.currentPathChanged.connect(told.append)
    field.validInputChanged.connect(valid.append)
    for text in ("report", "report.html", "report.htm", ""):
        field.currentPath = text
    assert (told, valid) == (["report.html"], [True, False])
    assert field.currentPath == ""
    folder = ctk.ctkPathLineEdit()
    folder.currentPathChanged.connect(told.append)
    folder.currentPath = "anything"
    folder.currentPath = ""
    assert told[1:] == ["anything"], "without filters everything is accepted, but nothing"


@pytest.mark.parametrize("way", ["logged", "printed"])
def testTheConsoleHearsOfTracebacks(host, capfd, caplog, way):
    try:
        raise KeyError("title")
    except KeyError:
        logging.exception("It went wrong") if way == "logged" else traceback.print_exc()
    assert "Traceback" in heard(capfd, caplog)


def testWidgetsAndTypesThatDoNotGoTogetherAreRefused(scene):
    import qt

    class Color(Enum):
        Red = 1

    from slicer.parameterNodeWrapper import WithinRange

    pairs = {
        "size": (Annotated[float, WithinRange(0, 1)], qt.QSpinBox()),
        "color": (Color, qt.QLineEdit()),
        "name": (str, qt.QComboBox()),
    }
    for name, (annotation, widget) in pairs.items():
        with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
            declared(**{name: annotation}).connectParametersToGui({name: widget})
