"""The Examine section in the Python console: the examples of the documentation, and what scripts count on."""

import re
from pathlib import Path

import numpy as np
import pytest

from engine.trust_dicom import write_series
from gui.examine_scene import DEGREES, examined
from gui.test_examine_trial import column


@pytest.fixture
def made(scene, forks):
    return examined()


@pytest.fixture
def logic(host):
    from MRISuperResolution import MRISuperResolutionLogic

    return MRISuperResolutionLogic()


def testDocumentedExampleRuns(logic, made, tmp_path, monkeypatch, capsys):
    import slicer

    from MRISuperResolutionLib import Examine

    monkeypatch.chdir(tmp_path)
    example = Examine.__doc__.split("Example::")[1]
    code = "\n".join(line.removeprefix("    ") for line in example.splitlines())
    names = {
        "slicer": slicer,
        "MRISuperResolutionLogic": type(logic),
        "scan": made.scan,
        "reference": made.reference,
    }
    exec(code, names)
    assert "turned by" in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Where the result differs from the reference" in page
    assert names["logic"].provenance(names["result"])["model"] == names["table"].GetAttribute(
        "MRISuperResolution.best"
    )


def testReadmesExampleRuns(logic, made, tmp_path, monkeypatch, capsys):
    import slicer

    from MRISuperResolutionLib.Scene import VolumeBridge

    monkeypatch.chdir(tmp_path)
    write_series(VolumeBridge.volumeFromNode(made.scan), tmp_path / "series")
    line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Line")
    slicer.util.updateMarkupsControlPointsFromArray(line, np.array([[6.0, 22, 22], [46, 22, 22]]))
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    (example,) = (
        block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "tryModels" in block
    )
    exec(example, {"scan": made.scan, "reference": made.reference, "line": line})
    assert "turned by" in capsys.readouterr().out
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert list((tmp_path / "derived").iterdir())


def testTryModelsReturnsATableWithTheBestMarked(logic, made):
    import slicer

    table = logic.tryModels(made.scan, ["gradient-filters-thick"], factor=(1, 1, 3))
    assert column(table, "model") == [
        "Interpolation – linear",
        "Interpolation – cubic",
        "Interpolation – Lanczos",
        "Interpolation – back-projection",
        "Thick slices – fast",
    ]
    scores = slicer.util.arrayFromTableColumn(table, "psnr_mask")
    assert column(table, "mark")[int(np.argmax(scores))] == "best"
    assert column(table, "mark").count("best") == 1
    assert table.GetNodeReference("MRISuperResolution.scan") is made.scan


def testTryModelsTellsTheMonitorAndCanBeCancelled(logic, made, scene):
    from mrisr.errors import Cancelled
    from mrisr.progress import CancelToken, Monitor

    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        logic.tryModels(made.scan, [], factor=(1, 1, 3), monitor=Monitor(cancel=token))
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def testComparisonFindsTheScanByItself(logic, made):
    found = logic.compareWithReference(made.result, made.reference)
    assert [row["model"] for row in found.rows] == ["result", "linear", "cubic", "lanczos"]
    assert found.rotationDegrees == pytest.approx(np.linalg.norm(DEGREES), abs=0.7)
    assert found.aligned.GetName() == "Reference registered"
    assert found.error is made.result.GetNodeReference("MRISuperResolutionError")
    assert column(found.table, "mark").count("best") == 1


def testProfileReadsTheRegisteredReference(logic, made):
    import slicer

    logic.compareWithReference(made.result, made.reference)
    line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Line")
    slicer.util.updateMarkupsControlPointsFromArray(line, np.array([[6.0, 22, 22], [46, 22, 22]]))
    profile = logic.profile(line, made.scan, made.result, made.reference)
    curves = [
        slicer.util.arrayFromTableColumn(profile.table, name) for name in ("Result", "Reference (scaled)")
    ]
    assert np.corrcoef(*curves)[0, 1] > 0.8
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView


