import locale
import os
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conftest import oblique_affine, phantom
from mrisr.cli import main
from mrisr.errors import FileError, InputError
from mrisr.image.files import WRITABLE, as_dtype, find_scans, read_volume, write_volume
from mrisr.image.itk import to_itk
from mrisr.image.volume import Volume
from mrisr.reports.dicom_export import export_dicom

angles = st.tuples(*[st.floats(-3, 3)] * 3)
spacings = st.tuples(*[st.floats(0.2, 8)] * 3)
origins = st.tuples(*[st.floats(-300, 300)] * 3)


@pytest.mark.parametrize("suffix", WRITABLE)
@settings(max_examples=25, deadline=None)
@given(spacing=spacings, angle=angles, origin=origins, flip=st.booleans())
def test_any_oblique_volume_survives_the_round_trip(tmp_path_factory, suffix, spacing, angle, origin, flip):
    volume = phantom((5, 6, 7), affine=oblique_affine(spacing, angle, origin, flip))
    path = tmp_path_factory.mktemp("trip") / f"scan{suffix}"
    write_volume(volume, path)
    back = read_volume(path)
    np.testing.assert_allclose(back.affine, volume.affine, atol=2e-4)
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.array.dtype == np.float32


def test_nibabel_and_simpleitk_agree_on_where_our_files_are(tmp_path):
    volume = phantom((5, 6, 7), affine=oblique_affine((0.5, 1, 3), flip=True))
    for suffix in WRITABLE:
        write_volume(volume, tmp_path / f"a{suffix}")
    expected = nib.load(tmp_path / "a.nii.gz").affine
    for suffix in set(WRITABLE) - {".mgz", ".mgh"}:  # which ITK does not know
        image = sitk.ReadImage(str(tmp_path / f"a{suffix}"))
        point = np.array(image.TransformContinuousIndexToPhysicalPoint((1.0, 2.0, 3.0)))
        np.testing.assert_allclose(point * [-1, -1, 1], (expected @ [1, 2, 3, 1])[:3], atol=1e-4)


def test_mgz_is_read_with_its_affine(tmp_path):
    volume = phantom((5, 6, 7), affine=oblique_affine((0.5, 1, 3)))
    nib.save(nib.MGHImage(volume.array, volume.affine), tmp_path / "scan.mgz")
    back = read_volume(tmp_path / "scan.mgz")
    np.testing.assert_allclose(back.affine, volume.affine, atol=1e-4)
    np.testing.assert_array_equal(back.array, volume.array)


@pytest.mark.parametrize(
    ("kept", "written"),
    [("u1", "u1"), ("i1", "i2"), ("u2", "i4"), ("u4", "i4"), ("f8", "f4"), ("i4", "i4")],
)
def test_mgz_is_written_in_a_type_that_it_knows_and_that_holds_all_values(tmp_path, kept, written):
    array = np.arange(120).reshape(4, 5, 6).astype(kept)
    write_volume(phantom((4, 5, 6)).with_array(array), tmp_path / "a.mgz", kept)
    image = nib.load(tmp_path / "a.mgz")
    assert image.get_data_dtype().newbyteorder("=") == np.dtype(written)
    np.testing.assert_array_equal(image.dataobj, array)


def test_a_scaled_nifti_gives_its_real_values_and_an_integer_one_its_type(tmp_path):
    array = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    image = nib.Nifti1Image(array, np.eye(4))
    nib.save(image, tmp_path / "plain.nii")
    assert read_volume(tmp_path / "plain.nii").array.dtype == np.int16
    image.header.set_slope_inter(0.5, 10)
    image.to_filename(tmp_path / "scaled.nii")
    raw = nib.load(tmp_path / "scaled.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "scaled.nii").array, raw.get_fdata(), rtol=1e-6)


def test_a_single_slice_and_a_series_of_one_are_taken(tmp_path):
    array = np.random.default_rng(0).random((8, 9)).astype(np.float32)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "slice.nii")
    nib.save(nib.Nifti1Image(array[:, :, None, None], np.eye(4)), tmp_path / "series.nii")
    assert read_volume(tmp_path / "slice.nii").shape == (8, 9, 1)
    assert read_volume(tmp_path / "series.nii").shape == (8, 9, 1)


