"""What is said before a run: from the headers at once, from the voxels a moment later, never in the way of anything."""

from types import SimpleNamespace

import numpy as np
import pytest

from gui.scans import head


def isotropic(name: str = "Isotropic", shape=(52, 52, 52)):
    return head(name, shape=shape, spacing=(2.0, 2.0, 2.0))


def oversampled(name: str = "Interpolated"):
    """A head on half as many voxels along S–I, brought back to the matrix by zero-filling."""
    import slicer
    from scipy.signal import resample

    node = isotropic(name)
    array = slicer.util.arrayFromVolume(node)
    array[...] = np.abs(resample(array[::2], array.shape[0], axis=0))
    slicer.util.arrayFromVolumeModified(node)
    return node


def warnings(panel) -> str:
    """What is said once the scan was looked at."""
    rails = panel.parent.widget.panel._rails
    panel.waitUntil(lambda: not rails._timer.active, "the scan to be looked at")
    return panel.ui.scanWarningLabel.text


def testAGoodScanIsNotWarnedAbout(panel):
    panel.choose(isotropic())
    assert warnings(panel) == ""
    assert not panel.ui.scanWarningLabel.isVisibleTo(panel.parent)


def testAnInterpolatedAxisIsRecognizedFromTheVoxels(panel):
    panel.choose(oversampled())
    assert "Along head–foot the scan holds detail down to about" in warnings(panel)
    assert panel.ui.scanWarningLabel.isVisibleTo(panel.parent)
    assert panel.ui.applyButton.enabled, "a warning is no refusal"
    panel.shot("41-guard-rail")


def testClippedValuesAndTooFewSlicesAreSaid(panel):
    import slicer

    node = head(shape=(48, 56, 8))
    array = slicer.util.arrayFromVolume(node)
    array[...] = np.minimum(array, 500)
    panel.choose(node)
    text = warnings(panel)
    assert "very highest value" in text
    assert "only 8 voxels" in text
    assert text.count("⚠") == 2


def testWhatTheEngineTakesAsBackgroundAndWhatItWillRefuseIsSaid(panel):
    import slicer

    node = isotropic()
    array = slicer.util.arrayFromVolume(node).astype(np.float32)
    padded = array.copy()
    padded[:, :, :3] = np.nan
    slicer.util.updateVolumeFromArray(node, padded)
    panel.choose(node)
    assert "at the border, are nan, which is no tissue" in warnings(panel)
    labels = isotropic("Labels")
    slicer.util.updateVolumeFromArray(labels, np.where(array > array.mean(), 41.0, 2.0))
    panel.choose(labels)
    assert "looks like a label map" in warnings(panel)


def testAContrastUnlikeTheTrainingIsSaidForTheModelThatWasTrained(panel):
    import slicer

    node = isotropic("Negative")
    array = slicer.util.arrayFromVolume(node)
    array[...] = np.where(array > 40, 900 - array, 0) * (array < 700)
    panel.choose(node, "edsr3d-iso2")
    assert "contrast is unlike" in warnings(panel)
    panel.pick("cubic")
    assert warnings(panel) == ""


def testWhatWasSaidOfOneScanIsNotSaidOfTheNext(panel):
    bad, good = oversampled(), isotropic()
    panel.choose(bad)
    assert warnings(panel)
    panel.choose(good)
    assert panel.ui.scanWarningLabel.text == "", "at once"
    assert warnings(panel) == ""
    panel.choose(bad)
    panel.choose(good)  # before the first was looked at
    assert warnings(panel) == ""


