"""Report and DICOM export, with clicks and a real worker."""

import numpy as np
import pytest

from engine.trust_dicom import write_series
from engine.trust_scans import head as madeHead
from gui.examine_scene import added, examined


@pytest.fixture
def database(host):
    """Slicer's DICOM database, empty."""
    import slicer

    from slicerhost.dicom import DicomDatabase

    slicer.dicomDatabase = DicomDatabase()
    yield slicer.dicomDatabase
    vars(slicer).pop("dicomDatabase", None)


@pytest.fixture
def made(panel):
    nodes = examined(shape=(36, 32, 30))
    panel.choose(nodes.scan)
    for name in ("examineSection", "reportSection"):
        getattr(panel.ui, name).collapsed = False
    panel.ui.examinedResultSelector.setCurrentNode(nodes.result)
    panel.events()
    return nodes


@pytest.fixture
def fromDicom(panel, made, database, tmp_path):
    """The scan as if it had been loaded from a series; a localizer lies in the same folder."""
    from MRISuperResolutionLib.Scene import VolumeBridge

    folder = tmp_path / "series"
    write_series(VolumeBridge.volumeFromNode(made.scan), folder)
    database.addFolder(folder)
    made.scan.SetAttribute("DICOM.instanceUIDs", " ".join(database.instances()))
    localizer = VolumeBridge.volumeFromNode(made.scan).cropped((0, 0, 0), (8, 8, 2))
    write_series(localizer, tmp_path / "localizer", SeriesDescription="AAA localizer")
    for path in (tmp_path / "localizer").iterdir():
        path.rename(folder / f"0-{path.name}")
    for scan in (None, made.scan):
        panel.ui.examinedScanSelector.setCurrentNode(scan)
        panel.events()
    return made


def write(panel, path) -> str:
    panel.ui.reportPath.currentPath = str(path)
    panel.click("reportButton")
    panel.finish()
    assert panel.ui.examineStatusLabel.text.startswith("Done in"), panel.ui.examineStatusLabel.text
    return path.read_text(encoding="utf-8")


def testReportIsWrittenWithoutNamesAndOpens(panel, made, tmp_path, monkeypatch):
    import qt

    made.scan.SetName("Doe Jane T1")
    assert not panel.ui.reportButton.enabled
    assert "file" in panel.ui.reportButton.toolTip
    page = write(panel, tmp_path / "report.html")
    assert "Doe Jane" not in page
    assert page.count("data:image/png") >= 6
    assert "Cubic B-spline" in page or "cubic" in page
    assert "Research use only" in page
    assert str(tmp_path / "report.html") in panel.ui.reportLabel.text
    opened = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    panel.click("openReportButton")
    assert opened == [str(tmp_path / "report.html")]
    assert panel.temporaryFiles == []


def testNameIsPrintedOnlyIfTheBoxIsTicked(panel, fromDicom, tmp_path):
    assert panel.ui.patientLineEdit.text == "Doe Jane"
    assert not panel.ui.patientLineEdit.enabled
    assert "Doe Jane" not in write(panel, tmp_path / "without.html")
    panel.click("patientCheckBox")
    assert panel.ui.patientLineEdit.enabled
    assert "Patient: Doe Jane" in write(panel, tmp_path / "with.html")


def testAnotherScanTakesTheTickAway(panel, fromDicom, scene):
    panel.click("patientCheckBox")
    panel.parameters.examinedScan = added(madeHead((20, 20, 20)), "Other")
    panel.events()
    assert not panel.ui.patientCheckBox.checked
    assert panel.ui.patientLineEdit.text == ""


def testReportHoldsTableAndMapsOfTheScene(panel, made, tmp_path):
    from MRISuperResolution import MRISuperResolutionLogic

    MRISuperResolutionLogic().compareWithReference(made.result, made.reference)
    page = write(panel, tmp_path / "full.html")
    assert "Models compared" in page
    assert "Where the result differs from the reference" in page
    assert "lanczos" in page


def testScanThatWasNotLoadedFromDicomCannotBeExported(panel, made, database, tmp_path):
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    assert not panel.ui.dicomButton.enabled
    assert "was not loaded from DICOM" in panel.ui.dicomButton.toolTip


@pytest.mark.parametrize("missing", ["database", "files"])
def testReasonIsGivenWhereTheSeriesIsNotAtHand(panel, fromDicom, tmp_path, missing):
    import slicer

    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    assert panel.ui.dicomButton.enabled
    if missing == "database":
        del slicer.dicomDatabase
    else:
        for path in (tmp_path / "series").iterdir():
            path.unlink()
    panel.parameters.detail = 30
    panel.events()
    assert not panel.ui.dicomButton.enabled
    words = {"database": "is not open", "files": "no longer where"}[missing]
    assert words in panel.ui.dicomButton.toolTip


