"""The settings in a scene file, the sample data, the self-test, the module's face in Slicer."""

from pathlib import Path

import numpy as np
import pytest

from gui.scans import head
from slicerhost import sampledata


def testSettingsSurviveASceneFile(panel, scene, tmp_path):
    panel.choose(head("Kept"))
    panel.pick("lanczos")
    panel.ui.targetModeComboBox.currentText = "Refine by a factor"
    panel.ui.factorSpinBox2.value = 3.5
    panel.ui.deviceComboBox.currentIndex = 1
    panel.ui.consistencyComboBox.currentText = "10 steps"
    panel.ui.detailSlider.value = 65
    panel.ui.seedSpinBox.value = 42
    path = tmp_path / "scene.mrml"
    node = panel.parameters.inputVolume
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(tmp_path / "kept.nrrd"))
    node.GetStorageNode().WriteData(node)
    scene.SetURL(str(path))
    scene.Commit()

    scene.Clear(0)
    panel.choose(head("Other"))
    assert panel.parameters.seed == 0
    scene.SetURL(str(path))
    scene.Connect()

    parameters = panel.parameters
    assert parameters.inputVolume.GetName() == "Kept"
    assert (parameters.model, parameters.seed, parameters.detail) == ("lanczos", 42, 65)
    assert panel.ui.targetModeComboBox.currentText == "Refine by a factor"
    assert panel.ui.factorSpinBox2.value == 3.5
    assert panel.ui.deviceComboBox.currentText == "Processor (CPU)"
    assert panel.ui.consistencyComboBox.currentText == "10 steps"
    assert panel.ui.modelTree.currentItem().text(0) == "Interpolation – Lanczos"
    assert panel.ui.applyButton.enabled, panel.status


def testValuesOutOfRangeAreNotStored(panel):
    for name, value in (("detail", 101.0), ("factor0", 0.5), ("seed", -1)):
        with pytest.raises(ValueError, match="within"):
            setattr(panel.parameters, name, value)


def testSamplesAreRegisteredAndThePhantomNeedsNoDownload(host, scene):
    import SampleData

    from MRISuperResolutionLib.Scene.Records import provenanceOf

    sources = SampleData.SampleDataLogic.sources
    assert "MRI Super-Resolution" in SampleData.SampleDataLogic.categories
    assert set(sources) == {"SyntheticHeadThickSlices", "MRHeadThickSlices"}
    for name, source in sources.items():
        assert (source.uris, source.fileNames, source.nodeNames) == ([""], [f"{name}.nrrd"], [name])
        assert Path(source.thumbnailFileName).is_file()
    node = sampledata.click("SyntheticHeadThickSlices")
    assert node.GetName().startswith("SyntheticHeadThickSlices")
    np.testing.assert_allclose(node.GetSpacing(), (1.5, 1.5, 6), atol=1e-5)
    assert provenanceOf(node) == {"protocol": "thick4"}


def testMRHeadSampleIsMadeFromSlicersOwn(host, scene, monkeypatch):
    import SampleData

    monkeypatch.setattr(
        SampleData.SampleDataLogic,
        "downloadMRHead",
        lambda self: head("MRHead", (32, 32, 32), (1.0, 1.0, 1.3)),
        raising=False,
    )
    node = sampledata.click("MRHeadThickSlices")
    assert node.GetImageData().GetDimensions() == (32, 32, 8)
    assert scene.GetFirstNodeByName("MRHead") is None


def testSelfTestPassesAsSlicerRunsIt(panel):
    import slicer

    slicer.selfTests["MRISuperResolution"](msec=0)


def testSelfTestReportsWhatFails(panel, monkeypatch):
    import slicer

    from MRISuperResolutionLib import SelfTest

    def broken():
        raise RuntimeError("the logic is broken")

    monkeypatch.setattr(SelfTest, "Logic", broken)
    with pytest.raises(AssertionError, match="the logic is broken"):
        slicer.selfTests["MRISuperResolution"](msec=0)


def testModuleTellsSlicerWhatItIs(host):
    parent = host.module
    assert parent.title == "MRI Super-Resolution"
    assert parent.categories == ["Filtering"]
    assert "estimated, not measured" in parent.helpText
    assert not parent.icon.isNull()


def testIconIs128Pixels(host):
    import qt

    root = Path(host.module.path).parent
    for path in (
        root / "Resources/Icons/MRISuperResolution.png",
        root.parent / "Resources/MRISuperResolution.png",
    ):
        image = qt.QImage(str(path))
        assert (image.width(), image.height()) == (128, 128)


def testUnloadingTheModuleTakesItsObserversAway(host, scene):
    parent = host.module.widgetRepresentation()
    parent.enter()
    widget = parent.widget.panel
    host.module.discard()
    assert widget.Observations == []
