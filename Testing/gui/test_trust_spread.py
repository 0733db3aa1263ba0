"""The spread map: samples, threshold, and the warning inside what the user marks."""

import numpy as np
import pytest

from gui.scans import head

SHAPE = (40, 44, 14)


@pytest.fixture
def sampled(panel):
    """A result with its maps; the spread is then set by hand: high in a box."""
    import slicer

    from MRISuperResolutionLib.Scene.Maps import Trust

    panel.choose(head(shape=SHAPE))
    panel.ui.samplesSpinBox.value = 2
    panel.parameters.trustResult = panel.core.process(
        panel.parameters.inputVolume, isotropic=True, samples=2, residual=True
    )
    panel.ui.trustSection.collapsed = False
    trust = Trust.of(panel.parameters.trustResult)
    array = slicer.util.arrayFromVolume(trust.spread)
    array[...] = 0.005 * trust.brightness
    array[HIGH] = 0.05 * trust.brightness
    slicer.util.arrayFromVolumeModified(trust.spread)
    panel.parent.widget.panel._update()
    return panel


HIGH = (slice(15, 25), slice(10, 20), slice(10, 20))
"""k, j, i of the box with a high spread: 10 voxels of 2 mm on a side, of 42 × 44 × 40."""


def centerOf(box) -> np.ndarray:
    """RAS of the middle of a box given by k, j, i slices."""
    spacing, shape = np.array([2.0, 2.0, 2.0]), np.array([40, 44, 42])
    middle = np.array([(part.start + part.stop - 1) / 2 for part in reversed(box)])
    return (middle - (shape - 1) / 2) * spacing


def spread(panel):
    return panel.parameters.trustResult.GetNodeReference("MRISuperResolutionSpread")


def warning(panel) -> str:
    timer = panel.parent.widget.panel._trust._spread._timer
    panel.waitUntil(lambda: not timer.active, "the region to be looked at")
    return panel.ui.spreadWarningLabel.text


def roi(panel, center, size=(12.0, 12.0, 12.0)):
    node = panel.ui.spreadRegionSelector.addNode()
    node.SetCenterWorld(center)
    node.SetSizeWorld(size)
    return node


def testOneSampleGivesNoMapAndSaysHowToGetOne(panel):
    panel.choose(head(shape=SHAPE))
    assert panel.ui.samplesSpinBox.text == "None, no spread map"
    panel.click("applyButton")
    panel.finish()
    panel.ui.trustSection.collapsed = False
    assert spread(panel) is None
    assert "set Repeats" in panel.ui.spreadInfoLabel.text
    for name in ("spreadButton", "spreadThresholdSlider", "spreadRegionSelector", "spreadSegmentComboBox"):
        assert not getattr(panel.ui, name).isVisibleTo(panel.parent), name


def testAModelThatTreatsAllDirectionsAlikeIsSaidToHaveNoSpread(panel):
    panel.choose(head(shape=SHAPE))
    panel.ui.samplesSpinBox.value = 2
    panel.click("applyButton")
    panel.finish()
    assert spread(panel).GetName() == "T1w spread cubic"
    assert "says nothing" in panel.ui.spreadInfoLabel.text
    assert panel.core.provenance(panel.parameters.trustResult)["samples"] == 2


def testANetworksSpreadLiesOnTheResult(panel):
    from MRISuperResolutionLib.Scene import VolumeBridge

    panel.choose(head(shape=(16, 16, 6)), "edsr3d-thick")
    panel.ui.samplesSpinBox.value = 2
    panel.ui.deviceComboBox.currentText = "Processor (CPU)"
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    found, result = (
        VolumeBridge.volumeFromNode(node) for node in (spread(panel), panel.parameters.trustResult)
    )
    np.testing.assert_allclose(found.affine, result.affine, atol=1e-5)
    assert found.shape == result.shape == (16, 16, 18)
    assert 0.001 < found.array.max() / result.array.max() < 0.5
    assert "How far the repeats differ in the head" in panel.ui.spreadInfoLabel.text


def testTheMapIsSeenAboveTheThresholdOnly(sampled):
    import slicer

    from MRISuperResolutionLib.Scene.Maps import Trust

    brightness = Trust.of(sampled.parameters.trustResult).brightness
    sampled.click("spreadButton")
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {view.GetForegroundVolumeID() for view in views} == {spread(sampled).GetID()}
    display = spread(sampled).GetDisplayNode()
    assert display.GetApplyThreshold()
    assert display.GetLowerThreshold() == pytest.approx(0.02 * brightness, rel=1e-3)
    assert (
        f"2.0 % of the brightness are {0.02 * brightness:.3g} in the scan's units"
        in sampled.ui.spreadLegendLabel.text
    )
    sampled.ui.spreadThresholdSlider.value = 6
    assert display.GetLowerThreshold() == pytest.approx(0.06 * brightness, rel=1e-3)
    assert "differ by more in 0.0 % of the head" in sampled.ui.spreadLegendLabel.text
    sampled.click("residualButton")
    assert not sampled.ui.spreadButton.checked, "one map at a time"
    sampled.click("residualButton")
    assert {view.GetForegroundVolumeID() for view in views} == {None}


