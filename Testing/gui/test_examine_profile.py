"""The profile along a line: numbers against closed forms, and a plot that follows."""

import numpy as np
import pytest
import vtk

from gui.examine_scene import examined

GRADIENT = np.array([3.0, -2.0, 1.5])


def oblique(degrees=(20, -15, 30), spacing=(1.5, 1.0, 2.5), origin=(-30, 12, 7)) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() * spacing
    affine[:3, 3] = origin
    return affine


@pytest.fixture
def ramp(scene):
    """A volume whose value at a place is 100 + GRADIENT · place (mm), on an oblique grid."""
    import slicer

    affine, shape = oblique(), (30, 28, 14)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    values = (index @ affine[:3, :3].T + affine[:3, 3]) @ GRADIENT + 100
    return slicer.util.addVolumeFromArray(values.transpose(2, 1, 0), ijkToRAS=affine, name="Ramp")


def inside(first, last, n: int = 2) -> np.ndarray:
    """World positions between two voxel indices of the ramp."""
    affine = oblique()
    ends = np.array([first, last]) @ affine[:3, :3].T + affine[:3, 3]
    return np.linspace(*ends, n)


def lineThrough(points, name: str = "Line"):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
    slicer.util.updateMarkupsControlPointsFromArray(node, points)
    return node


def read(profile) -> dict:
    import slicer

    table = profile.table.GetTable()
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    return {name: slicer.util.arrayFromTableColumn(profile.table, name) for name in names}


def testProfileOfARampIsStraightAndMeasuredInMm(ramp):
    from MRISuperResolutionLib.Scene.Profile import Profile

    ends = inside((2, 3, 1), (25, 20, 12))
    found = read(Profile(lineThrough(ends), result=ramp))
    length = np.linalg.norm(ends[1] - ends[0])
    assert found["mm"][0] == 0
    assert found["mm"][-1] == pytest.approx(length)
    assert np.diff(found["mm"]).max() <= 0.5 + 1e-6, "two samples on the finest voxel"
    slope = GRADIENT @ (ends[1] - ends[0]) / length
    np.testing.assert_allclose(found["Result"], 100 + GRADIENT @ ends[0] + slope * found["mm"], atol=1e-3)


def testPlacesOutsideTheVolumeHaveNoValueAndItsOutermostHalfVoxelHasOne(ramp):
    from MRISuperResolutionLib.Scene.Profile import sampled

    values = sampled(ramp, inside((-3, 10, 5), (3, 10, 5), 13))
    assert np.isnan(values[:5]).all()  # -3 to -1
    assert np.isfinite(values[5:]).all()  # -0.5 to 3


def testParentTransformsOfVolumeAndLineCount(ramp, scene):
    import slicer

    from MRISuperResolutionLib.Scene.Profile import Profile

    ends = inside((4, 4, 3), (20, 20, 10))
    plain = read(Profile(lineThrough(ends), result=ramp))["Result"]
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(
        slicer.util.vtkMatrixFromArray(oblique((5, 40, -10), (1, 1, 1), (80, -9, 4)))
    )
    ramp.SetAndObserveTransformNodeID(transform.GetID())
    line = lineThrough(ends, "Moved along")
    line.SetAndObserveTransformNodeID(transform.GetID())
    profile = Profile(line, result=ramp)
    np.testing.assert_allclose(read(profile)["Result"], plain, rtol=1e-4)
    line.SetAndObserveTransformNodeID(None)
    profile.update()
    assert not np.allclose(read(profile)["Result"], plain, rtol=0.01, equal_nan=True)


def testNonlinearParentTransformCounts(ramp, scene):
    from MRISuperResolutionLib.Scene.Profile import sampled

    rng = np.random.default_rng(0)
    corners = np.vstack(
        [
            inside(first, last)
            for first, last in (
                ((0, 0, 0), (29, 27, 13)),
                ((29, 0, 0), (0, 27, 13)),
                ((0, 27, 0), (29, 0, 13)),
                ((0, 0, 13), (29, 27, 0)),
            )
        ]
    )
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    for put, places in (
        (spline.SetSourceLandmarks, corners),
        (spline.SetTargetLandmarks, corners + rng.normal(0, 3, corners.shape)),
    ):
        points = vtk.vtkPoints()
        for point in places:
            points.InsertNextPoint(point)
        put(points)
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformToParent(spline)
    ramp.SetAndObserveTransformNodeID(node.GetID())
    places = inside((8, 8, 3), (20, 20, 10), 5)
    world = np.array([spline.TransformPoint(place) for place in places])
    assert np.linalg.norm(world - places, axis=1).min() > 0.2
    np.testing.assert_allclose(sampled(ramp, world), 100 + places @ GRADIENT, atol=0.05)


def testIntegerVolumesAreInterpolatedBetweenTheirIntegers(scene):
    import slicer

    from MRISuperResolutionLib.Scene.Profile import sampled

    node = slicer.util.addVolumeFromArray(
        np.arange(8, dtype=np.uint8).reshape(1, 1, 8).repeat(4, 0).repeat(4, 1)
    )
    assert sampled(node, np.array([[2.25, 1, 1]])) == pytest.approx([2.25])


