"""Verdict, residual and spread in the Python console."""

import numpy as np
import pytest


@pytest.fixture
def head(makeHead):
    """A head large enough for a verdict."""
    return makeHead((32, 36, 10), "MRHead")


@pytest.fixture
def region(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Region")
    node.SetCenterWorld((0.0, 50.0, 30.0))
    node.SetSizeWorld((12.0, 12.0, 12.0))
    return node


def testProcessKeepsTheVerdictAndTheMapsAreAskedFor(logic, head, scene):
    plain = logic.trust(logic.process(head, consistency=10))
    assert (plain.verdict["agreement"], plain.verdict["color"]) == (
        "green",
        "amber",
    )  # how the scan was made is only assumed
    assert (plain.residual, plain.spread) == (None, None)
    full = logic.trust(logic.process(head, consistency=10, residual=True, samples=2))
    assert full.residual.GetImageData().GetDimensions() == head.GetImageData().GetDimensions()
    assert full.spread.GetImageData().GetDimensions() == full.result.GetImageData().GetDimensions()
    assert full.verdict["ratio"] == pytest.approx(plain.verdict["ratio"], rel=0.01)
    assert logic.trust(head) is None
    assert logic.trust(None) is None


def testResidualIsTheEngines(logic, head):
    import slicer

    from mrisr.image.grid import Target
    from mrisr.pipeline.enhancement import enhance
    from mrisr.pipeline.settings import Settings
    from MRISuperResolutionLib.Scene import VolumeBridge

    found = logic.trust(logic.process(head, factor=(1, 1, 3), residual=True)).residual
    expected = enhance(
        VolumeBridge.volumeFromNode(head), Settings("cubic", Target.factor((1, 1, 3)), residual=True)
    ).residual
    np.testing.assert_allclose(
        slicer.util.arrayFromVolume(found).transpose(2, 1, 0), expected.array, atol=1e-4
    )
    np.testing.assert_allclose(VolumeBridge.affineOf(found), expected.affine)


def testTheSpreadInARegionIsTheEnginesJudgement(logic, head, region):
    import slicer

    result = logic.process(head, samples=2)
    trust = logic.trust(result)
    array = slicer.util.arrayFromVolume(trust.spread)
    array[...] = 0.05 * trust.brightness
    found = logic.spreadIn(result, region)
    assert found.warn
    assert found.voxels == pytest.approx(6**3, rel=0.2)
    assert found.median == pytest.approx(5, rel=1e-3)
    assert not logic.spreadIn(result, region, high=0.06).warn


def testWhatCannotBeAskedIsASentence(logic, head, region, scene):
    with pytest.raises(ValueError, match="samples=2 or more"):
        logic.spreadIn(logic.process(head), region)
    with pytest.raises(ValueError, match="samples=2 or more"):
        logic.spreadIn(head, region)
    marked = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Marked")
    marked.GetSegmentation().AddEmptySegment("a", "Lesion")
    result = logic.process(head, samples=2)
    with pytest.raises(ValueError, match="Marked has no segment Tumor"):
        logic.spreadIn(result, marked, "Tumor")
    assert logic.spreadIn(result, marked, "Lesion").voxels == 0


def testASecondCallIntoTheSameVolumeReplacesItsMaps(logic, head, scene):
    result = logic.process(head, residual=True, samples=2)
    nodes = scene.GetNumberOfNodes()
    for _ in range(5):
        logic.process(head, result, residual=True, samples=2)
    assert scene.GetNumberOfNodes() == nodes
    logic.process(head, result)
    assert logic.trust(result).residual is None
    assert scene.GetFirstNodeByName("MRHead residual cubic") is None
