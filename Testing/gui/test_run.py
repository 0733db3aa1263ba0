"""Apply and Cancel, with the real engine in a real child process."""

import time

import numpy as np
import pytest

from gui.processes import alive, children, treeOf
from gui.scans import head, placed


@pytest.fixture
def ready(panel):
    panel.choose(head())
    return panel


@pytest.fixture
def lasting(panel):
    """A run that takes its time: many consistency steps on a large target."""
    panel.choose(head(shape=(96, 96, 48), spacing=(2.0, 2.0, 2.0)))
    panel.ui.consistencyComboBox.currentText = "20 steps"
    for axis in range(3):
        getattr(panel.ui, f"factorSpinBox{axis}").value = 3
    panel.events()
    return panel


def results(panel) -> list:
    import slicer

    return [
        node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if " SR " in node.GetName()
    ]


def testApplyAddsAVolumeWithTheRightGeometryAndDisplay(ready, scene):
    import slicer

    from MRISuperResolutionLib.Scene import VolumeBridge

    source = ready.parameters.inputVolume
    transform, hierarchy, study = placed(source)

    ready.click("applyButton")
    assert not ready.ui.applyButton.isVisibleTo(ready.parent)
    assert ready.ui.cancelButton.isVisibleTo(ready.parent)
    ready.finish()

    (result,) = results(ready)
    assert result.GetName() == "T1w SR cubic"
    assert result.GetImageData().GetDimensions() == (48, 56, 36)
    np.testing.assert_allclose(result.GetSpacing(), (2, 2, 2), atol=1e-5)
    np.testing.assert_allclose(
        VolumeBridge.volumeFromNode(result).corners, VolumeBridge.volumeFromNode(source).corners, atol=1e-3
    )
    assert result.GetTransformNodeID() == transform.GetID()
    assert (result.GetDisplayNode().GetWindow(), result.GetDisplayNode().GetLevel()) == (900, 430)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(result)) == study
    assert ready.core.provenance(result)["model"] == "cubic"
    assert ready.status.startswith("Done in")
    assert ready.ui.applyButton.isVisibleTo(ready.parent)
    assert ready.temporaryFiles == []
    assert (
        slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID()
        == result.GetID()
    )


def testRunShowsItsProgress(lasting):
    lasting.click("applyButton")
    assert lasting.status.startswith("Starting: Python and the model are loaded first")
    lasting.waitUntil(lambda: "agree with the scan" in lasting.status or "Interpolating" in lasting.status)
    lasting.shot("07-running")
    lasting.click("cancelButton")
    lasting.finish()


def testChosenOutputIsFilled(ready, scene):
    output = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Mine")
    ready.ui.outputSelector.setCurrentNode(output)
    ready.click("applyButton")
    ready.finish()
    assert output.GetImageData().GetDimensions() == (48, 56, 36)
    assert results(ready) == []


def testOutputRemovedDuringTheRunIsMadeAnew(ready, scene):
    output = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Mine")
    ready.ui.outputSelector.setCurrentNode(output)
    ready.click("applyButton")
    scene.RemoveNode(output)
    ready.finish()
    assert len(results(ready)) == 1


def testRegionGivesJustTheBox(ready):
    ready.ui.regionSelector.addNode()
    ready.click("applyButton")
    ready.finish()
    (result,) = results(ready)
    assert result.GetImageData().GetDimensions() == (24, 28, 18)


@pytest.mark.ownWorker
def testCancelEndsTheRunWithinTwoSeconds(lasting):
    lasting.click("applyButton")
    lasting.waitUntil(lambda: not lasting.status.startswith("Starting"), "the first sign of life")
    begun = time.monotonic()
    lasting.click("cancelButton")
    lasting.finish()
    assert time.monotonic() - begun < 2
    assert lasting.status.startswith("Cancelled")
    assert results(lasting) == []
    assert lasting.temporaryFiles == []


