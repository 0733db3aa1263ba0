"""Input and result side by side, with the real layout logic, slice logic and linking of Slicer."""

import numpy as np
import pytest

from gui import tutorial
from gui.scans import head

CONVENTIONAL, FOUR_UP, SIDE_BY_SIDE, THREE_OVER_THREE = 2, 3, 29, 21


@pytest.fixture
def layout(host):
    import slicer

    return slicer.app.layoutManager()


@pytest.fixture
def compared(panel):
    """A scan and its result, put forward for comparison."""
    node = head()
    panel.choose(node)
    panel.parameters.compareBefore = node
    panel.parameters.compareAfter = panel.core.process(node, isotropic=True)
    panel.events()
    return panel


def volumes(panel):
    return panel.parameters.compareBefore, panel.parameters.compareAfter


def composite(layout, name: str):
    return layout.sliceWidget(name).mrmlSliceCompositeNode()


def chooseView(panel, text: str) -> None:
    panel.ui.compareModeComboBox.currentText = text
    panel.events()


def scroll(layout, name: str, offset: float) -> None:
    """Move a slice as the user's mouse wheel does."""
    logic = layout.sliceWidget(name).sliceLogic()
    logic.StartSliceOffsetInteraction()
    logic.SetSliceOffset(offset)
    logic.EndSliceOffsetInteraction()


def testPairIsPutForwardAfterARun(panel):
    panel.choose(head())
    assert not panel.ui.compareButton.enabled
    panel.click("applyButton")
    panel.finish()
    assert [node.GetName() for node in volumes(panel)] == ["T1w", "T1w SR cubic"]
    assert panel.ui.compareButton.enabled
    assert not panel.ui.restoreButton.enabled


def testRowsShowInputAboveResultAndMoveTogether(compared, layout):
    before, after = volumes(compared)
    compared.click("compareButton")
    assert layout.layout == THREE_OVER_THREE
    for upper, lower in (("Red", "Red+"), ("Green", "Green+"), ("Yellow", "Yellow+")):
        assert composite(layout, upper).GetBackgroundVolumeID() == before.GetID()
        assert composite(layout, lower).GetBackgroundVolumeID() == after.GetID()
        nodes = [layout.sliceWidget(name).mrmlSliceNode() for name in (upper, lower)]
        assert nodes[0].GetViewGroup() == nodes[1].GetViewGroup()
        assert nodes[0].GetFieldOfView() == nodes[1].GetFieldOfView()
        scroll(layout, upper, 7.5)
        assert layout.sliceWidget(lower).sliceLogic().GetSliceOffset() == pytest.approx(7.5)
        scroll(layout, lower, -3)
        assert layout.sliceWidget(upper).sliceLogic().GetSliceOffset() == pytest.approx(-3)
    assert layout.sliceWidget("Green").sliceLogic().GetSliceOffset() == pytest.approx(-3)
    assert composite(layout, "Red").GetBackgroundVolumeID() == before.GetID(), (
        "linking does not mix the volumes"
    )


def testWithoutOneViewGroupTheRowsWouldNotMoveTogether(compared, layout):
    """The trap that the test above guards against, in Slicer's own link logic."""
    compared.click("compareButton")
    layout.sliceWidget("Red+").mrmlSliceNode().SetViewGroup(1)
    scroll(layout, "Red", 11)
    assert layout.sliceWidget("Red+").sliceLogic().GetSliceOffset() != pytest.approx(11)


def testColumnsShowThePlaneThatContainsThePoorDirection(compared, layout):
    chooseView(compared, "Two columns, one direction")
    compared.click("compareButton")
    before, after = volumes(compared)
    assert layout.layout == SIDE_BY_SIDE
    assert [layout.sliceWidget(name).mrmlSliceNode().GetOrientation() for name in ("Red", "Yellow")] == [
        "Coronal"
    ] * 2
    assert composite(layout, "Red").GetBackgroundVolumeID() == before.GetID()
    assert composite(layout, "Yellow").GetBackgroundVolumeID() == after.GetID()
    scroll(layout, "Yellow", 5)
    assert layout.sliceWidget("Red").sliceLogic().GetSliceOffset() == pytest.approx(5)