def testReportPrintsAPatientOnlyIfAsked(logic, made, tmp_path):
    made.scan.SetName("Jane Doe T1")
    page = logic.report(made.result, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Doe" not in re.sub('base64,[^"]*', "", page)  # in the bytes of pictures it may stand by chance
    assert "Patient: Somebody" in logic.report(
        made.result, tmp_path / "b.html", patient="Somebody"
    ).read_text(encoding="utf-8")


def testReportHoldsTheVerdictOfTheRun(logic, made, tmp_path):
    page = logic.report(made.result, tmp_path / "a.html").read_text(encoding="utf-8")
    assert re.search(r'class="verdict (green|amber|red)"', page)
    verdict = logic.core.trust(made.result).verdict
    assert verdict["sentence"].replace("'", "&#x27;") in page


def testDicomExportTakesAFolderOrTheDatabase(logic, made, tmp_path):
    import slicer

    from MRISuperResolutionLib.Scene import VolumeBridge
    from slicerhost.dicom import DicomDatabase

    write_series(VolumeBridge.volumeFromNode(made.scan), tmp_path / "series")
    written = logic.exportDicom(made.result, tmp_path / "a", source=tmp_path / "series")
    assert written.files == made.result.GetImageData().GetDimensions()[2]
    assert len(list(Path(written.folder).iterdir())) == written.files
    with pytest.raises(ValueError, match="was not loaded from DICOM"):
        logic.exportDicom(made.result, tmp_path / "b")
    slicer.dicomDatabase = DicomDatabase()
    try:
        slicer.dicomDatabase.addFolder(tmp_path / "series")
        made.scan.SetAttribute("DICOM.instanceUIDs", " ".join(slicer.dicomDatabase.instances()))
        assert logic.exportDicom(made.result, tmp_path / "b").description == "t1_mprage SR cubic"
    finally:
        del slicer.dicomDatabase


def testWhatCannotBeDoneIsRefusedWithASentence(logic, made, scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    for call in (lambda: logic.tryModels(empty), lambda: logic.compareWithReference(made.result, empty)):
        with pytest.raises(ValueError, match="holds no image"):
            call()
    with pytest.raises(ValueError, match="name it with scan="):
        logic.report(made.reference, "never.html")
    with pytest.raises(ValueError, match="not several"):
        logic.tryModels(made.scan, factor=2, isotropic=True)


def testRecordsGiveBackWhatTheEngineWrote(made):
    from MRISuperResolutionLib.Scene.Records import recordOf

    record = recordOf(made.result)
    assert record["model"] == "cubic"
    assert record["weights_sha256"] is None
    assert isinstance(record["trust"], dict)
    assert isinstance(record["seconds"], float)
    assert not {"inputName", "inputNode"} & set(record)


def testResultsAreExportedBesideTheirOwnSeriesOnly(logic, made, tmp_path):
    from mrisr.errors import InputError
    from MRISuperResolutionLib.Scene import VolumeBridge

    scan = VolumeBridge.volumeFromNode(made.scan)
    write_series(scan, tmp_path / "series")
    write_series(scan.cropped((0, 0, 0), (8, 8, 2)), tmp_path / "other", PatientID="1")
    for path in (tmp_path / "other").iterdir():
        path.rename(tmp_path / "series" / f"0-{path.name}")
    with pytest.raises(InputError, match="2 DICOM series of 2 patients"):
        logic.exportDicom(made.result, tmp_path / "out", source=tmp_path / "series")
    with pytest.raises(InputError, match="does not lie on the series"):
        logic.exportDicom(made.result, tmp_path / "out", source=tmp_path / "series" / "0-000.dcm")
    done = logic.exportDicom(made.result, tmp_path / "out", source=tmp_path / "series" / "003.dcm")
    assert done.files == made.result.GetImageData().GetDimensions()[2]
    with pytest.raises(ValueError, match="has no record"):
        logic.exportDicom(made.reference, tmp_path / "again", source=tmp_path / "series" / "003.dcm")
    with pytest.raises(InputError, match="was not made from Reference"):
        logic.report(made.result, tmp_path / "a.html", scan=made.reference)