def testSeveralClicksStartOneRun(ready):
    for _ in range(3):
        ready.ui.applyButton.click()
    with pytest.raises(RuntimeError, match="in progress"):
        startAnother(ready)
    ready.finish()
    assert len(results(ready)) == 1
    assert ready.temporaryFiles == []


def startAnother(panel) -> None:
    from MRISuperResolutionLib.Jobs.Job import EnhanceJob
    from MRISuperResolutionLib.Jobs.Settings import settingsOf

    job = EnhanceJob(panel.parameters.inputVolume, None, settingsOf(panel.parameters))
    panel.core.start(job, listener=None)


@pytest.mark.ownWorker
def testClosingTheSceneEndsTheRun(lasting, scene):
    lasting.click("applyButton")
    lasting.waitUntil(lambda: len(treeOf(lasting.core.runner.process.pid)) > 1, "the launcher's child")
    pids = treeOf(lasting.core.runner.process.pid)
    scene.Clear(0)
    lasting.waitUntil(lambda: not alive(pids), "the processes to end")
    assert not lasting.core.running
    assert lasting.temporaryFiles == []
    assert lasting.ui.applyButton.isVisibleTo(lasting.parent)
    lasting.choose(head())
    lasting.click("applyButton")
    lasting.finish()
    assert len(results(lasting)) == 1, "the panel works on in the new scene"


@pytest.mark.ownWorker
def testReloadingTheModuleEndsTheRunAndWorksOn(lasting):
    lasting.click("applyButton")
    lasting.waitUntil(lambda: len(treeOf(lasting.core.runner.process.pid)) > 1, "the launcher's child")
    pids = treeOf(lasting.core.runner.process.pid)
    lasting.parent.widget.onReload()
    assert alive(pids) == []
    assert lasting.temporaryFiles == []
    lasting.choose(head("Again"))
    lasting.click("applyButton")
    lasting.finish()
    assert [node.GetName() for node in results(lasting)] == ["Again SR cubic"]


def testLeavingTheModuleLetsTheRunGoOn(ready):
    ready.click("applyButton")
    ready.parent.exit()
    ready.finish()
    assert len(results(ready)) == 1


@pytest.mark.ownWorker
def testTenRunsLeaveNoProcessNoFileAndNoOtherNode(ready, scene):
    ready.click("applyButton")
    ready.finish()
    nodes, processes = scene.GetNumberOfNodes(), children()
    ready.ui.outputSelector.setCurrentNode(results(ready)[0])
    for _ in range(9):
        ready.click("applyButton")
        ready.finish()
        assert ready.status.startswith("Done")
    assert scene.GetNumberOfNodes() == nodes
    assert children() == processes
    assert ready.temporaryFiles == []


def testEngineRefusalShowsItsSentence(panel):
    import slicer

    array = np.zeros((16, 16, 16), np.int16)
    array[4:12, 4:12, 4:12] = 1
    panel.choose(slicer.util.addVolumeFromArray(array, name="Looks like labels"))
    panel.click("applyButton")
    panel.finish()
    assert "looks like a label map" in panel.status
    assert panel.ui.applyButton.isVisibleTo(panel.parent)
    assert results(panel) == []
    panel.shot("08-failed")


def testATrainedModelRunsToTheEndAndIsNoInterpolation(panel):
    from MRISuperResolutionLib.Scene import VolumeBridge

    panel.choose(head(), "gradient-filters-thick")
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    panel.choose(panel.parameters.inputVolume)
    panel.click("applyButton")
    panel.finish()
    trained, cubic = results(panel)
    record = panel.core.provenance(trained)
    assert record["model"] == "gradient-filters-thick"
    assert len(record["weights_sha256"]) == 64
    first, second = (VolumeBridge.volumeFromNode(node) for node in (trained, cubic))
    np.testing.assert_allclose(first.affine, second.affine, atol=1e-6)
    assert np.abs(first.array - second.array).max() > 0.05 * second.array.max()