def testCrosshairIsShownAndMovesTheSlices(compared, scene):
    compared.click("compareButton")
    crosshair = scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    assert crosshair.GetCrosshairMode() == crosshair.ShowBasic
    assert crosshair.GetCrosshairBehavior() == crosshair.OffsetJumpSlice
    compared.click("restoreButton")
    assert crosshair.GetCrosshairMode() == crosshair.NoCrosshair


def testFadeMovesTheOpacityOfTheResult(compared, layout):
    chooseView(compared, "Fade from one to the other")
    assert compared.ui.revealSlider.enabled
    compared.click("compareButton")
    assert layout.layout == FOUR_UP
    compared.ui.revealSlider.value = 80
    before, after = volumes(compared)
    for name in ("Red", "Green", "Yellow"):
        assert composite(layout, name).GetBackgroundVolumeID() == before.GetID()
        assert composite(layout, name).GetForegroundVolumeID() == after.GetID()
        assert composite(layout, name).GetForegroundOpacity() == pytest.approx(0.8)


def testSwipeFollowsTheSliderWithTheResultOnTheLeftOfTheScreen(compared, layout, scene):
    import slicer

    from MRISuperResolutionLib.Scene import VolumeBridge
    from MRISuperResolutionLib.Scene.Resampled import onGridOf

    nodes = scene.GetNumberOfNodes()
    chooseView(compared, "Swipe from left to right")
    compared.click("compareButton")
    before, after = (VolumeBridge.volumeFromNode(node) for node in volumes(compared))
    shown = scene.GetNodeByID(composite(layout, "Red").GetBackgroundVolumeID())
    assert shown.GetHideFromEditors()
    coarse = onGridOf(before, after)
    for percent in (50, 25, 75, 0, 100, 50):
        compared.ui.revealSlider.value = percent
        array = VolumeBridge.volumeFromNode(shown).array
        cut = after.shape[0] - round(after.shape[0] * percent / 100)
        # The first axis ends at the patient's right, which is the left of the screen.
        np.testing.assert_array_equal(array[:cut], coarse[:cut])
        np.testing.assert_array_equal(array[cut:], after.array[cut:])
    compared.click("restoreButton")
    assert scene.GetNumberOfNodes() <= nodes + 1, "the swipe volume is gone"
    assert slicer.util.getNodes("*|*") == {}


def testDifferenceIsResultMinusInput(compared):
    import slicer

    compared.click("differenceButton")
    difference = slicer.util.getNode("T1w SR cubic minus T1w")
    assert difference.GetImageData().GetDimensions() == (48, 56, 36)
    assert difference.GetDisplayNode().GetLevel() == 0
    assert "was added" in compared.status
    assert np.abs(slicer.util.arrayFromVolume(difference)).max() > 0


def testDifferenceOfRotatedVolumesIsRefusedWithASentence(panel):
    angle = np.deg2rad(20)
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    panel.choose(head("Straight"))
    panel.parameters.compareBefore = panel.parameters.inputVolume
    panel.parameters.compareAfter = head("PermutedAxes", affine=turned)
    panel.click("differenceButton")
    assert "rotated against each other" in panel.status


def testEverythingComesBackAsItWas(compared, layout):
    def state():
        return [
            (
                name,
                composite(layout, name).GetBackgroundVolumeID(),
                composite(layout, name).GetForegroundVolumeID(),
                composite(layout, name).GetLinkedControl(),
                layout.sliceWidget(name).mrmlSliceNode().GetViewGroup(),
                layout.sliceWidget(name).mrmlSliceNode().GetOrientation(),
            )
            for name in ("Red", "Green", "Yellow")
        ]

    layout.setLayout(THREE_OVER_THREE)
    layout.sliceWidget("Red+").mrmlSliceNode().SetViewGroup(1)
    layout.setLayout(CONVENTIONAL)
    before = state()
    for view in (
        "Two rows, three directions",
        "Two columns, one direction",
        "Swipe from left to right",
        "Fade from one to the other",
        "Two rows, three directions",
    ):
        chooseView(compared, view)
        compared.click("compareButton")
    compared.click("restoreButton")
    assert layout.layout == CONVENTIONAL
    assert state() == before
    assert not compared.ui.restoreButton.enabled
    layout.setLayout(THREE_OVER_THREE)
    assert layout.sliceWidget("Red+").mrmlSliceNode().GetViewGroup() == 1


