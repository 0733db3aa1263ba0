"""The stand-in is no kinder than Slicer: each rule that a module has once broken unnoticed is held here."""

import importlib
import logging
import sys
import traceback
from typing import Union

import numpy as np
import pytest

from slicerhost import sampledata
from slicerhost.fixtures import Console


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
    assert told == [first, first], "once as the row goes, once as it comes"


def testOtherWordsForNoneLeaveAChosenNodeAlone(scene):
    _first, second = volume("First"), volume("Second")
    box = nodeBox("vtkMRMLScalarVolumeNode")
    box.setCurrentNode(second)
    box.noneDisplay = "Other words"
    assert box.currentNode() is second


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
        assert logic.categories == ({} if version == "5.10" else {"MRI Super-Resolution": "MRI Super-Resolution"})
    assert SampleData is not None


def testASampleWithItsOwnDownloaderIsMadeByItsButtonAlone(host, monkeypatch, caplog):
    """SampleData.py: ``downloadSample`` goes to the addresses."""
    from SampleData import SampleDataLogic

    monkeypatch.setattr(SampleDataLogic, "sources", {})
    SampleDataLogic.registerCustomSampleDataSource(
        category="Mine", sampleName="Head", uris="", fileNames="head.nrrd", customDownloader=lambda source: source.sampleName)
    assert sampledata.click("Head") == "Head"
    with pytest.raises(IndexError):
        SampleDataLogic().downloadSample("Head")
    assert "failed" in caplog.text


@pytest.mark.parametrize("lists", [{}, {"uris": ["a", "b"], "fileNames": ["a"]}, {"uris": ["a"]}, {"uris": ["a"], "fileNames": "ab"}])
def testASampleNeedsAnAddressAndAFileNameForEach(host, lists):
    from SampleData import SampleDataLogic

    with pytest.raises((TypeError, ValueError)):
        SampleDataLogic.registerCustomSampleDataSource(category="Mine", sampleName="Head", **lists)


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


@pytest.mark.parametrize(("requirements", "met"), [
    ("numpy>=1 scipy", True), ("numpy>=99", False), (["numpy", "no-such-package"], False), ('no-such-package; python_version < "3"', True)])
def testPipChecksTextsAndLists(host, requirements, met):
    from slicer.packaging import pip_check

    assert pip_check(requirements) is met


def testPipTakesNoTuple(host):
    from slicer.packaging import pip_ensure

    with pytest.raises(TypeError, match="Expected str, Requirement, or list"):
        pip_ensure(("numpy",))


def testImportingDicomWithoutADatabaseIsPrintedAndFalse(host, tmp_path, capfd):
    from DICOMLib import DICOMUtils

    assert DICOMUtils.importDicom(str(tmp_path)) is False
    assert "dicomDatabase" in capfd.readouterr().err


def testAFolderWithoutDicomFilesImportsWell(host, tmp_path):
    from DICOMLib import DICOMUtils

    from slicerhost.dicom import DicomDatabase

    assert DICOMUtils.importDicom(str(tmp_path), DicomDatabase()) is True


def testASlicerWithoutItsWindowHasNoLayoutManager(host, monkeypatch):
    """D8."""
    import slicer

    assert slicer.app.layoutManager() is not None
    monkeypatch.setattr(slicer.app, "hasMainWindow", False)
    assert slicer.app.layoutManager() is None


@pytest.mark.parametrize("way", ["logged", "printed"])
def testTheConsoleHearsOfTracebacks(host, capfd, caplog, way):
    console = Console(capfd, caplog)
    try:
        raise KeyError("title")
    except KeyError:
        logging.exception("It went wrong") if way == "logged" else traceback.print_exc()
    assert "Traceback" in console.text
    print("more", file=sys.stderr)
    assert "Traceback" in console.text, "what was read stays to be read"
    assert "more" in console.text
