"""Combining thick stacks of one subject, with clicks, a real worker and real nodes."""

import numpy as np
import pytest

from gui.scans import head

SHAPE = (32, 36, 28)


def stacks(motion=None) -> list:
    """Three orthogonal thick scans of one head, as nodes."""
    from mrisr.physics.protocols import prepare_reference
    from mrisr.physics.stacks import STACKS, Motion
    from MRISuperResolutionLib.Scene import VolumeBridge

    whole = head("Whole", shape=SHAPE, spacing=(2.0, 2.0, 2.0))
    reference = prepare_reference(VolumeBridge.volumeFromNode(whole))
    nodes = []
    for name, made in zip(
        ("Axial", "Sagittal", "Coronal"),
        STACKS["stacks3-thick4"].simulate(reference, motion or Motion()),
        strict=True,
    ):
        node = VolumeBridge.addNode(name)
        VolumeBridge.updateNode(node, made.volume.with_array(1000 * made.volume.array))
        nodes.append(node)
    return nodes


@pytest.fixture
def section(panel):
    nodes = stacks()
    panel.choose(nodes[0])
    panel.ui.fuseSection.collapsed = False
    panel.events()
    return panel, nodes


def check(panel, *nodes) -> None:
    from qt import Qt

    for node in nodes:
        panel.ui.fuseSelector.setCheckState(node, Qt.Checked)
    panel.events()


def testCheckedStacksBecomeOneVolumeWithItsCoverageAndTransforms(section):
    import slicer

    from MRISuperResolutionLib.Scene import Records

    panel, nodes = section
    assert not panel.ui.fuseButton.enabled
    check(panel, nodes[1], nodes[0])
    assert panel.ui.fuseButton.enabled
    assert panel.ui.fuseReferenceLabel.text == "Reference: Axial"
    panel.click("fuseButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    result = slicer.util.getNode("Axial fused")
    np.testing.assert_allclose(result.GetSpacing(), (2, 2, 2), atol=1e-3)
    record = Records.provenanceOf(result)
    assert [each["input"] for each in record["inputs"]] == ["Axial", "Sagittal"]
    assert record["inputNode"] == nodes[0].GetID()
    coverage = slicer.util.arrayFromVolume(slicer.util.getNode("Axial fused coverage"))
    assert set(np.unique(coverage)) <= {1, 2}
    transform = slicer.util.getNode("Sagittal onto Axial fused")
    np.testing.assert_allclose(slicer.util.arrayFromTransformMatrix(transform)[:3, 3], 0, atol=0.5)
    assert nodes[1].GetParentTransformNode() is None
    assert panel.temporaryFiles == []


def testOneStackIsNotEnough(section):
    panel, nodes = section
    check(panel, nodes[2])
    assert not panel.ui.fuseButton.enabled


def testCancelEndsTheWork(section, scene):
    panel, nodes = section
    check(panel, *nodes)
    before = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    panel.click("fuseButton")
    assert panel.core.running
    panel.click("cancelButton")
    panel.finish()
    assert panel.status.startswith("Cancelled"), panel.status
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before
    assert panel.temporaryFiles == []


def testStacksUnderDifferentTransformsAreRefusedWithASentence(section, scene):
    panel, nodes = section
    moved = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
    nodes[1].SetAndObserveTransformNodeID(moved.GetID())
    check(panel, *nodes[:2])
    panel.click("fuseButton")
    assert "different transforms" in panel.status
    assert not panel.core.running


def testTheConsoleFusesInOneCall(panel):
    nodes = stacks()
    result = panel.core.fuse(nodes[:2], register="none", field="common")
    record = panel.core.provenance(result)
    assert record["field"] == "common"
    assert len(record["inputs"]) == 2
    with pytest.raises(ValueError, match="at least two"):
        panel.core.fuse(nodes[:1])