def testReferenceIsBroughtToTheBrightnessOfTheResult(ramp, scene):
    import slicer

    from MRISuperResolutionLib.Scene.Profile import Profile

    bright = slicer.util.addVolumeFromArray(
        5 * slicer.util.arrayFromVolume(ramp), ijkToRAS=oblique(), name="Bright"
    )
    slicer.util.arrayFromVolume(ramp)[:] -= slicer.util.arrayFromVolume(ramp).min()
    slicer.util.arrayFromVolume(bright)[:] = 5 * slicer.util.arrayFromVolume(ramp)
    found = read(Profile(lineThrough(inside((4, 4, 3), (20, 20, 10))), result=ramp, reference=bright))
    np.testing.assert_allclose(found["Reference (scaled)"], found["Result"], rtol=1e-3)


def testUndershootOfTheResultDoesNotChangeTheReferencesScale(made):
    import slicer

    from MRISuperResolutionLib.Scene.Profile import Profile

    line = lineThrough(np.array([[25.0, 5, 20], [25, 40, 20]]))
    slicer.util.arrayFromVolume(made.result)[0, 0, :3] = -200
    found = read(Profile(line, result=made.result, reference=made.reference))
    inner = slice(20, -20)
    assert np.nanmedian(found["Reference (scaled)"][inner] / found["Result"][inner]) == pytest.approx(
        1, abs=0.15
    )


@pytest.fixture
def made(panel):
    nodes = examined()
    panel.choose(nodes.scan)
    for name in ("examineSection", "profileSection"):
        getattr(panel.ui, name).collapsed = False
    panel.ui.examinedResultSelector.setCurrentNode(nodes.result)
    panel.ui.referenceSelector.setCurrentNode(nodes.reference)
    panel.events()
    return nodes


def testNewLineGoesThroughTheMiddleAlongThePoorDirection(panel, made):
    import slicer

    assert not panel.ui.profileButton.enabled
    line = panel.ui.profileLineSelector.addNode()
    panel.events()
    ends = slicer.util.arrayFromMarkupsControlPoints(line, world=True)
    bounds = np.zeros(6)
    made.result.GetRASBounds(bounds)
    np.testing.assert_allclose(ends[:, 2], bounds[4:])
    np.testing.assert_allclose(ends[:, :2], np.tile((bounds[:4:2] + bounds[1:4:2]) / 2, (2, 1)))
    assert panel.ui.profileButton.enabled


def show(panel):
    panel.ui.profileLineSelector.addNode()
    panel.events()
    panel.click("profileButton")
    return panel.parent.widget.panel._examine._profile._profile


def testPlotShowsThreeCurvesInALayoutWithAPlot(panel, made):
    import slicer

    profile = show(panel)
    layout = slicer.vtkMRMLLayoutNode
    assert slicer.app.layoutManager().layout == layout.SlicerLayoutFourUpPlotView
    view = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotViewNode")
    assert view.GetPlotChartNodeID() == profile.chart.GetID()
    series = [
        profile.chart.GetNthPlotSeriesNode(index)
        for index in range(profile.chart.GetNumberOfPlotSeriesNodes())
    ]
    assert [node.GetYColumnName() for node in series] == ["Scan", "Result", "Reference (scaled)"]
    assert len({node.GetLineStyle() for node in series}) == 3, "told apart without colors"
    assert "mm" in profile.chart.GetXAxisTitle()
    found = read(profile)
    middle = slice(len(found["mm"]) // 4, 3 * len(found["mm"]) // 4)
    assert np.corrcoef(found["Scan"][middle], found["Result"][middle])[0, 1] > 0.9
    panel.click("profileBackButton")
    assert slicer.app.layoutManager().layout == layout.SlicerLayoutFourUpView


def testSamePlotIsShownOnceAndAnotherOneForOtherVolumes(panel, made, scene):
    first = show(panel)
    panel.click("profileButton")
    section = panel.parent.widget.panel._examine._profile
    assert section._profile is first
    panel.ui.referenceSelector.setCurrentNode(None)
    panel.events()
    panel.click("profileButton")
    assert section._profile is not first
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 2


def testPlotFollowsTheLineAndTheVolume(panel, made):
    import slicer

    profile = show(panel)
    before = read(profile)
    profile.line.SetNthControlPointPositionWorld(0, (5.0, 5.0, 5.0))
    panel.events()
    moved = read(profile)
    assert len(moved["mm"]) != len(before["mm"]) or not np.allclose(
        moved["Scan"], before["Scan"], equal_nan=True
    )
    slicer.util.arrayFromVolume(made.result)[:] = 7
    slicer.util.arrayFromVolumeModified(made.result)
    panel.events()
    found = read(profile)["Result"]
    assert np.nanmax(np.abs(found - 7)) == 0


@pytest.mark.parametrize("name", ["line", "table", "volume"])
def testRemovedNodesEndThePlotWithoutHarm(panel, made, scene, name):
    profile = show(panel)
    scene.RemoveNode({"line": profile.line, "table": profile.table, "volume": made.result}[name])
    panel.events()
    slicerLine = profile.line if name != "line" else None
    if slicerLine is not None:
        slicerLine.SetNthControlPointPositionWorld(0, (1.0, 2.0, 3.0))
        panel.events()
    assert panel.parent.widget.panel._examine._profile._profile is None


def testSceneClosedWhileAPlotFollows(panel, made, scene):
    show(panel)
    scene.Clear(0)
    panel.events()
    assert not panel.ui.profileButton.enabled
    assert not panel.ui.profileBackButton.enabled
