"""A scan that is moved or deleted while its result is computed: the result is where the scan was."""

from pathlib import Path

import numpy as np
import pytest

from gui.scans import head

FAKE = str(Path(__file__).with_name("fake_worker.py"))


@pytest.fixture
def turned(panel):
    """A scan under a transform, given back by the worker as its own result; Apply has been pressed."""
    import slicer

    panel.core.runner.worker.command = ["-u", FAKE, "quick"]
    node, transform = head(), slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "PermutedAxes")
    matrix = np.eye(4)
    matrix[:2, :2], matrix[:3, 3] = [[0.6, -0.8], [0.8, 0.6]], (30, 0, -40)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    panel.choose(node)
    panel.ui.applyButton.click()
    return node, transform


def bounds(node) -> np.ndarray:
    """In world coordinates."""
    found = np.zeros(6)
    node.GetRASBounds(found)
    return found


def finished(panel):
    import slicer

    assert panel.core.running
    panel.finish()
    return slicer.util.getNode("T1w SR cubic")


def log(panel) -> str:
    return panel.ui.logText.plainText


def testScanThatStaysIsNotSpokenOf(panel, turned):
    node, transform = turned
    result = finished(panel)
    assert result.GetTransformNodeID() == transform.GetID()
    np.testing.assert_allclose(bounds(result), bounds(node), atol=1e-3)
    assert "during the run" not in log(panel)


def testHardenedScan(panel, turned):
    node, _ = turned
    before = bounds(node)
    node.HardenTransform()
    np.testing.assert_allclose(bounds(finished(panel)), before, atol=1e-3)
    assert "T1w was moved during the run. The result is where it was before" in log(panel)


def testScanUnderAnotherTransform(panel, scene, turned):
    node, _ = turned
    before = bounds(node)
    node.SetAndObserveTransformNodeID(
        scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Straight").GetID()
    )
    np.testing.assert_allclose(bounds(finished(panel)), before, atol=1e-3)
    assert "T1w was moved during the run" in log(panel)


def testTransformThatIsEditedMovesBoth(panel, turned):
    import slicer

    node, transform = turned
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 2, 1, 1])))
    np.testing.assert_allclose(bounds(finished(panel)), bounds(node), atol=1e-3)


def testTransformThatIsDeletedIsSpokenOf(panel, scene, turned):
    _, transform = turned
    scene.RemoveNode(transform)
    assert finished(panel).GetParentTransformNode() is None
    assert "The transform of T1w was deleted during the run. The result is without it" in log(panel)


def testDeletedScan(panel, scene, turned):
    node, transform = turned
    before = bounds(node)
    scene.RemoveNode(node)
    result = finished(panel)
    assert result.GetTransformNodeID() == transform.GetID()
    np.testing.assert_allclose(bounds(result), before, atol=1e-3)
    assert "T1w was deleted during the run. The result is where it was." in log(panel)


def testMapsAreWhereTheResultIs(panel, scene, turned):
    from MRISuperResolutionLib.Scene import Maps, VolumeBridge

    node, _ = turned
    before, volume = bounds(node), VolumeBridge.volumeFromNode(node)
    volume = volume.with_array(volume.array.copy())
    node.HardenTransform()
    spread = Maps.replace(
        finished(panel), node, Maps.SPREAD, lambda made: VolumeBridge.updateNode(made, volume)
    )
    np.testing.assert_allclose(bounds(spread), before, atol=1e-3)
