"""The target, the region and the output: what they promise and what they refuse."""

import numpy as np
import pytest

from gui.scans import head


@pytest.fixture
def ready(panel):
    panel.choose(head())
    return panel


def chooseMode(panel, text: str) -> None:
    panel.ui.targetModeComboBox.currentText = text
    panel.events()


def testFactorIsAskedPerDirection(ready):
    chooseMode(ready, "Refine by a factor")
    assert [getattr(ready.ui, f"axisLabel{axis}").text for axis in range(3)] == ["R–L", "A–P", "S–I"]
    for axis, factor in enumerate((1, 1.5, 3)):
        getattr(ready.ui, f"factorSpinBox{axis}").value = factor
    assert "48 × 84 × 36" in ready.ui.targetInfoLabel.text
    assert ready.ui.applyButton.enabled
    ready.shot("05-target-factor")


def testSpacingIsAskedPerDirection(ready):
    chooseMode(ready, "Set the voxel size")
    assert ready.ui.spacingSpinBox0.isVisibleTo(ready.parent)
    assert not ready.ui.factorSpinBox0.isVisibleTo(ready.parent)
    for axis in range(3):
        getattr(ready.ui, f"spacingSpinBox{axis}").value = 1.5
    assert "64 × 75 × 48" in ready.ui.targetInfoLabel.text


def testTargetThatChangesNothingIsRefused(ready):
    chooseMode(ready, "Refine by a factor")
    for axis in range(3):
        getattr(ready.ui, f"factorSpinBox{axis}").value = 1
    assert "changes nothing on the scan's own voxels" in ready.status
    assert not ready.ui.applyButton.enabled


def testTargetCoarserThanTheScanIsRefused(ready):
    chooseMode(ready, "Set the voxel size")
    ready.ui.spacingSpinBox0.value = 5
    assert "coarser than the scan" in ready.status
    assert not ready.ui.applyButton.enabled


def testTargetThatExceedsTheMemoryIsRefusedWithTheNumbers(ready, monkeypatch):
    from MRISuperResolutionLib.System import Machine

    monkeypatch.setattr(Machine, "totalMemory", lambda: 50_000_000)
    chooseMode(ready, "Refine by a factor")
    for axis in range(3):
        getattr(ready.ui, f"factorSpinBox{axis}").value = 5
    assert "needs about 97 MB of memory and the computer has 50 MB" in ready.status
    assert not ready.ui.applyButton.enabled
    ready.shot("06-refused-memory")


def testMemoryOfThisComputerIsKnown(host):
    from MRISuperResolutionLib.System import Machine

    assert Machine.totalMemory() > 2**28


def testNewRegionCoversTheMiddleOfTheScanAndShrinksTheResult(ready):
    ready.ui.regionSelector.addNode()
    ready.events()
    assert ready.parameters.region is not None
    assert "× 18 voxels" in ready.ui.targetInfoLabel.text
    assert ready.ui.applyButton.enabled


def testNewRegionIsTakenUpAtOnce(ready):
    ready.ui.regionSelector.addNode()
    assert "× 18 voxels" in ready.ui.targetInfoLabel.text
    assert "outside" not in ready.status


def settled(panel) -> None:
    timer = panel.parent.widget.panel._target._timer
    panel.waitUntil(lambda: not timer.active, "the region to be looked at")


def testRegionOutsideTheScanIsRefused(ready):
    roi = ready.ui.regionSelector.addNode()
    roi.SetCenterWorld(1000, 0, 0)
    settled(ready)
    assert "region lies outside" in ready.status
    assert not ready.ui.applyButton.enabled


def testPlanFollowsARegionThatIsMovedAndResized(ready, scene):
    roi = ready.ui.regionSelector.addNode()
    whole = roi.GetSize()
    roi.SetSize(whole[0], whole[1], whole[2] / 3)
    settled(ready)
    assert "× 6 voxels" in ready.ui.targetInfoLabel.text
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    roi.SetAndObserveTransformNodeID(transform.GetID())
    shift(transform, 1000)
    settled(ready)
    assert "region lies outside" in ready.status
    shift(transform, 0)
    settled(ready)
    assert ready.ui.applyButton.enabled, ready.status


def testPlanFollowsAScanThatIsMovedAwayFromItsRegion(ready, scene):
    ready.ui.regionSelector.addNode()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    ready.parameters.inputVolume.SetAndObserveTransformNodeID(transform.GetID())
    shift(transform, 1000)
    settled(ready)
    assert "region lies outside" in ready.status


def shift(transform, x: float) -> None:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, x)
    transform.SetMatrixTransformToParent(matrix)


def testNothingWatchesARegionThatIsNotChosenOrWhenTheModuleIsLeft(ready):
    target = ready.parent.widget.panel._target
    ready.ui.regionSelector.addNode()
    second = ready.ui.regionSelector.addNode()
    assert {subject for subject, *_rest in target.Observations} == {second, ready.parameters.inputVolume}
    ready.parent.exit()
    assert target.Observations == []
    assert not target._timer.active


@pytest.mark.parametrize("seed", range(4))
def testRegionIsTheBoxOfVoxelsUnderTheRoiWhateverTheTransforms(ready, scene, seed):
    import slicer
    import vtk

    from MRISuperResolutionLib.Scene import Region, VolumeBridge

    rng = np.random.default_rng(seed)
    node = ready.parameters.inputVolume
    turned = vtk.vtkTransform()
    turned.RotateWXYZ(rng.uniform(0, 360), *rng.standard_normal(3))
    turned.Translate(*rng.uniform(-50, 50, 3))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(turned.GetMatrix())
    node.SetAndObserveTransformNodeID(transform.GetID())
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetAndObserveTransformNodeID(transform.GetID())
    low, high = np.array([10, 20, 3]), np.array([30, 41, 9])
    corners = [(VolumeBridge.affineOf(node) @ [*(corner - 0.5), 1])[:3] for corner in (low, high)]
    roi.SetCenter(*np.mean(corners, axis=0))
    roi.SetSize(*np.abs(np.subtract(*corners)))
    assert Region.boxOf(roi, node) == (tuple(low), tuple(high))
    assert slicer.mrmlScene is scene


def testOutputMayNotBeTheInput(ready):
    ready.ui.outputSelector.setCurrentNode(ready.parameters.inputVolume)
    assert "overwrite the input" in ready.status
    assert not ready.ui.applyButton.enabled


def testNewOutputSaysItsName(ready):
    assert "“T1w SR cubic”" in ready.ui.outputSelector.toolTip
    ready.pick("linear")
    assert "“T1w SR linear”" in ready.ui.outputSelector.toolTip


def testTheOutputStaysANewVolumeWhateverIsProposedMeanwhile(ready):
    """Changing the words for "none" would move the selection to the first volume, which is the scan."""
    for model in ("linear", "cubic", "lanczos"):
        ready.pick(model)
        ready.ui.targetModeComboBox.currentText = "Refine by a factor"
        assert ready.ui.outputSelector.currentNode() is None
        assert ready.parameters.outputVolume is None
        assert ready.ui.applyButton.enabled, ready.status
