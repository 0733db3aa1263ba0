"""Compare with a reference, with clicks, a real worker and real nodes."""

import re

import numpy as np
import pytest

from gui.examine_scene import DEGREES, SHIFT, examined
from gui.test_examine_trial import column, tables


@pytest.fixture
def made(panel):
    nodes = examined()
    panel.choose(nodes.scan)
    for name in ("examineSection", "referenceSection"):
        getattr(panel.ui, name).collapsed = False
    panel.ui.examinedResultSelector.setCurrentNode(nodes.result)
    panel.ui.referenceSelector.setCurrentNode(nodes.reference)
    panel.events()
    return nodes


def compare(panel) -> None:
    panel.click("referenceButton")
    assert panel.core.running
    panel.finish()
    assert panel.ui.examineStatusLabel.text.startswith("Done in"), panel.ui.examineStatusLabel.text


def arrays(*nodes) -> list:
    import slicer

    return [slicer.util.arrayFromVolume(node).astype(float) for node in nodes]


def testResultBringsItsScanAlong(panel, made):
    assert panel.parameters.examinedScan is made.scan


def testComparisonGivesTableErrorMapAndRegisteredReference(panel, made):
    from PySide6.QtCore import Qt

    compare(panel)
    (table,) = tables()
    assert column(table, "model") == [
        "The result",
        "Interpolation – linear",
        "Interpolation – cubic",
        "Interpolation – Lanczos",
    ]
    assert "best" in column(table, "mark")
    assert panel.ui.referenceTable.mrmlTableNode() is table
    model = panel.ui.referenceTable.model()
    headings = [model.headerData(number, Qt.Orientation.Horizontal) for number in range(model.columnCount())]
    assert headings == [
        "Model",
        "Mark",
        "Nearness, head (dB)",
        "Likeness, head",
        "Nearness (dB)",
        "Likeness",
        "Error",
    ]
    sentence = panel.ui.referenceResultLabel.text
    turned, shifted = map(
        float, re.search(r"turned by ([\d.]+)° and moved by ([\d.]+) mm", sentence).groups()
    )
    assert turned == pytest.approx(np.linalg.norm(DEGREES), abs=0.7)
    assert shifted == pytest.approx(np.linalg.norm(SHIFT), abs=0.7)
    error, aligned = (
        made.result.GetNodeReference(f"MRISuperResolution{role}") for role in ("Error", "Aligned")
    )
    assert (
        error.GetImageData().GetDimensions()
        == aligned.GetImageData().GetDimensions()
        == made.result.GetImageData().GetDimensions()
    )
    found, truth, result = arrays(error, aligned, made.result)
    inner = tuple(slice(12, -12) for _ in range(3))
    assert np.corrcoef(truth[inner].ravel(), result[inner].ravel())[0, 1] > 0.7
    # The error is result minus reference in the reference's units: adding the reference gives something linear in the result.
    assert np.corrcoef((found + truth)[inner].ravel(), result[inner].ravel())[0, 1] > 0.999
    assert panel.temporaryFiles == []


def testErrorMapIsLaidOverTheSlicesAndTakenAway(panel, made):
    import slicer

    assert not panel.ui.errorOverlayCheckBox.enabled
    compare(panel)
    panel.click("errorOverlayCheckBox")
    error = made.result.GetNodeReference("MRISuperResolutionError")
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {node.GetForegroundVolumeID() for node in composites} == {error.GetID()}
    assert error.GetDisplayNode().GetLevel() == 0
    assert "darker" in panel.ui.errorLegendLabel.text
    panel.click("errorOverlayCheckBox")
    assert {node.GetForegroundVolumeID() for node in composites} == {None}
    assert not panel.ui.errorLegendLabel.isVisibleTo(panel.parent)


def testSecondComparisonReplacesTheMapsOfTheFirst(panel, made, scene):
    compare(panel)
    before = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    compare(panel)
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before


@pytest.mark.parametrize("name", ["scan", "result"])
def testReferenceMustBeAnotherVolume(panel, made, name):
    panel.ui.referenceSelector.setCurrentNode(getattr(made, name))
    panel.events()
    assert not panel.ui.referenceButton.enabled
    assert "another scan" in panel.ui.referenceButton.toolTip


def testRemovedErrorMapCanNoLongerBeShown(panel, made, scene):
    compare(panel)
    scene.RemoveNode(made.result.GetNodeReference("MRISuperResolutionError"))
    panel.parameters.detail = 40
    panel.events()
    assert not panel.ui.errorOverlayCheckBox.enabled


def testSceneClosedInTheMiddle(panel, made, scene):
    panel.click("referenceButton")
    panel.waitUntil(lambda: panel.ui.examineStatusLabel.text not in ("", "Starting…"), "the registration")
    scene.Clear(0)
    panel.events()
    assert not panel.core.running
    assert tables() == []
    assert panel.temporaryFiles == []
    assert not panel.ui.referenceButton.enabled


@pytest.mark.parametrize("name", ["scan", "result", "reference"])
def testVolumeRemovedWhileItIsComparedDoesNoHarm(panel, made, scene, name):
    panel.click("referenceButton")
    panel.waitUntil(lambda: panel.ui.examineStatusLabel.text not in ("", "Starting…"), "the registration")
    scene.RemoveNode(getattr(made, name))
    panel.finish()
    assert panel.temporaryFiles == []
    assert panel.ui.referenceButton.enabled == (name == "scan")
