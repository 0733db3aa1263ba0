"""A record, a report and a derived series belong to one result and the scan that it was made from, and to no other."""

import json
import shutil

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conftest import oblique_affine, phantom
from engine.dicom_enhanced import frames_of, write_enhanced
from engine.trust_dicom import write_series
from mrisr.cli import main
from mrisr.errors import FileError, InputError
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Grid
from mrisr.image.series import series_of
from mrisr.image.volume import Volume
from mrisr.pipeline.sidecar import fingerprint, record_of, sidecar_of, write_sidecar
from mrisr.reports.belonging import check_belongs, check_place

AFFINE = oblique_affine((1.0, 1.0, 3.0))
RECORD = {"statement": "Research use only.", "model": "cubic"}


def mrisr(capsys, *arguments):
    """The command's exit code and all that it said."""
    code = main([*map(str, arguments), "--progress", "off"])
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.fixture
def patients(tmp_path):
    """Two patients' series of the same name, number and place, each in a folder of its own, and both in `both`."""
    (tmp_path / "both").mkdir()
    for name in ("P1", "P2"):
        write_series(
            phantom((12, 14, 8), seed=int(name[1]), affine=AFFINE), tmp_path / name, PatientID=name, FrameOfReferenceUID="1.2.3",
        )  # fmt: skip
        for path in (tmp_path / name).iterdir():
            shutil.copy(path, tmp_path / "both" / f"{name}-{path.name}")
    return tmp_path


@pytest.fixture
def enhanced(patients, capsys):
    """P2's scan, enhanced."""
    code, said = mrisr(capsys, "enhance", patients / "P2", patients / "r.nii.gz", "--model", "cubic")
    assert code == 0, said
    return patients / "r.nii.gz"


def patients_of(folder):
    return {str(pydicom.dcmread(path).PatientID) for path in folder.iterdir()}


def test_a_folder_of_several_patients_is_refused_with_its_list_and_series_chooses(patients, enhanced, capsys):
    uids = {name: series_of(patients / name).uid for name in ("P1", "P2")}
    code, said = mrisr(capsys, "dicom", enhanced, patients / "both", patients / "out")
    assert code == 2
    assert "2 DICOM series of 2 patients" in said
    assert all(f"{uid} (t1_mprage, 8 files)" in said for uid in uids.values())
    code, said = mrisr(capsys, "dicom", enhanced, patients / "both", patients / "out", "--series", uids["P1"])
    assert (code, "made from another series" in said) == (2, True)
    assert not (patients / "out").exists()
    assert mrisr(capsys, "dicom", enhanced, patients / "both", patients / "a", "--series", uids["P2"])[0] == 0
    assert mrisr(capsys, "dicom", enhanced, patients / "both" / "P2-003.dcm", patients / "b")[0] == 0
    assert patients_of(patients / "a") == patients_of(patients / "b") == {"P2"}


def test_another_patients_series_at_the_same_place_is_refused(patients, enhanced, capsys):
    code, said = mrisr(capsys, "dicom", enhanced, patients / "P1", patients / "out")
    assert (code, "made from another series" in said) == (2, True)


@pytest.mark.parametrize("differs", ["one slice", "all slices"])
def test_another_frame_of_reference_is_refused(patients, enhanced, capsys, differs):
    for path in sorted((patients / "P2").iterdir())[: 1 if differs == "one slice" else None]:
        file = pydicom.dcmread(path)
        file.FrameOfReferenceUID = "1.2.4"
        file.save_as(path)
    code, said = mrisr(capsys, "dicom", enhanced, patients / "P2", patients / "out")
    assert (code, "frame" in said and "of reference" in said) == (2, True)


SERIES = Grid((12, 14, 8), AFFINE)


