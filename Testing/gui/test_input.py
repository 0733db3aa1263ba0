"""Choosing a scan: what is said about it, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.conftest import phantom
from engine.dicom_enhanced import frames_of, write_enhanced
from gui.examine_scene import added
from gui.scans import head
from mrisr.errors import InputError
from mrisr.image.volume import check_volume


def testFirstVolumeOfTheSceneIsProposedAndDescribed(panel):
    node = head()
    panel.parent.exit()
    panel.parent.enter()
    assert panel.parameters.inputVolume is node
    panel.shot("01-input")


def testThickSlicesAreDescribedAndMadeIsotropicByDefault(panel):
    panel.choose(head())
    assert "48 × 56 × 12 voxels of 2 × 2 × 6 mm" in panel.ui.scanInfoLabel.text
    assert "Axial slices: 3.0 times coarser along S–I" in panel.ui.scanInfoLabel.text
    assert panel.ui.targetModeComboBox.currentText == "Same size in all directions (isotropic)"
    assert "48 × 56 × 36 voxels of 2 × 2 × 2 mm" in panel.ui.targetInfoLabel.text
    assert panel.ui.applyButton.enabled
    assert not panel.ui.scanWarningLabel.isVisibleTo(panel.parent)


def testIsotropicScanIsProposedTwiceAsFine(panel):
    panel.choose(head(shape=(24, 24, 24), spacing=(2.0, 2.0, 2.0)))
    assert "The voxels are equally long in all directions" in panel.ui.scanInfoLabel.text
    assert panel.ui.targetModeComboBox.currentText == "Refine by a factor"
    assert "48 × 48 × 48" in panel.ui.targetInfoLabel.text
    assert panel.ui.axesWidget.isVisibleTo(panel.parent)


def testChangingTheTargetByHandSurvivesLeavingTheModule(panel):
    panel.choose(head())
    panel.ui.targetModeComboBox.currentIndex = 1
    panel.ui.factorSpinBox2.value = 4
    panel.parent.exit()
    panel.parent.enter()
    assert panel.ui.targetModeComboBox.currentIndex == 1
    assert panel.ui.factorSpinBox2.value == 4


@pytest.fixture
def dicom(host):
    """A DICOM database with one instance; its headers can be set."""
    import slicer

    headers = {}
    slicer.dicomDatabase = SimpleNamespace(instanceValue=lambda uid, tag: headers.get(tag, ""))
    yield headers
    del slicer.dicomDatabase


def testSliceThicknessAndGapComeFromDicom(panel, dicom):
    dicom.update({"0008,0060": "MR", "0018,0050": "5.0", "0018,0088": "6.0"})
    node = head()
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    panel.choose(node)
    assert "Slices 5.0 mm thick, 6.0 mm apart (read from the DICOM header)." in panel.ui.scanInfoLabel.text
    assert not panel.ui.scanWarningLabel.isVisibleTo(panel.parent)


def testWithoutHeadersWhatIsUsualIsAssumedAndSaid(panel):
    panel.choose(head())
    assert "Slices taken to be 4.8 mm thick, 6.0 mm apart (assumed)." in panel.ui.scanInfoLabel.text


def testWhatTheHeaderSaysReachesTheWorker(panel, dicom):
    from mrisr.image.header import Header
    from MRISuperResolutionLib.Jobs.ExamineJobs import TrialJob
    from MRISuperResolutionLib.Jobs.Job import BatchJob, EnhanceJob
    from MRISuperResolutionLib.Jobs.Settings import settingsOf

    dicom.update({"0018,0050": "5.0", "0018,0088": "6.0", "0018,0023": "2D", "0018,1310": "0\\48\\28\\0"})
    dicom.update({"0018,1312": "COL", "0028,0010": "56", "0028,0011": "48"})
    node, other = head(), head("Other")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    panel.choose(node)
    expected = Header(5.0, 6.0, "2D", 2, (1.0, 0.5, None))
    assert panel.parent.widget.panel._state.scan.header == expected
    settings = settingsOf(panel.parameters)
    for job in (EnhanceJob(node, None, settings), TrialJob(node, ["cubic"], settings)):
        assert job.request().settings.known.header == expected
        job.close()
    batch = BatchJob([other, node], settings)
    assert batch.request().headers == (None, expected)
    batch.close()


def testWhatHeaderAndVoxelsDisagreeOnIsWarnedAbout(panel, dicom, monkeypatch):
    from mrisr.physics.estimation import Estimate
    from mrisr.pipeline import knowledge

    looks = []
    shown = Estimate(width=(None, None, 1.8), error=(None, None, 0.1))
    monkeypatch.setattr(knowledge, "estimate", lambda volume: looks.append(volume.shape) or shown)
    dicom.update({"0018,0050": "5.0", "0018,0023": "2D"})
    node = head()
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    panel.choose(node)
    panel.events()
    panel.ui.targetModeComboBox.currentIndex = 1
    assert (
        "The DICOM header says: slices 5.0 mm thick, 6.0 mm apart; the scan shows: "
        in panel.ui.scanWarningLabel.text
    )
    assert len(looks) == 1, "a scan is looked at once, not at every change of the panel"
    panel.ui.makingComboBox.currentText = "In thick slices"
    assert "Slices 5.0 mm thick, 6.0 mm apart (stated)." in panel.ui.scanInfoLabel.text


def testOtherModalityAndInterpolatedMatrixAreWarnedAbout(panel, dicom):
    dicom.update({"0008,0060": "CT", "0018,1310": "256\\0\\0\\192", "0028,0010": "512"})
    node = head()
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    panel.choose(node)
    warning = panel.ui.scanWarningLabel.text
    assert "CT scan" in warning
    assert "already interpolated" in warning
    assert panel.ui.applyButton.enabled, "a warning is no refusal"
    panel.shot("02-warnings")


@pytest.mark.parametrize("text", ["", "abc", "1.5\\0", "\\\\"])
def testBrokenDicomValuesAreIgnored(panel, dicom, text):
    dicom.update({"0018,0050": text, "0018,1310": text, "0028,0010": text})
    node = head()
    node.SetAttribute("DICOM.instanceUIDs", "1")
    panel.choose(node)
    assert panel.ui.applyButton.enabled


def testNothingChosenIsRefusedWithASentence(panel):
    assert panel.status == "Choose an input volume."
    assert not panel.ui.applyButton.enabled
    panel.shot("03-empty-scene")


def refusalOf(panel, node) -> str:
    panel.choose(node)
    assert not panel.ui.applyButton.enabled
    assert not panel.ui.simulateButton.enabled
    return panel.status


def testLabelMapIsRefusedWithASentence(panel):
    import slicer

    labels = np.ones((4, 5, 6), np.uint8)
    node = slicer.util.addVolumeFromArray(labels, name="Tumor", nodeClassName="vtkMRMLLabelMapVolumeNode")
    assert "Tumor is a label map" in refusalOf(panel, node)
    panel.shot("04-refused-label-map")


def testSeriesIsRefusedWithASentence(panel):
    import slicer

    node = slicer.util.addVolumeFromArray(
        np.zeros((4, 5, 6, 3), np.float32), name="Color", nodeClassName="vtkMRMLVectorVolumeNode"
    )
    assert "several values per voxel" in refusalOf(panel, node)


def testASingleSliceIsTakenAsTheEngineTakesIt(panel):
    import slicer

    rng = np.random.default_rng(0)
    node = slicer.util.addVolumeFromArray(np.hypot(*rng.normal(100, 20, (2, 1, 20, 24))), name="Slice")
    panel.choose(node)
    assert (panel.parameters.targetMode.name, panel.parameters.factor2) == ("Factor", 1)
    assert panel.ui.applyButton.enabled, panel.status
    panel.click("applyButton")
    panel.finish()
    assert panel.status.startswith("Done"), panel.status
    result = panel.parameters.trustResult
    assert result.GetImageData().GetDimensions() == (48, 40, 1)
    np.testing.assert_allclose(result.GetSpacing(), (0.5, 0.5, 1))


@pytest.mark.parametrize(
    ("order", "echoes", "words"),
    [
        (range(6), 1, ""),
        ((0, 3, 1, 4, 2, 5), 1, "not stored in the order of their places"),
        (range(6), 2, "holds 2 volumes, which differ in echo time"),
        ((0, 1, 2, 4, 5), 1, "a slice may be missing"),
    ],
)
def testOneFileWithAllSlicesIsCheckedLikeASeries(host, scene, tmp_path, monkeypatch, order, echoes, words):
    import slicer

    from MRISuperResolutionLib.Scene.ScanInfo import ScanInfo
    from slicerhost.dicom import DicomDatabase

    volume = phantom((12, 10, 6), affine=np.diag([1.0, 1, 4, 1]))
    frames = []
    for echo in range(echoes):
        every = frames_of(volume, {"MREchoSequence": {"EffectiveEchoTime": 10.0 + 80 * echo}})
        frames += [every[k] for k in order]
    write_enhanced(tmp_path / "e.dcm", frames, volume.affine)
    monkeypatch.setattr(slicer, "dicomDatabase", DicomDatabase(), raising=False)
    slicer.dicomDatabase.addFolder(tmp_path)
    node = added(volume, "Scan")
    node.SetAttribute("DICOM.instanceUIDs", " ".join(slicer.dicomDatabase.instances()))
    warning = ScanInfo.ofNode(node).warnings().get("slices", "")
    assert words in warning
    assert bool(words) == bool(warning)


def testARowOfVoxelsIsRefusedWithASentence(panel):
    import slicer

    assert "only one row of voxels" in refusalOf(
        panel, slicer.util.addVolumeFromArray(np.zeros((1, 1, 6)), name="Row")
    )


@pytest.mark.parametrize("shape", [(20, 1, 1), (1, 1, 1), (20, 20, 1), (1, 20, 20), (2, 2, 2)])
def testTheEngineRefusesTheShapesThatThePanelRefuses(host, scene, shape):
    import slicer

    from MRISuperResolutionLib.Scene import Refusals, VolumeBridge

    voxels = np.random.default_rng(0).normal(100, 20, shape[::-1])
    node = slicer.util.addVolumeFromArray(voxels, name="Scan")
    try:
        check_volume(VolumeBridge.volumeFromNode(node))
    except InputError as error:
        assert "one row of voxels" in str(error)
        assert "one row of voxels" in Refusals.ofInput(node)
    else:
        assert Refusals.ofInput(node) == ""


def testEmptyVolumeIsRefusedWithASentence(panel, scene):
    assert "holds no image" in refusalOf(panel, scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty"))


def testRefusalGoesAwayWithAUsableVolume(panel, scene):
    panel.choose(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty"))
    panel.choose(head())
    assert panel.status == ""
    assert panel.ui.applyButton.enabled