def testTheScanIsLookedAtOnceForManyQuickChangesAndAgainWhenItChanges(panel, monkeypatch):
    import slicer

    from MRISuperResolutionLib.Panels import GuardRailsPanel

    looked = []
    check = GuardRailsPanel.check_scan
    monkeypatch.setattr(GuardRailsPanel, "check_scan", lambda *a, **k: looked.append(k) or check(*a, **k))
    node = isotropic()
    panel.choose(node)
    warnings(panel)
    looked.clear()
    for factor in (2.5, 3.0, 3.5, 4.0):
        panel.ui.factorSpinBox0.value = factor
    warnings(panel)
    assert len([kind for kind in looked if "target" in kind]) == 1
    panel.pick("linear")
    warnings(panel)
    assert len([kind for kind in looked if "target" in kind]) == 1, "what holds for all models is known"
    panel.parameters.seed = 3
    panel.events()
    assert not panel.parent.widget.panel._rails._timer.active, "the seed changes nothing"
    slicer.util.arrayFromVolume(node)[...] = np.minimum(slicer.util.arrayFromVolume(node), 500)
    slicer.util.arrayFromVolumeModified(node)
    panel.parameters.seed = 4
    assert "very highest value" in warnings(panel)


def testARunIsNotDisturbed(panel):
    panel.choose(oversampled())
    panel.click("applyButton")
    for factor in (1.5, 1.75):
        panel.ui.factorSpinBox0.value = factor
    assert "Along head–foot" in warnings(panel)
    panel.finish()
    assert panel.status.startswith("Done")


def testLeavingTheModuleOrTheSceneStopsTheLooking(panel, scene):
    rails = panel.parent.widget.panel._rails
    panel.choose(isotropic())
    panel.parent.exit()
    assert not rails._timer.active
    panel.parent.enter()
    scene.Clear(0)
    assert not rails._timer.active
    assert panel.ui.scanWarningLabel.text == ""


@pytest.fixture
def series(host):
    """A volume as if loaded from DICOM slices at the given positions along S–I, in mm."""
    import slicer

    def loaded(positions, modality="MR"):
        headers = {
            f"1.{index}": {
                "0008,0060": modality,
                "0020,0037": "1\\0\\0\\0\\1\\0",
                "0020,0032": f"-20\\-20\\{position}",
            }
            for index, position in enumerate(positions)
        }
        slicer.dicomDatabase = SimpleNamespace(instanceValue=lambda uid, tag: headers[uid].get(tag, ""))
        node = head()
        node.SetAttribute("DICOM.instanceUIDs", " ".join(headers))
        return node

    yield loaded
    del slicer.dicomDatabase


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        (np.arange(0, 60, 5.0), ""),
        (np.arange(60, 0, -5.0), ""),
        (np.delete(np.arange(0, 60, 5.0), 4), "missing inside the series (1)"),
        (np.delete(np.arange(0, 90, 5.0), [4, 5, 9]), "missing inside the series (3)"),
        ([0, 5, 10, 16, 22, 28], "(5 to 6 mm)"),
        ([0, 5.01, 10, 15.02, 20], ""),
        ([0, 5], ""),
    ],
)
def testMissingAndUnequalSlicesAreSaid(panel, series, positions, words):
    panel.choose(series(positions))
    assert words in panel.ui.scanWarningLabel.text
    assert bool(words) == ("lice" in panel.ui.scanWarningLabel.text)


def testAnotherModalityIsSaidOnceAndAtOnce(panel, series):
    panel.choose(series(np.arange(0, 60, 5.0), "CT"))
    assert (
        panel.ui.scanWarningLabel.text
        == "⚠ This is a CT scan; the models were made for MR and would make detail up."
    )
    assert warnings(panel).count("CT") == 1


def testAScanBentByATransformIsSaid(panel, scene):
    node = head()
    node.SetAndObserveTransformNodeID(scene.AddNewNodeByClass("vtkMRMLGridTransformNode").GetID())
    panel.choose(node)
    assert "bent by a transform" in panel.ui.scanWarningLabel.text


def testHeadersThatDoNotSayAreNoReasonToWarn(panel, series):
    node = series([0.0, 5.0, 11.0])
    import slicer

    slicer.dicomDatabase = SimpleNamespace(
        instanceValue=lambda uid, tag: "a\\b\\c" if tag == "0020,0032" else ""
    )
    panel.choose(node)
    assert panel.ui.scanWarningLabel.text == ""
