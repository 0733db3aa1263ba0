"""The colors and the transparency of maps in a scene that is saved and opened again."""

import numpy as np
import pytest

from slicerhost import savedialog


@pytest.fixture
def enhanced(logic, makeHead):
    """A result with a residual and a spread map."""
    return logic.process(makeHead((32, 36, 10), "MRHead"), consistency=10, residual=True, samples=2)


def colorsOf(node) -> np.ndarray:
    """(n, 4) colors and opacity that the slice views paint the node with."""
    table = node.GetDisplayNode().GetColorNode()
    assert table is not None, f"{node.GetName()} has lost its colors"
    return np.array(
        [table.GetLookupTable().GetTableValue(index) for index in range(table.GetNumberOfColors())]
    )


def mapsOf(scene, logic):
    trust = logic.trust(scene.GetFirstNodeByName("MRHead SR cubic"))
    return trust.residual, trust.spread


def testMapsKeepTheirColorsAndTheirTransparencyInASavedScene(scene, logic, enhanced, tmp_path):
    before = [colorsOf(node) for node in mapsOf(scene, logic)]
    assert {0.0, 0.8} <= set(np.round(before[0][:, 3], 2))
    savedialog.save(scene, tmp_path / "scene.mrml")
    savedialog.reopen(scene, tmp_path / "scene.mrml")
    for node, colors in zip(mapsOf(scene, logic), before, strict=True):
        np.testing.assert_allclose(colorsOf(node), colors, atol=1 / 255)
        assert node.GetDisplayNode().GetWindow() > 0


def testErrorMapKeepsItsColorsAndItsTransparencyInASavedScene(scene, host, makeHead, tmp_path):
    import slicer

    from MRISuperResolutionLib.Scene import ErrorMap, VolumeBridge

    result, reference = makeHead((16, 18, 6), "Result"), makeHead((16, 18, 6), "Reference")
    volume = VolumeBridge.volumeFromNode(reference)
    error, _ = ErrorMap.add(
        result,
        reference,
        lambda node: VolumeBridge.updateNode(node, volume.with_array(np.ones(volume.shape, np.float32))),
        lambda node: VolumeBridge.updateNode(node, volume),
    )
    before = colorsOf(error)
    savedialog.save(scene, tmp_path / "scene.mrml")
    savedialog.reopen(scene, tmp_path / "scene.mrml")
    np.testing.assert_allclose(colorsOf(slicer.util.getNode("Result error")), before, atol=1 / 255)


def testTablesAreMadeOnceAndMadeAnewWhereTheirFileWasLost(scene, host, tmp_path):
    from MRISuperResolutionLib.Scene import ColorTables

    table = ColorTables.rising()
    assert ColorTables.rising() is table
    savedialog.save(scene, tmp_path / "scene.mrml")
    next(tmp_path.glob("MRISuperResolutionSpread.*")).unlink()
    savedialog.reopen(scene, tmp_path / "scene.mrml")
    lookup = ColorTables.rising().GetLookupTable()
    assert [round(lookup.GetOpacity(index), 2) for index in (0, 255)] == [0.8, 0.8]