@settings(max_examples=60, deadline=None)
@given(
    factor=st.tuples(*[st.floats(1, 4)] * 3),
    order=st.permutations(range(3)),
    flips=st.tuples(*[st.booleans()] * 3),
    axis=st.integers(0, 2),
    shift=st.floats(0.2, 30) | st.floats(-30, -0.2),
    angle=st.floats(0.01, 0.5),
)
def test_a_result_lies_on_its_series_however_it_is_stored_and_moved_ones_do_not(
    factor, order, flips, axis, shift, angle
):
    fine = SERIES.resampled([round(f, 1) for f in factor])
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, old in enumerate(order):
        turn[old, new] = -1 if flips[old] else 1
        turn[old, 3] = fine.shape[old] - 1 if flips[old] else 0
    shape = tuple(fine.shape[old] for old in order)
    stored = Volume(np.zeros(shape, np.float32), fine.affine @ turn)
    check_place(stored, SERIES)
    check_place(stored.cropped((1, 0, 0), (shape[0] - 1, shape[1], shape[2])), SERIES)
    # One fine voxel may reach beyond where the factor is not whole.
    moved = stored.affine.copy()
    moved[:3, 3] += AFFINE[:3, axis] * (shift + np.sign(shift))
    with pytest.raises(InputError, match="does not lie on"):
        check_place(Volume(stored.array, moved), SERIES)
    with pytest.raises(InputError, match="turned"):
        check_place(Volume(stored.array, oblique_affine(angles=(angle, 0, 0)) @ stored.affine), SERIES)


def test_a_shift_of_a_fifth_of_a_voxel_is_seen_where_the_factor_is_whole():
    fine = SERIES.resampled((1, 1, 3))
    moved = fine.affine.copy()
    moved[:3, 3] += 0.2 * AFFINE[:3, 2]
    with pytest.raises(InputError, match=r"0\.6 mm beyond"):
        check_place(Volume(np.zeros(fine.shape, np.float32), moved), SERIES)


def test_a_result_without_a_series_in_its_record_is_known_by_its_place(patients, tmp_path):
    result = Volume(phantom((12, 14, 24)).array, SERIES.resampled((1, 1, 3)).affine)
    assert check_belongs(result, series_of(patients / "P1"), RECORD).file.parent.name == "P1"


def test_the_volume_of_a_file_that_was_enhanced_is_the_one_that_is_compared(tmp_path, capsys):
    volume = phantom((12, 14, 6), affine=AFFINE)
    frames = []
    for stack in (0, 20):
        frames += frames_of(volume, {"FrameContentSequence": {"StackID": str(stack)}})
        for frame in frames[-6:]:
            frame.k += stack
    path, out = write_enhanced(tmp_path / "e.dcm", frames, AFFINE), tmp_path / "r.nii.gz"
    assert mrisr(capsys, "enhance", path, out, "--frames", "2", "--model", "cubic")[0] == 0
    assert mrisr(capsys, "dicom", out, path, tmp_path / "right")[0] == 0
    code, said = mrisr(capsys, "dicom", out, path, tmp_path / "wrong", "--frames", "1")
    assert (code, "does not lie on the series" in said) == (2, True)


def test_results_of_one_stem_have_records_of_their_own(patients, capsys):
    models = {"r.nii.gz": "cubic", "r.nrrd": "linear", "r.mha": "lanczos"}
    for _twice in range(2):
        for name, model in models.items():
            assert (
                mrisr(capsys, "enhance", patients / "P2", patients / name, "--model", model, "--overwrite")[0]
                == 0
            )
    for name, model in models.items():
        code, said = mrisr(capsys, "dicom", patients / name, patients / "P2", patients / f"of {name}")
        assert (code, f"SR {model}" in said) == (0, True), said
    records = sorted(path.name for path in patients.glob("*.json"))
    assert records == ["r.json", "r.mha.json", "r.nrrd.json"]
    (patients / "r.nii.gz").unlink()
    assert sidecar_of(patients / "r.mha").name == "r.json", "its owner is gone"


def _by_hand(result):
    sidecar_of(result).write_text(json.dumps(RECORD))
    return result


