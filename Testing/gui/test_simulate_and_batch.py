"""Making low-resolution scans, and enhancing many."""

import json

import numpy as np
import pytest

from gui.scans import head


def named(pattern: str) -> list:
    import slicer

    return list(slicer.util.getNodes(pattern, useLists=True).values())


def testSimulationAddsACoarserScan(panel):
    import slicer

    panel.choose(head("Fine", shape=(32, 40, 24), spacing=(2.0, 2.0, 2.0)))
    panel.ui.simulateSection.collapsed = False
    panel.ui.protocolComboBox.currentIndex = 2
    assert panel.ui.protocolComboBox.currentText.startswith("thick4")
    panel.ui.simulateAxisComboBox.currentText = "S–I"
    panel.shot("20-simulate")
    panel.click("simulateButton")
    panel.finish()
    node = slicer.util.getNode("Fine thick4")
    assert node.GetImageData().GetDimensions() == (32, 40, 6)
    np.testing.assert_allclose(node.GetSpacing(), (2, 2, 8), atol=1e-4)
    assert panel.temporaryFiles == []


def testDirectionIsAskedOnlyWhereTheProtocolHasOne(panel):
    panel.choose(head())
    panel.ui.simulateSection.collapsed = False
    panel.ui.protocolComboBox.currentIndex = 0
    assert not panel.ui.simulateAxisComboBox.enabled
    panel.ui.protocolComboBox.currentIndex = 2
    assert panel.ui.simulateAxisComboBox.enabled


@pytest.fixture
def batch(panel):
    panel.choose(head("First"))
    panel.ui.batchSection.collapsed = False
    return panel


def check(panel, *nodes) -> None:
    from qt import Qt

    for node in nodes:
        panel.ui.batchSelector.setCheckState(node, Qt.Checked)
    panel.events()


def testBatchEnhancesTheCheckedVolumesAndOneBadOneDoesNotStopTheOthers(batch):
    import slicer

    bad = np.zeros((12, 16, 16), np.int16)
    bad[3:9] = 1
    nodes = [batch.parameters.inputVolume, slicer.util.addVolumeFromArray(bad, name="Bad"), head("Last")]
    head("Unchecked")
    assert not batch.ui.batchVolumesButton.enabled
    check(batch, *nodes)
    batch.shot("21-batch")
    batch.click("batchVolumesButton")
    batch.finish()
    assert [len(named(f"{name} SR cubic")) for name in ("First", "Bad", "Last", "Unchecked")] == [1, 0, 1, 0]
    log = batch.ui.logText.plainText
    assert "First: enhanced." in log
    assert "Bad: not enhanced. The scan looks like a label map" in log
    assert batch.status.startswith("Done")
    assert batch.temporaryFiles == []


def testBatchRefusesWhatCannotBeEnhancedBeforeItStarts(batch, scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    check(batch, empty)
    batch.click("batchVolumesButton")
    assert "Empty holds no image" in batch.status
    assert not batch.core.running


def testFolderIsEnhancedAndWhatIsThereAlreadyIsSkipped(batch, tmp_path):
    from MRISuperResolutionLib.Scene import VolumeBridge

    scans, results = tmp_path / "scans", tmp_path / "results"
    scans.mkdir()
    for name in ("a", "b"):
        VolumeBridge.write(batch.parameters.inputVolume, str(scans / f"{name}.nrrd"))
    (scans / "broken.nrrd").write_text("this is no scan")
    batch.ui.batchInputPath.currentPath = str(scans)
    batch.ui.batchOutputPath.currentPath = str(results)
    for words in ("a.nrrd: enhanced.", "a.nrrd: skipped"):
        batch.click("batchFolderButton")
        batch.finish()
        log = batch.ui.logText.plainText
        assert words in log
        assert "broken.nrrd: not enhanced." in log
    made = json.loads((results / "b.json").read_text(encoding="utf-8"))
    assert made["model"] == "cubic"
    assert sorted(path.name for path in results.iterdir()) == ["a.json", "a.nrrd", "b.json", "b.nrrd"]


@pytest.mark.parametrize(
    ("source", "output", "words"),
    [
        ("missing", "results", "There is no folder"),
        ("empty", "results", "holds no scan"),
        ("empty", "empty", "folder of their own"),
    ],
)
def testFoldersThatCannotBeUsedAreRefusedWithASentence(batch, tmp_path, source, output, words):
    (tmp_path / "empty").mkdir()
    batch.ui.batchInputPath.currentPath = str(tmp_path / source)
    batch.ui.batchOutputPath.currentPath = str(tmp_path / output)
    batch.click("batchFolderButton")
    assert words in batch.status
    assert not batch.core.running


def testABatchWhoseLastVolumeWasRemovedIsRefusedWithASentence(panel, scene):
    import qt

    node = head("Gone")
    panel.choose(head("Stays"))
    panel.ui.batchSelector.setCheckState(node, qt.Qt.Checked)
    panel.ui.batchSection.collapsed = False
    panel.events()
    assert panel.ui.batchVolumesButton.enabled
    scene.RemoveNode(node)
    panel.ui.batchVolumesButton.enabled = True  # as Slicer leaves it
    panel.click("batchVolumesButton")
    assert not panel.core.running
    assert panel.status == "Check at least one volume."
