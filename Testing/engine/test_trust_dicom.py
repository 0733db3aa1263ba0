import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from engine.conftest import oblique_affine, phantom
from engine.test_worker import do
from engine.trust_dicom import write_series
from mrisr.cli import main
from mrisr.errors import Cancelled, FileError
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Target
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.pipeline.sidecar import write_sidecar
from mrisr.progress import Monitor
from mrisr.reports.dicom_export import COMMENT, export_dicom


@pytest.fixture(params=[False, True], ids=["right-handed", "left-handed"])
def source(request, tmp_path):
    folder = tmp_path / "source"
    write_series(phantom((20, 24, 8), affine=oblique_affine((1, 1, 3), flip=request.param)), folder)
    return folder


@pytest.fixture
def result(source):
    return enhance(read_volume(source), Settings(target=Target.isotropic()))


def test_the_series_read_back_is_the_result_in_its_place(source, result, tmp_path):
    done = export_dicom(result.volume, source, tmp_path / "out", result.provenance)
    assert done.files == result.volume.shape[2] == 24
    back = read_volume(tmp_path / "out")  # by SimpleITK, which may count the slices from the other end
    index = np.linalg.inv(back.affine) @ result.volume.affine
    order = slice(None) if index[2, 2] > 0 else slice(None, None, -1)
    np.testing.assert_allclose(back.array[:, :, order], result.volume.array, atol=0.51)
    corners = {tuple(np.round(c, 3)) for c in back.corners}
    assert corners == {tuple(np.round(c, 3)) for c in result.volume.corners}


def test_nothing_that_is_used_is_about_to_go(source, result, tmp_path):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        export_dicom(result.volume, source, tmp_path / "out", result.provenance)
    assert [
        str(warning.message)
        for warning in told
        if issubclass(warning.category, (DeprecationWarning, FutureWarning))
    ] == []


def test_it_is_a_derived_series_of_the_same_patient_and_study(source, result, tmp_path):
    export_dicom(result.volume, source, tmp_path / "out", result.provenance)
    slices = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").iterdir())]
    original = pydicom.dcmread(source / "000.dcm")
    first = slices[0]
    assert list(first.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    for keyword in [
        "PatientName",
        "PatientID",
        "StudyInstanceUID",
        "FrameOfReferenceUID",
        "AccessionNumber",
        "MagneticFieldStrength",
    ]:
        assert first[keyword].value == original[keyword].value
    assert first.SeriesInstanceUID != original.SeriesInstanceUID
    assert len({s.SOPInstanceUID for s in slices} | {original.SOPInstanceUID}) == len(slices) + 1
    assert len({s.SeriesInstanceUID for s in slices}) == 1
    assert "cubic" in first.SeriesDescription
    assert "t1_mprage" in first.SeriesDescription
    assert first.ImageComments.startswith(COMMENT)
    assert first.SeriesNumber == 9003
    assert [s.InstanceNumber for s in slices] == list(range(1, 25))
    values = first.pixel_array * float(first.RescaleSlope) + float(first.RescaleIntercept)
    np.testing.assert_allclose(values.T, result.volume.array[:, :, 0], atol=0.51)
    assert sitk.ReadImage(str(tmp_path / "out" / "IM00001.dcm")).GetSize()[:2] == (20, 24)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_any_range_of_values_survives_with_sixteen_bits(source, result, tmp_path, scale):
    scaled = result.volume.with_array(result.volume.array * scale - scale)
    export_dicom(scaled, source, tmp_path / "out", result.provenance)
    step = np.ptp(scaled.array) / 65535 if scale != 1 else 1
    back = read_volume(tmp_path / "out").array
    # In any order of the slices: the sorted values agree within a step.
    np.testing.assert_allclose(np.sort(back.ravel()), np.sort(scaled.array.ravel()), atol=0.6 * step)


def test_a_long_description_gives_way_to_the_models_name(source, result, tmp_path):
    folder = tmp_path / "long"
    write_series(read_volume(source), folder, SeriesDescription="x" * 60)
    done = export_dicom(result.volume, folder, tmp_path / "out", {"model": "gradient-filters-thick"})
    assert done.description == "SR gradient-filters-thick"


def test_nothing_is_overwritten_or_left_half_done(source, result, tmp_path):
    with pytest.raises(FileError, match="empty folder"):
        export_dicom(result.volume, source, source, result.provenance)
    with pytest.raises(FileError, match="no DICOM series"):
        export_dicom(result.volume, tmp_path / "nowhere", tmp_path / "out", result.provenance)
    monitor = Monitor(lambda _stage, done, _total: monitor.cancel.cancel() if done == 5 else None)
    with pytest.raises(Cancelled):
        export_dicom(result.volume, source, tmp_path / "out", result.provenance, monitor)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_command_and_the_worker_write_it_too(source, result, tmp_path, capsys):
    path = tmp_path / "sr.nrrd"
    write_volume(result.volume, path)
    write_sidecar(path, result.provenance)
    assert main(["dicom", str(path), str(source), str(tmp_path / "a"), "--progress", "off"]) == 0
    assert "24 slices" in capsys.readouterr().out
    code, events = do(
        tmp_path, task="dicom", result=str(path), source=str(source), output=str(tmp_path / "b")
    )
    assert code == 0
    assert events[-1]["files"] == 24
    assert "cubic" in events[-1]["description"]
    first = pydicom.dcmread(tmp_path / "b" / "IM00001.dcm")
    assert str(first.SeriesInstanceUID) == events[-1]["series_uid"]
    code, events = do(tmp_path, task="dicom", result=str(path), output=str(tmp_path / "c"))
    assert (code, "source" in events[-1]["message"]) == (2, True)
