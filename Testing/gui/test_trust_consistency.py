"""The verdict after a run, the map of the disagreement, the way to the worst place, and what a scene file keeps of them."""

from pathlib import Path

import numpy as np
import pytest

from gui import inventing_worker
from gui.scans import head, placed

SHAPE = (40, 44, 14)


@pytest.fixture
def ready(panel):
    panel.choose(head(shape=SHAPE))
    return panel


@pytest.fixture
def inventing(ready):
    """A run whose model makes up a spot."""
    ready.core.runner.worker.command = [str(Path(inventing_worker.__file__))]
    return ready


def run(panel, model: str = "cubic"):
    panel.choose(panel.parameters.inputVolume, model)
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    return panel.parameters.trustResult


def foregrounds() -> set:
    import slicer

    return {view.GetForegroundVolumeID() for view in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}


def testNothingIsSaidBeforeARun(ready):
    assert not ready.ui.verdictWidget.isVisibleTo(ready.parent)
    assert ready.ui.trustSection.collapsed
    assert not ready.ui.residualButton.enabled
    assert "Choose a result" in ready.ui.trustNumbersLabel.text


def testAFaithfulResultIsGreenInWordsAndColor(ready):
    ready.ui.makingComboBox.currentText = "In thick slices"
    result = run(ready)
    assert result.GetName() == "T1w SR cubic"
    assert ready.ui.verdictWidget.isVisibleTo(ready.parent)
    assert ready.ui.verdictLabel.text == "T1w SR cubic\nIs as near to your scan as plain interpolation."
    assert ready.ui.verdictMark.text == "✓"
    assert "#1b7f3b" in ready.ui.verdictMark.styleSheet
    assert ready.ui.trustSection.collapsed, "a green result needs no attention"
    verdict = ready.core.provenance(result)["trust"]
    assert (
        f"differs from your scan by {verdict['ratio']:.2f} times its noise" in ready.ui.trustNumbersLabel.text
    )
    for label in (ready.ui.verdictLabel, ready.ui.verdictMark, ready.ui.trustNumbersLabel):
        assert "scanned again by calculation" in label.toolTip


def testTheResidualIsWhatTheResultScannedAgainHasMore(ready):
    from mrisr.physics.acquisition import Acquisition
    from MRISuperResolutionLib.Scene import VolumeBridge
    from MRISuperResolutionLib.Scene.Maps import Trust

    result = run(ready)
    trust, made = Trust.of(result), ready.parent.widget.logic.provenance(result)["acquisition"]
    fine, scan = (VolumeBridge.volumeFromNode(node) for node in (result, ready.parameters.inputVolume))
    expected = (
        Acquisition(**{key: tuple(made[key]) for key in ("profile", "width", "kspace")})
        .operator(fine.grid, scan.grid)
        .forward(np.ascontiguousarray(fine.array))
        - scan.array
    )
    found = VolumeBridge.volumeFromNode(trust.residual)
    np.testing.assert_allclose(found.affine, scan.affine, atol=1e-4)
    np.testing.assert_allclose(found.array, expected, atol=0.02)


def testAnInventedSpotTurnsRedAndTheSectionOpens(inventing):
    result = run(inventing)
    assert inventing.ui.verdictLabel.text.startswith(f"{result.GetName()}\nContradicts your scan")
    assert inventing.ui.verdictMark.text == "✗"
    assert not inventing.ui.trustSection.collapsed
    assert inventing.ui.residualButton.isVisibleTo(inventing.parent)


def testTheResidualLiesOverTheViewsWhereTheSpotIs(inventing):
    import slicer

    inventing.ui.consistencyComboBox.currentText = (
        "20 steps"  # what an interpolation leaves along edges is corrected
    )
    result = run(inventing)
    residual = result.GetNodeReference("MRISuperResolutionResidual")
    before = foregrounds()
    assert redAndBlue("Red") == (0, 0)
    assert residual.GetID() not in before, "hidden until asked for"
    inventing.click("residualButton")
    assert foregrounds() == {residual.GetID()}
    inventing.click("worstButton")
    nodes = [
        slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode() for name in ("Yellow", "Green", "Red")
    ]
    np.testing.assert_allclose(
        [node.GetSliceToRAS().GetElement(axis, 3) for axis, node in enumerate(nodes)],
        inventing_worker.SPOT,
        atol=6.1,
    )
    inventing.shot("40-red-verdict")
    red, blue = redAndBlue("Red")
    assert red > 20, "the spot is drawn"
    assert red > 1.2 * blue, "what is drawn in blue is what interpolation leaves along edges"
    inventing.click("residualButton")
    assert foregrounds() == before
    assert redAndBlue("Red") == (0, 0)


def redAndBlue(view: str) -> tuple[int, int]:
    """How many pixels of a slice view are clearly red and clearly blue, within 40 of the middle, where a jump puts the place."""
    import slicer

    from slicerhost.screenshot import renderView

    picture = renderView(slicer.app.layoutManager().sliceWidget(view).view, 300, 300)
    pixels = (
        np.frombuffer(picture.constBits(), np.uint8)
        .reshape(300, picture.bytesPerLine())[:, :900]
        .reshape(300, 300, 3)
        .astype(int)
    )
    middle = pixels[110:190, 110:190]
    difference = middle[..., 0] - middle[..., 2]
    return int((difference > 60).sum()), int((difference < -60).sum())