def testSeriesIsWrittenBesideTheScansAndImported(panel, fromDicom, database, tmp_path):
    import pydicom
    import SimpleITK as sitk

    before = len(database.instances())
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    panel.click("dicomImportCheckBox")
    panel.click("dicomButton")
    panel.finish()
    files = sorted((tmp_path / "derived").iterdir())
    assert len(files) == fromDicom.result.GetImageData().GetDimensions()[2]
    header = pydicom.dcmread(files[0])
    assert list(header.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert header.SeriesDescription == "t1_mprage SR cubic"
    assert str(header.PatientName) == "Doe^Jane"
    assert "not for diagnosis" in header.ImageComments
    assert "added to the DICOM database" in panel.ui.dicomLabel.text
    assert len(database.instances()) == before + len(files)
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "derived")))
    np.testing.assert_allclose(image.GetSpacing(), fromDicom.result.GetSpacing(), rtol=1e-5)
    panel.events()
    assert not panel.ui.dicomButton.enabled, "the folder is taken now"
    assert "empty or new" in panel.ui.dicomButton.toolTip
    assert panel.temporaryFiles == []


def testSeriesIsNotImportedUnasked(panel, fromDicom, database, tmp_path):
    before = len(database.instances())
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    panel.click("dicomButton")
    panel.finish()
    assert len(database.instances()) == before
    assert "database" not in panel.ui.dicomLabel.text


def twin(node):
    """Another volume at the same place, as like the first one as two scans of a patient are."""
    from MRISuperResolutionLib.Scene import VolumeBridge

    volume = VolumeBridge.volumeFromNode(node)
    return added(volume.with_array(volume.array + 1), "Twin")


@pytest.mark.parametrize("button", ["reportButton", "dicomButton"])
@pytest.mark.parametrize("wrong", ["another scan", "another result", "a changed result"])
def testAResultIsOnlyToldOfWithItsOwnScan(panel, fromDicom, tmp_path, button, wrong):
    import slicer

    if wrong == "another scan":
        other = twin(fromDicom.scan)
        other.SetAttribute("DICOM.instanceUIDs", fromDicom.scan.GetAttribute("DICOM.instanceUIDs"))
        panel.ui.examinedScanSelector.setCurrentNode(other)
    elif wrong == "another result":
        other = twin(fromDicom.result)
        record = fromDicom.result.GetAttribute("MRISuperResolution.provenance")
        other.SetAttribute("MRISuperResolution.provenance", record)
        panel.ui.examinedResultSelector.setCurrentNode(other)
    else:
        slicer.util.arrayFromVolume(fromDicom.result)[3, 4, 5] += 100
    panel.ui.reportPath.currentPath = str(tmp_path / "report.html")
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    panel.events()
    panel.click(button)
    panel.events()
    words = "was not made from Twin" if wrong == "another scan" else "was changed since it was made"
    assert words in panel.ui.examineStatusLabel.text
    assert not (tmp_path / "report.html").exists()
    assert not (tmp_path / "derived").exists()
    assert panel.temporaryFiles == []


def testARenamedScanIsStillTheScan(panel, fromDicom, tmp_path):
    fromDicom.scan.SetName("x" * 300)
    fromDicom.result.SetName("y")
    write(panel, tmp_path / "report.html")


def testAResultWithoutARecordIsReportedOnButNotExported(panel, fromDicom, tmp_path):
    fromDicom.result.RemoveAttribute("MRISuperResolution.provenance")
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    write(panel, tmp_path / "report.html")
    assert not panel.ui.dicomButton.enabled
    assert "no record" in panel.ui.dicomButton.toolTip


def testAResultThatWasMovedIsNotExported(panel, fromDicom, tmp_path):
    x, y, z = fromDicom.result.GetOrigin()
    fromDicom.result.SetOrigin(x, y, z + 5)
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    panel.click("dicomButton")
    panel.finish()
    assert "does not lie on the series" in panel.ui.examineStatusLabel.text
    assert not (tmp_path / "derived").exists()


def testALostFileOfTheSeriesIsTold(panel, fromDicom, tmp_path):
    (tmp_path / "series" / "003.dcm").unlink()
    panel.ui.dicomPath.currentPath = str(tmp_path / "derived")
    panel.click("dicomButton")
    panel.events()
    assert "no longer where" in panel.ui.examineStatusLabel.text