def framing(layout, name: str) -> np.ndarray:
    """The plane of a view, the size and the place of the part that is seen; its depth is for Slicer to say."""
    import slicer

    node = layout.sliceWidget(name).mrmlSliceNode()
    plane = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()).ravel()
    return np.concatenate([plane, node.GetFieldOfView()[:2], node.GetXYZOrigin()])


@pytest.fixture(params=["at once", "late"])
def resized(request, layout, monkeypatch):
    """Slicer's views get the size that a layout gives them when events are handled, after the call that sets the layout."""
    waiting = []

    def resize() -> None:
        while waiting:
            original(layout, *waiting.pop(0))

    original = type(layout)._resize
    if request.param == "late":
        monkeypatch.setattr(type(layout), "_resize", lambda self, *size: waiting.append(size))
    return resize


@pytest.mark.parametrize(
    "views",
    [
        ["Two columns, one direction"],
        ["Two rows, three directions"],
        ["Two rows, three directions", "Fade from one to the other"],
    ],
)
def testObliqueZoomedAndPannedViewsComeBackAsTheyWere(compared, layout, resized, views):
    red, yellow = (layout.sliceWidget(name).mrmlSliceNode() for name in ("Red", "Yellow"))
    red.SetSliceToRASByNTP(0.6, 0.0, 0.8, 1.0, 0.0, 0.0, 5.0, -7.0, 11.0, 0)
    yellow.SetXYZOrigin(13.0, -9.0, 0.0)
    width, height, depth = yellow.GetFieldOfView()
    yellow.SetFieldOfView(width / 3, height / 3, depth)
    scroll(layout, "Green", 9.5)
    assert red.GetOrientation() == "Reformat"
    names = ("Red", "Green", "Yellow")
    before = [framing(layout, name) for name in names]
    for view in views:
        chooseView(compared, view)
        compared.click("compareButton")
        resized()
    scroll(layout, "Green", -4)
    compared.click("restoreButton")
    resized()
    for name, expected in zip(names, before, strict=True):
        np.testing.assert_allclose(framing(layout, name), expected, atol=1e-6, err_msg=name)


def testSliceStaysWhereItIsFromOneComparisonToTheNext(compared, layout):
    logic = layout.sliceWidget("Red").sliceLogic()
    begun = logic.GetSliceOffset()
    for view in ("Fade from one to the other", "Swipe from left to right"):
        chooseView(compared, view)
        compared.click("compareButton")
        scroll(layout, "Red", logic.GetSliceOffset() + 6)
    assert logic.GetSliceOffset() == pytest.approx(begun + 12)


def testSceneCloseWhileComparingLeavesTheModuleUsable(compared, scene):
    chooseView(compared, "Swipe from left to right")
    compared.click("compareButton")
    scene.Clear(0)
    assert not compared.ui.compareButton.enabled
    assert not compared.ui.restoreButton.enabled
    compared.choose(head("Next"))
    assert compared.ui.applyButton.enabled


def testTutorialCanBeFollowedStepByStep(panel):
    assert len(tutorial.follow(panel, head())) == 9


def testViewsThatWereLinkedBeforeStayWhatTheyWere(compared, layout):
    for name in ("Red", "Green", "Yellow"):
        composite(layout, name).SetLinkedControl(True)
        composite(layout, name).SetHotLinkedControl(True)
    for view in ("Two columns, one direction", "Two rows, three directions", "Two columns, one direction"):
        chooseView(compared, view)
        compared.click("compareButton")
    compared.click("restoreButton")
    assert [
        layout.sliceWidget(name).mrmlSliceNode().GetOrientation() for name in ("Red", "Green", "Yellow")
    ] == ["Axial", "Coronal", "Sagittal"]
    assert composite(layout, "Yellow").GetHotLinkedControl()
