"""Geometry, display and place of volumes between Slicer's nodes and the engine, on the real MRML scene."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def bridge(host):
    from MRISuperResolutionLib.Scene import VolumeBridge

    return VolumeBridge


def oblique(seed: int) -> np.ndarray:
    """A random rotation, possibly left-handed, with random spacings and origin."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * rng.uniform(0.3, 6, 3)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    return affine


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), shape=st.tuples(*[st.integers(2, 7)] * 3))
def testVolumeSurvivesTheWayToANodeAndBack(bridge, scene, seed, shape):
    from mrisr.image.volume import Volume

    array = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    volume = Volume(array, oblique(seed))
    node = bridge.addNode("Oblique")
    bridge.updateNode(node, volume)
    back = bridge.volumeFromNode(node)
    np.testing.assert_array_equal(back.array, array)
    np.testing.assert_allclose(back.affine, volume.affine, atol=1e-9 * 200)
    np.testing.assert_allclose(bridge.gridOf(node).affine, back.affine)
    assert bridge.gridOf(node).shape == shape
    scene.RemoveNode(node)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def testGeometrySurvivesTheFileThatTheWorkerReadsAndTheOneItWrites(bridge, scene, tmp_path, seed):
    from mrisr.image.files import read_volume, write_volume
    from mrisr.image.volume import Volume

    affine = oblique(seed)
    source, back = bridge.addNode("Source"), bridge.addNode("Back")
    bridge.updateNode(
        source, Volume(np.random.default_rng(seed).uniform(0, 900, (4, 5, 6)).astype(np.float32), affine)
    )
    bridge.write(source, str(tmp_path / "in.nrrd"))
    volume = read_volume(tmp_path / "in.nrrd")
    np.testing.assert_allclose(volume.affine, affine, atol=1e-4)
    write_volume(volume, tmp_path / "out.mha")
    name = back.GetName()
    bridge.read(back, str(tmp_path / "out.mha"))
    result = bridge.volumeFromNode(back)
    np.testing.assert_allclose(result.affine, affine, atol=1e-4)
    np.testing.assert_allclose(result.array, bridge.volumeFromNode(source).array, rtol=1e-6)
    assert back.GetStorageNode() is None
    assert back.GetName() == name
    for node in (source, back):
        scene.RemoveNode(node)


def testVolumeMadeBySlicerUtilIsReadInTheRightOrder(bridge, scene):
    import slicer

    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)  # k, j, i
    node = slicer.util.addVolumeFromArray(array, ijkToRAS=oblique(3), name="FromArray")
    volume = bridge.volumeFromNode(node)
    assert volume.shape == (4, 3, 2)
    assert volume.array[3, 1, 0] == array[0, 1, 3]
    np.testing.assert_allclose(volume.affine, oblique(3), atol=1e-6)


def testResultInheritsTransformDisplayAndFolderButNotDicom(bridge, scene):
    import slicer

    source, node = (
        slicer.util.addVolumeFromArray(np.random.default_rng(0).random((4, 5, 6)), name="Source"),
        bridge.addNode("Result"),
    )
    bridge.updateNode(node, bridge.volumeFromNode(source))
    source.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    source.SetAndObserveTransformNodeID(transform.GetID())
    source.CreateDefaultDisplayNodes()
    display = source.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(321, 123)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGreen")
    display.SetInterpolate(0)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.CreateItem(study, source)

    bridge.inherit(node, source)

    shown = node.GetDisplayNode()
    assert node.GetTransformNodeID() == transform.GetID()
    assert (shown.GetWindow(), shown.GetLevel(), shown.GetAutoWindowLevel()) == (321, 123, 0)
    assert shown.GetColorNodeID() == "vtkMRMLColorTableNodeGreen"
    assert shown.GetInterpolate() == 0
    assert shown is not display
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study
    assert node.GetAttribute("DICOM.instanceUIDs") is None
    assert source.GetAttribute("DICOM.instanceUIDs") == "1.2.3"


def testProvenanceIsReadBackAsItWasWritten(bridge, scene):
    from MRISuperResolutionLib.Scene import Records

    source, node = bridge.addNode("Source"), bridge.addNode("Result")
    written = {
        "model": "cubic",
        "factor": [2, 2, 1],
        "warning": None,
        "weights_sha256": "1" * 60 + "e500",
        "note": "1.0",
    }
    bridge.describe(node, source, written)
    assert Records.provenanceOf(node) == {**written, "inputName": "Source", "inputNode": source.GetID()}
    assert list(node.GetAttributeNames()) == ["MRISuperResolution.provenance"]