def _by_a_careful_hand(result):
    sidecar_of(result).write_text(json.dumps({**RECORD, "output": {"name": result.name, "sha256": "0" * 64}}))
    return result


def _renamed(result):
    other = result.rename(result.with_name("other.nii.gz"))
    sidecar_of(result).rename(sidecar_of(other))
    return other


def _without_its_record(result):
    return result.rename(result.with_name("other.nii.gz"))


def _anothers(result):
    write_volume(read_volume(result), result.with_name("s.nii.gz"))
    write_sidecar(result.with_name("s.nii.gz"), RECORD)
    sidecar_of(result.with_name("s.nii.gz")).replace(sidecar_of(result))
    return result


def _changed(result):
    write_volume(read_volume(result), result)
    volume = read_volume(result)
    write_volume(volume.with_array(volume.array + 1), result)
    return result


def _of_odd_types(result):
    sidecar_of(result).write_text('{"statement": 1, "model": [], "output": ["r.nii.gz"]}')
    return result


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_by_hand, "does not say which file"),
        (_by_a_careful_hand, "is not the file"),
        (_renamed, "is the record of r.nii.gz"),
        (_without_its_record, "has no record"),
        (_anothers, "is the record of s.nii.gz"),
        (_changed, "is not the file"),
        (_of_odd_types, "does not say which file"),
    ],
)
def test_a_record_that_is_not_the_files_is_refused(patients, enhanced, capsys, change, words):
    scan, result = patients / "P2", change(enhanced)
    for command in (["dicom", result, scan, patients / "out"], ["report", scan, result, patients / "a.html"]):
        code, said = mrisr(capsys, *command)
        assert (code, words in said) == (2, True), said
    assert not (patients / "out").exists()
    assert mrisr(capsys, "report", scan, result, patients / "a.html", "--no-record")[0] == 0


def test_a_report_on_another_scan_is_refused(patients, enhanced, capsys):
    code, said = mrisr(capsys, "report", patients / "P1", enhanced, patients / "a.html")
    assert (code, "was not made from P1" in said) == (2, True)
    assert mrisr(capsys, "report", patients / "P2", enhanced, patients / "a.html")[0] == 0


def test_a_simulated_scan_is_no_result(patients, capsys):
    out = patients / "s.nii.gz"
    assert mrisr(capsys, "simulate", patients / "P2", out, "--protocol", "blur")[0] == 0
    code, said = mrisr(capsys, "dicom", out, patients / "P2", patients / "out")
    assert (code, "no result of a model" in said) == (2, True)


def test_the_record_tells_no_identifier_of_the_series(patients, enhanced):
    text = sidecar_of(enhanced).read_text(encoding="utf-8")
    series = series_of(patients / "P2")
    assert series.uid not in text
    assert "1.2.3" not in text.replace(np.__version__, "")
    assert record_of(enhanced)["input"] == "P2"


@settings(max_examples=30, deadline=None)
@given(
    dtype=st.sampled_from(["u1", ">i2", "<f4", "f8"]),
    order=st.sampled_from("CF"),
    at=st.tuples(*[st.integers(0, 2)] * 3),
)
def test_a_fingerprint_knows_voxels_by_their_values_and_places(dtype, order, at):
    array = np.arange(60).reshape(3, 4, 5)
    same = np.array(array, dtype=dtype, order=order)
    assert fingerprint(same) == fingerprint(array)
    same[at] += 1
    assert fingerprint(same) != fingerprint(array)
    assert fingerprint(array.reshape(4, 3, 5)) != fingerprint(array)


def test_files_of_several_series_are_no_source(patients, enhanced):
    from mrisr.reports.dicom_export import export_dicom

    files = [next((patients / name).iterdir()) for name in ("P1", "P2")]
    with pytest.raises(InputError, match="2 DICOM series"):
        export_dicom(read_volume(enhanced), files, patients / "out", RECORD)
    with pytest.raises(FileError, match="no DICOM image"):
        export_dicom(read_volume(enhanced), enhanced, patients / "out", RECORD)