def testARegionWithAHighSpreadIsWarnedAbout(sampled):
    node = roi(sampled, centerOf(HIGH))
    assert warning(sampled).startswith(
        "⚠ The model is not sure of what it shows here (the spread is high): in 100 % of"
    )
    assert sampled.ui.spreadWarningLabel.isVisibleTo(sampled.parent)
    sampled.shot("42-spread-warning")
    node.SetCenterWorld(centerOf(HIGH) + np.array((0, 30, 0)))
    assert "not high here: in 0 %" in warning(sampled)
    node.SetCenterWorld((500, 0, 0))
    assert "outside" in warning(sampled)
    sampled.ui.spreadRegionSelector.setCurrentNode(None)
    warning(sampled)
    assert not sampled.ui.spreadWarningLabel.isVisibleTo(sampled.parent)


def testTheThresholdIsTheOneThatTheSliderShows(sampled):
    roi(sampled, centerOf(HIGH))
    assert "by more than 2 % of the brightness" in warning(sampled)
    sampled.ui.spreadThresholdSlider.value = 6
    assert "not high here: in 0 % of the region its repeats differ by more than 6 %" in warning(sampled)


def testATurnedRegionCountsTheVoxelsInsideIt(sampled):
    import vtk

    from MRISuperResolutionLib.Scene import Marked

    node = roi(sampled, centerOf(HIGH), (20.0, 20.0, 20.0))
    assert (Marked.valuesIn(node, "", spread(sampled)) > 20).mean() == 1
    turned = vtk.vtkTransform()
    center = centerOf(HIGH)
    turned.Translate(*center)
    turned.RotateZ(45)
    turned.Translate(*-center)
    node.ApplyTransform(turned)
    values = Marked.valuesIn(node, "", spread(sampled))
    # An octagon is common to the two squares: 2(√2 − 1) of either.
    assert (values > 20).mean() == pytest.approx(2 * (np.sqrt(2) - 1), abs=0.05)
    assert len(values) == pytest.approx(1000, rel=0.15)


@pytest.fixture
def segmented(sampled, scene):
    """A segmentation with a segment in the box of the high spread and one elsewhere."""
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Marked")
    node.SetReferenceImageGeometryParameterFromVolumeNode(spread(sampled))
    for name, box in (("Lesion", HIGH), ("Rest", (slice(30, 35), slice(30, 35), slice(20, 30)))):
        mask = np.zeros(slicer.util.arrayFromVolume(spread(sampled)).shape, np.uint8)
        mask[box] = 1
        segment = node.GetSegmentation().AddEmptySegment("", name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment, spread(sampled))
    sampled.ui.spreadRegionSelector.setCurrentNode(node)
    return sampled


def testASegmentIsChosenByName(segmented, scene):
    box = segmented.ui.spreadSegmentComboBox
    assert box.isVisibleTo(segmented.parent)
    assert [box.itemText(row) for row in range(box.count)] == ["Lesion", "Rest"]
    assert warning(segmented).startswith("⚠")
    nodes = scene.GetNumberOfNodes()
    box.currentText = "Rest"
    assert "not high here" in warning(segmented)
    assert scene.GetNumberOfNodes() == nodes


def testTheSegmentsFollowTheSegmentation(segmented):
    segmentation = segmented.parameters.spreadRegion.GetSegmentation()
    segmentation.RemoveSegment(segmentation.GetSegmentIdBySegmentName("Lesion"))
    box = segmented.ui.spreadSegmentComboBox
    assert [box.itemText(row) for row in range(box.count)] == ["Rest"]
    assert "not high here" in warning(segmented)
    segmented.ui.spreadRegionSelector.setCurrentNode(None)
    assert not box.isVisibleTo(segmented.parent)


def testLookingAtARegionComesToRest(segmented):
    """Reading a segment makes events of its own; they must not start the next look."""
    warning(segmented)
    timer = segmented.parent.widget.panel._trust._spread._timer
    for _ in range(20):
        segmented.events()
        assert not timer.active


def testARunWithOneSampleIntoTheSameVolumeRemovesTheOldMap(sampled, scene):
    result = sampled.parameters.trustResult
    sampled.click("spreadButton")
    sampled.ui.outputSelector.setCurrentNode(result)
    sampled.ui.samplesSpinBox.value = 1
    sampled.click("applyButton")
    sampled.finish()
    assert result.GetNodeReference("MRISuperResolutionSpread") is None
    assert scene.GetFirstNodeByName("T1w spread cubic") is None
    assert not sampled.ui.spreadButton.isVisibleTo(sampled.parent)


def testSamplesDoNotSpoilTheExpectedTime(sampled, monkeypatch):
    """The list expects as many times the measured rate as there are samples."""
    from MRISuperResolutionLib.System import Machine

    monkeypatch.setattr(Machine, "ENOUGH_MEGAVOXELS", 0.0)
    sampled.click("applyButton")
    sampled.finish()
    result = sampled.parameters.trustResult
    seconds = sampled.core.provenance(result)["seconds"]
    megavoxels = result.GetImageData().GetNumberOfPoints() / 1e6
    assert Machine.measuredRate("cubic", "cpu") == pytest.approx(seconds / megavoxels / 2)


def testMoreRunsWithSamplesLeaveOneMapOfEachKind(sampled, scene):
    sampled.ui.outputSelector.setCurrentNode(sampled.parameters.trustResult)
    sampled.click("spreadButton")
    nodes = scene.GetNumberOfNodes()
    for _ in range(2):
        sampled.click("applyButton")
        sampled.finish()
    assert scene.GetNumberOfNodes() == nodes
    assert sampled.temporaryFiles == []