def _broken(name, tmp_path):
    """A file of each kind that cannot be enhanced."""
    path = tmp_path / f"{name}.nii"
    array = np.random.default_rng(0).random((6, 6, 6)).astype(np.float32)
    image = nib.Nifti1Image(array, np.eye(4))
    if name == "series":
        image = nib.Nifti1Image(np.stack([array, array], -1), np.eye(4))
    if name == "complex":
        image = nib.Nifti1Image(array.astype(np.complex64), np.eye(4))
    if name == "labels":
        image.header.set_intent("label")
    if name == "color":
        path = path.with_suffix(".nrrd")
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 4, 4, 3), np.uint8), isVector=True), str(path))
        return path
    if name == "text":
        path.write_text("not a scan at all, though it says so")
        return path
    if name == "unknown":
        path = path.with_suffix(".jpeg")
        path.write_bytes(b"x")
        return path
    nib.save(image, path)
    if name == "truncated":
        path.write_bytes(path.read_bytes()[:600])
    return path


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("series", InputError, "one volume of the series"),
        ("complex", InputError, "magnitude"),
        ("labels", InputError, "label map"),
        ("color", InputError, "several values per voxel"),
        ("text", FileError, "cannot be read"),
        ("unknown", FileError, "no kind that can be read"),
        ("truncated", FileError, "cannot be read"),
    ],
)
def test_broken_files_are_refused_with_words(tmp_path, name, error, words):
    with pytest.raises(error, match=words):
        read_volume(_broken(name, tmp_path))


def test_a_missing_file_is_named():
    with pytest.raises(FileError, match=r"nowhere\.nii"):
        read_volume("nowhere.nii")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "out.nii.gz"
    write_volume(phantom((4, 4, 4)), target)
    before = target.read_bytes()

    def fail(_self, path):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(nib.Nifti1Image, "to_filename", fail)
    with pytest.raises(FileError, match="disk full"):
        write_volume(phantom((5, 5, 5)), target)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["out.nii.gz"]


def test_an_unwritable_kind_is_refused():
    with pytest.raises(FileError, match=r"\.nii\.gz"):
        write_volume(phantom((4, 4, 4)), "scan.jpeg")


def test_integers_are_rounded_and_clipped():
    given_values = np.array([-3.6, 0.4, 0.6, 254.5, 300.0])
    np.testing.assert_array_equal(as_dtype(given_values, np.uint8), [0, 0, 1, 254, 255])
    for wide in (np.int32, np.uint32, np.int64, np.uint64):
        highest, lowest = as_dtype(np.array([1e25, -1e25], np.float32), wide)
        assert highest == pytest.approx(np.iinfo(wide).max, rel=1e-9)
        assert lowest == np.iinfo(wide).min


def _write_dicom(folder, volume, positions=None, uid="1.2.826.0.1.3680043.2.1125.1", shift=0.0, turn=0.0):
    """A DICOM series with GDCM, as a scanner would lay it out: one file a slice.

    `shift` mm moves each slice against the one before, `turn` rad turns the last slice.
    """
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)  # which GDCM's writer, that is not ours, leaves at C
    image = sitk.Cast(to_itk(volume.array, volume.affine), sitk.sitkInt16)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    for k in range(image.GetDepth()):
        part = image[:, :, k]
        at = np.array(
            image.TransformContinuousIndexToPhysicalPoint(
                (0.0, 0.0, float(k if positions is None else positions[k]))
            )
        )
        at += shift * k * direction[:, 0]
        angle = turn if k == image.GetDepth() - 1 else 0.0
        rows = direction @ np.array(
            [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
        )
        tags = {
            "0008|0060": "MR",
            "0020|000e": uid,
            "0008|0018": f"{uid}.{k + 1}",
            "0020|0032": "\\".join(f"{v:.6f}" for v in at),
            "0020|0037": "\\".join(f"{v:.8f}" for v in rows[:, :2].T.ravel()),
            "0020|0013": str(k + 1),
        }
        for key, value in tags.items():
            part.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{k:03d}.dcm"))
        writer.Execute(part)
    locale.setlocale(locale.LC_ALL, before)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("flip", [False, True])
def test_every_voxel_of_a_dicom_series_lands_where_it_was(tmp_path, flip, reverse):
    volume = phantom((12, 10, 6), seed=3, affine=oblique_affine((1, 1, 4), flip=flip))
    if reverse:
        upside_down = volume.affine @ np.diag([1.0, 1, -1, 1])
        upside_down[:3, 3] = volume.affine[:3] @ [0, 0, 5, 1]
        volume = Volume(np.ascontiguousarray(volume.array[:, :, ::-1]), upside_down)
    _write_dicom(tmp_path / "sérîe", volume)
    back = read_volume(tmp_path / "sérîe")
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1).reshape(-1, 3)
    there = np.linalg.inv(back.affine) @ volume.affine @ np.c_[index, np.ones(len(index))].T
    nearest = np.rint(there[:3]).astype(int)
    np.testing.assert_allclose(there[:3], nearest, atol=5e-3)
    np.testing.assert_allclose(back.array[tuple(nearest)], np.floor(volume.array.reshape(-1)), atol=1)