def testTheWorstPlaceMovesWithTheParentTransform(inventing, scene):
    import vtk

    from MRISuperResolutionLib.Scene.Maps import Trust

    result = run(inventing)
    at = np.array(Trust.of(result).worst)
    np.testing.assert_allclose(at, inventing_worker.SPOT, atol=6.1)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    for axis, shift in enumerate((5, -7, 30)):
        matrix.SetElement(axis, 3, shift)
    transform.SetMatrixTransformToParent(matrix)
    result.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_allclose(Trust.of(result).worst, at + np.array((5, -7, 30)), atol=1e-3)


def testTheMapBelongsToItsResultInTheDataTree(ready, scene):

    source = ready.parameters.inputVolume
    transform, hierarchy, study = placed(source)
    residual = run(ready).GetNodeReference("MRISuperResolutionResidual")
    assert residual.GetName() == "T1w residual cubic"
    assert residual.GetTransformNodeID() == transform.GetID()
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(residual)) == study


def testAnotherResultShowsItsOwnVerdict(inventing):
    bad = run(inventing)
    inventing.click("residualButton")
    inventing.core.runner.worker.command = ["-u", "-m", "mrisr.worker"]
    good = run(inventing, "linear")
    assert inventing.ui.verdictLabel.text.startswith("T1w SR linear\nIs as near to your scan")
    assert foregrounds() == {good.GetNodeReference("MRISuperResolutionResidual").GetID()}, (
        "the map follows the chosen result"
    )
    inventing.ui.trustResultSelector.setCurrentNode(bad)
    assert inventing.ui.verdictLabel.text.startswith("T1w SR cubic\nContradicts your scan")
    assert foregrounds() == {bad.GetNodeReference("MRISuperResolutionResidual").GetID()}
    inventing.ui.trustResultSelector.setCurrentNode(inventing.parameters.inputVolume)
    assert not inventing.ui.verdictWidget.isVisibleTo(inventing.parent), "a scan has no verdict"
    assert foregrounds() == {None}


def testTheButtonSaysWhetherTheMapIsSeenAlsoWhenComparingTakesItAway(ready):
    residual = run(ready).GetNodeReference("MRISuperResolutionResidual").GetID()
    ready.ui.trustSection.collapsed = False
    ready.click("residualButton")
    assert ready.ui.residualButton.checked
    assert "Clear up to ±" in ready.ui.residualLegendLabel.text
    assert ready.ui.residualLegendLabel.isVisibleTo(ready.parent)
    ready.click("compareButton")
    assert not ready.ui.residualLegendLabel.isVisibleTo(ready.parent)
    for name in ("restoreButton", "compareButton", "residualButton", "restoreButton"):
        ready.click(name)
        assert ready.ui.residualButton.checked == (residual in foregrounds()), name


def testARemovedMapIsNoLongerOffered(ready, scene):
    result = run(ready)
    scene.RemoveNode(result.GetNodeReference("MRISuperResolutionResidual"))
    ready.ui.trustSection.collapsed = False
    ready.click("residualButton")
    assert not ready.ui.residualButton.enabled
    assert not ready.ui.residualButton.checked
    scene.RemoveNode(result)
    ready.events()
    assert not ready.ui.verdictWidget.isVisibleTo(ready.parent)


def testTheVerdictSurvivesASceneFile(inventing, scene, tmp_path):
    result = run(inventing)
    sentence, record = inventing.ui.verdictLabel.text, inventing.core.provenance(result)
    for index, node in enumerate(
        [inventing.parameters.inputVolume, result, result.GetNodeReference("MRISuperResolutionResidual")]
    ):
        node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(str(tmp_path / f"{index}.nrrd"))
        node.GetStorageNode().WriteData(node)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    scene.Clear(0)
    assert not inventing.ui.verdictWidget.isVisibleTo(inventing.parent)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Connect()
    assert inventing.ui.verdictLabel.text == sentence
    assert inventing.core.provenance(inventing.parameters.trustResult) == record
    inventing.ui.trustSection.collapsed = False
    inventing.click("residualButton")
    (shown,) = foregrounds()
    assert scene.GetNodeByID(shown).GetName() == "T1w residual cubic"
    display = scene.GetNodeByID(shown).GetDisplayNode()
    assert display.GetLevel() == 0
    assert display.GetColorNode().GetName() == "MRISuperResolutionResidual"


def testFiveRunsIntoOneVolumeLeaveOneMap(ready, scene):
    result = run(ready)
    ready.ui.trustSection.collapsed = False
    ready.click("residualButton")
    nodes = scene.GetNumberOfNodes()
    ready.ui.outputSelector.setCurrentNode(result)
    for _ in range(5):
        assert run(ready) is result
    assert scene.GetNumberOfNodes() == nodes
    assert ready.temporaryFiles == []


def testABrokenVerdictIsNone(ready):
    from MRISuperResolutionLib.Scene.Maps import Trust

    node = head("Odd", SHAPE)
    for text in ("{", "[1]", "null", "", "{}", '{"trust": "green"}'):
        node.SetAttribute("MRISuperResolution.provenance", text)
        assert Trust.of(node) is None
    assert Trust.of(None) is None