def test_reading_and_writing_leave_the_processs_language_as_it_is(tmp_path):
    volume = phantom((12, 10, 6), affine=oblique_affine((1, 1, 4)))
    _write_dicom(tmp_path / "sérîe", volume)
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    try:
        volume = read_volume(tmp_path / "sérîe")
        for suffix in WRITABLE:
            write_volume(volume, tmp_path / f"é{suffix}")
            read_volume(tmp_path / f"é{suffix}")
        export_dicom(volume, tmp_path / "sérîe", tmp_path / "où", {"model": "cubic"})
        assert locale.setlocale(locale.LC_CTYPE) == "C.UTF-8"
    finally:
        locale.setlocale(locale.LC_ALL, before)


@pytest.mark.parametrize(
    ("wrong", "words"), [({"shift": 1.0}, "tilted"), ({"turn": 0.2}, "different directions")]
)
def test_tilted_stacks_and_localizers_are_refused(tmp_path, wrong, words):
    _write_dicom(tmp_path / "series", phantom((12, 10, 6), affine=np.diag([1.0, 1, 4, 1])), **wrong)
    with pytest.raises(InputError, match=words):
        read_volume(tmp_path / "series")


def test_a_header_in_microns_is_read_as_such(tmp_path):
    image = nib.Nifti1Image(
        np.random.default_rng(0).random((4, 5, 6)).astype(np.float32), np.diag([100.0, 100, 100, 1])
    )
    image.header.set_xyzt_units("micron")
    nib.save(image, tmp_path / "small.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "small.nii").spacing, 0.1, rtol=1e-6)


def test_a_big_endian_scan_is_written_in_its_type_by_every_writer(tmp_path):
    array = np.arange(4 * 5 * 6, dtype=">i2").reshape(4, 5, 6)
    nib.save(nib.MGHImage(array, np.eye(4)), tmp_path / "a.mgz")
    volume = read_volume(tmp_path / "a.mgz")
    for suffix in WRITABLE:
        write_volume(volume, tmp_path / f"out{suffix}", volume.array.dtype)
        np.testing.assert_array_equal(read_volume(tmp_path / f"out{suffix}").array, array)


def test_a_folder_that_is_a_file_is_answered_with_words(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot be written"):
        write_volume(phantom((4, 4, 4)), tmp_path / "file" / "out.nii")


@pytest.mark.parametrize(
    ("positions", "words"),
    [([0, 1, 2, 4, 5, 6], "evenly spaced.*after slice 3"), ([0, 1, 1, 2, 3, 4], "same place")],
)
def test_missing_and_doubled_slices_are_noticed(tmp_path, positions, words):
    _write_dicom(tmp_path / "series", phantom((12, 10, 6)), positions)
    with pytest.raises(InputError, match=words):
        read_volume(tmp_path / "series")


def test_a_folder_with_two_series_or_none_is_refused(tmp_path):
    with pytest.raises(FileError, match="no DICOM series"):
        read_volume(tmp_path)
    _write_dicom(tmp_path, phantom((6, 6, 3)))
    (tmp_path / "second").mkdir()
    _write_dicom(tmp_path / "second", phantom((6, 6, 3)), uid="1.2.826.0.1.3680043.2.1125.2")
    for file in (tmp_path / "second").iterdir():
        file.rename(tmp_path / f"b{file.name}")
    with pytest.raises(InputError, match="2 DICOM series"):
        read_volume(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((), "holds no scans: it is empty"),
        (("sub-1/", "sub-2/", "notes.txt"), r"sub-folders \(sub-1, …\) are searched for DICOM series only"),
        (("notes.txt",), "holds no scans, only other files"),
    ],
)
@pytest.mark.parametrize("output", ["out", "out.nii.gz"])
def test_a_folder_without_scans_is_called_what_it_is(tmp_path, capsys, content, words, output):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in content:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_text("x")
    assert main(["enhance", str(folder), str(tmp_path / output), "--progress", "off"]) == 2
    assert re.search(words, capsys.readouterr().err)


def test_a_folder_of_scans_says_which_sub_folders_are_left(tmp_path, capsys):
    write_volume(phantom((8, 8, 8)), tmp_path / "in" / "a.nii")
    (tmp_path / "in" / "more").mkdir()
    arguments = [
        "enhance",
        str(tmp_path / "in"),
        str(tmp_path / "out"),
        "--model",
        "cubic",
        "--progress",
        "off",
    ]
    assert main(arguments) == 0
    assert "Sub-folders are not searched: more." in capsys.readouterr().err
    assert main([*arguments, "--residual", "r.nii"]) == 2


def test_a_folder_lists_its_scans_and_dicom_folders(tmp_path):
    write_volume(phantom((4, 4, 4)), tmp_path / "b.nrrd")
    write_volume(phantom((4, 4, 4)), tmp_path / "a.nii.gz")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    _write_dicom(tmp_path / "c", phantom((6, 6, 3)))
    assert [p.name for p in find_scans(tmp_path)] == ["a.nii.gz", "b.nrrd", "c"]
