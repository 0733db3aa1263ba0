"""DICOM series as scanners, archives and broken copies leave them: one file a slice, or all slices as frames of one file."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import RLELossless

from engine.conftest import oblique_affine, phantom
from engine.dicom_enhanced import Frame, frames_of, write_enhanced
from engine.trust_dicom import write_series
from mrisr.cli import main
from mrisr.errors import FileError, InputError, MrisrError
from mrisr.image.dicom import misread
from mrisr.image.dicom_frames import Slice, slices_of
from mrisr.image.dicom_volumes import grid_of, one_volume
from mrisr.image.files import read_volume
from mrisr.image.itk import LPS_TO_RAS, from_itk
from mrisr.image.series import Choice, series_of
from mrisr.image.volume import Volume

AFFINE = oblique_affine((1.0, 1.2, 4.0))


def whole(shape=(12, 10, 6), seed=0, affine=AFFINE):
    """A scan of whole numbers, all slices different."""
    volume = phantom(shape, seed, affine)
    return volume.with_array(np.rint(volume.array + 10 * np.arange(shape[2])))


def assert_same(read, truth, tolerance=0.01):
    """The same values at the same places, to a share of a voxel; slices may be counted from the other end."""
    index = np.stack(np.meshgrid(*map(np.arange, truth.shape), indexing="ij"), -1).reshape(-1, 3)
    there = (np.linalg.inv(read.affine) @ truth.affine @ np.c_[index, np.ones(len(index))].T)[:3]
    nearest = np.rint(there).astype(int)
    np.testing.assert_allclose(there, nearest, atol=tolerance)
    assert read.shape == truth.shape
    np.testing.assert_allclose(read.array[tuple(nearest)], truth.array.reshape(-1), atol=0.51)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(6)), flip=st.booleans())
def test_frames_in_any_order_land_where_they_were_measured(tmp_path_factory, order, flip):
    volume = whole(affine=oblique_affine((1.0, 1.2, 4.0), flip=flip))
    frames = frames_of(volume)
    path = tmp_path_factory.mktemp("frames") / "e.dcm"
    write_enhanced(path, [frames[k] for k in order], volume.affine)
    assert_same(read_volume(path), volume)


@pytest.mark.parametrize("slopes", [[2.5] * 6, [1.0, 0.1, 0.25, 3.0, 0.07, 1.5]], ids=["one", "each its own"])
@pytest.mark.parametrize("kind", ["frames", "files"])
def test_slopes_give_real_values_frame_by_frame_and_file_by_file(tmp_path, kind, slopes):
    volume = whole()
    volume = volume.with_array(np.rint(volume.array / slopes) * slopes)
    if kind == "frames":
        frames = [Frame(volume.array[:, :, k], k, slopes[k]) for k in range(6)]
        write_enhanced(tmp_path / "s" / "e.dcm", frames, volume.affine)
    else:

        def scaled(slice_, k):
            slice_.RescaleSlope, slice_.RescaleIntercept = str(slopes[k]), "0"
            slice_.PixelData = (
                np.ascontiguousarray(np.rint(volume.array[:, :, k] / slopes[k]).T).astype("<u2").tobytes()
            )

        write_series(volume, tmp_path / "s", scaled)
    read = read_volume(tmp_path / "s")
    np.testing.assert_allclose(np.sort(read.array.ravel()), np.sort(volume.array.ravel()), atol=1e-9)


def test_compressed_frames_are_read_too(tmp_path):
    volume = whole()
    for slopes in ([1.0] * 6, [1.0, 1.0, 2.0, 2.0, 1.0, 1.0]):
        volume = volume.with_array(np.rint(volume.array / slopes) * slopes)
        frames = [Frame(volume.array[:, :, k], k, slopes[k]) for k in range(6)]
        path = write_enhanced(tmp_path / "e.dcm", frames, volume.affine)
        packed = pydicom.dcmread(path)
        packed.compress(RLELossless)
        packed.save_as(path)
        assert_same(read_volume(path), volume)


DIFFERENCES = {
    "echo time": ("MREchoSequence", "EffectiveEchoTime", (10.0, 90.0)),
    "b-value": ("MRDiffusionSequence", "DiffusionBValue", (0.0, 1000.0)),
    "temporal position": ("FrameContentSequence", "TemporalPositionIndex", (1, 2)),
    "stack": ("FrameContentSequence", "StackID", ("A", "B")),
    "component": ("MRImageFrameTypeSequence", "ComplexImageComponent", ("MAGNITUDE", "PHASE")),
    "inversion time": ("MRModifierSequence", "InversionTimes", (100.0, 900.0)),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_volumes_in_one_file_are_named_and_chosen(tmp_path, name):
    sequence, keyword, values = DIFFERENCES[name]
    volumes = whole(), whole(seed=1)
    frames = [
        frame
        for volume, value in zip(volumes, values, strict=True)
        for frame in frames_of(volume, {sequence: {keyword: value}})
    ]
    mixed = [frames[n] for n in np.random.default_rng(0).permutation(len(frames) - 1) + 1]
    path = write_enhanced(tmp_path / "e.dcm", [frames[0], *mixed], AFFINE)
    with pytest.raises(InputError, match=rf"2 volumes.*differ in {name}.*6 slices.*--frames 1"):
        read_volume(path)
    for number, volume in enumerate(volumes, start=1):
        assert_same(read_volume(path, Choice(frames=number)), volume)
    with pytest.raises(InputError, match="no volume 3"):
        read_volume(path, Choice(frames=3))


def test_stacks_beside_each_other_are_volumes_of_their_own(tmp_path):
    first, second = whole(), whole(seed=1)
    frames = frames_of(first, {"FrameContentSequence": {"StackID": "1"}})
    frames += [
        Frame(second.array[:, :, k], k + 9.5, says={"FrameContentSequence": {"StackID": "2"}})
        for k in range(6)
    ]
    path = write_enhanced(tmp_path / "e.dcm", frames, AFFINE)
    with pytest.raises(InputError, match="2 volumes, which differ in stack"):
        read_volume(path)
    moved = AFFINE.copy()
    moved[:3, 3] += 9.5 * AFFINE[:3, 2]
    assert_same(read_volume(path, Choice(frames=2)), Volume(second.array, moved))


def test_echoes_of_a_classic_series_are_named_and_chosen_in_the_terminal(tmp_path, capsys):
    volumes, uids = (whole(), whole(seed=1)), {"SeriesInstanceUID": "1.2.2", "FrameOfReferenceUID": "1.2.3"}
    for number, volume in enumerate(volumes):
        write_series(volume, tmp_path / f"{number}", EchoTime=str(10 + 80 * number), **uids)
        (tmp_path / "both").mkdir(exist_ok=True)
        for path in (tmp_path / f"{number}").iterdir():
            path.rename(tmp_path / "both" / f"{number}{path.name}")
    arguments = [
        "enhance",
        str(tmp_path / "both"),
        str(tmp_path / "o.nii"),
        "--model",
        "cubic",
        "--progress",
        "off",
    ]
    assert main(arguments) == 2
    assert "1 (echo time 10 ms, 6 slices), 2 (echo time 90 ms, 6 slices)" in capsys.readouterr().err
    assert main([*arguments, "--frames", "2"]) == 0
    assert_same(read_volume(tmp_path / "both", Choice(frames=2)), volumes[1])


def test_what_differs_from_slice_to_slice_by_chance_parts_no_volume(tmp_path):
    volume = whole()
    delays = [100, 300, 100, 300, 500, 500]
    write_series(volume, tmp_path / "gated", lambda slice_, k: setattr(slice_, "TriggerTime", delays[k]))
    assert_same(read_volume(tmp_path / "gated"), volume)
    (tmp_path / "gated" / "copy.dcm").write_bytes((tmp_path / "gated" / "002.dcm").read_bytes())
    with pytest.raises(InputError, match="same place"):
        read_volume(tmp_path / "gated")
    write_series(
        volume, tmp_path / "tuned", lambda slice_, k: setattr(slice_, "EchoTime", 4.21 + 0.01 * (k % 2))
    )
    assert_same(read_volume(tmp_path / "tuned"), volume)


def test_echoes_at_places_of_their_own_are_two_volumes_all_the_same(tmp_path):
    write_series(whole(), tmp_path / "s", lambda slice_, k: setattr(slice_, "EchoTime", 10 + 80 * (k % 2)))
    with pytest.raises(InputError, match=r"2 volumes.*echo time 10 ms, 3 slices"):
        read_volume(tmp_path / "s")


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([0, 1, 2, 4, 5], "not evenly spaced"),
        ([1, 2, 3, 4, 5], "Frame 1 of the stack is missing"),
        ([0, 1, 2, 3, 3, 4, 5], "same place"),
    ],
)
def test_missing_and_doubled_frames_are_refused(tmp_path, kept, words):
    frames = frames_of(whole())
    path = write_enhanced(tmp_path / "e.dcm", [frames[k] for k in kept], AFFINE)
    with pytest.raises(InputError, match=words):
        read_volume(path)


def _changed(path, **tags):
    file = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            delattr(file, keyword)
        else:
            setattr(file, keyword, value)
    file.save_as(path)


@pytest.mark.parametrize("missing", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_no_place_no_volume(tmp_path, missing):
    write_series(whole(), tmp_path)
    _changed(tmp_path / "003.dcm", **{missing: None})
    with pytest.raises(InputError, match=r"003\.dcm does not say"):
        read_volume(tmp_path)


def test_frames_without_groups_or_with_too_few_are_refused(tmp_path):
    path = write_enhanced(tmp_path / "e.dcm", frames_of(whole()), AFFINE)
    groups = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    _changed(path, PerFrameFunctionalGroupsSequence=groups[:5])
    with pytest.raises(InputError, match="announces 6 frames and describes 5"):
        read_volume(path)
    _changed(path, PerFrameFunctionalGroupsSequence=None)
    with pytest.raises(InputError, match="does not say where its frames lie"):
        read_volume(path)


@pytest.mark.parametrize("how", ["image type", "private"])
def test_a_mosaic_is_refused_by_name(tmp_path, how):
    def change(slice_, _k):
        if how == "image type":
            slice_.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        else:
            slice_.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 10)

    write_series(whole((12, 10, 1)), tmp_path, change)
    with pytest.raises(InputError, match="is a mosaic"):
        read_volume(tmp_path)


@pytest.mark.parametrize("left", ["no pixels", "half a header", "nothing", "a web page", "a link"])
@pytest.mark.parametrize("number", [0, 5])
def test_a_file_that_cannot_be_read_is_named_and_not_left_out(tmp_path, number, left):
    write_series(whole(), tmp_path)
    path = tmp_path / f"{number:03d}.dcm"
    content = path.read_bytes()
    path.unlink()
    if left == "a link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(
            {
                "no pixels": content[:-100],
                "half a header": content[:400],
                "nothing": b"",
                "a web page": b"<html>404</html>",
            }[left]
        )
    with pytest.raises(FileError, match=rf"{path.name} cannot be read"):
        read_volume(tmp_path)


def test_values_that_are_none_are_a_sentence(tmp_path):
    write_series(whole(), tmp_path)
    path = tmp_path / "002.dcm"
    number = str(pydicom.dcmread(path).ImagePositionPatient[0]).encode()
    path.write_bytes(path.read_bytes().replace(number, b"x" * len(number)))
    with pytest.raises(MrisrError, match=r"002\.dcm"):
        slices_of(series_of(tmp_path))


def test_numbers_with_more_digits_than_allowed_are_read_without_a_word(tmp_path):
    volume = whole()
    write_series(volume, tmp_path)
    path = tmp_path / "002.dcm"
    digits = str(pydicom.dcmread(path).PixelSpacing[0]).ljust(18, "0")[:18]
    with pydicom.config.disable_value_validation():
        _changed(path, PixelSpacing=[digits, "1.0"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(read_volume(tmp_path), volume)


def test_what_is_no_image_does_not_count(tmp_path):
    volume = whole()
    write_series(volume, tmp_path)
    note = pydicom.dcmread(tmp_path / "000.dcm")
    note.SOPClassUID = note.file_meta.MediaStorageSOPClassUID = pydicom.uid.BasicTextSRStorage
    note.SeriesInstanceUID = "1.2.9"
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(note, keyword)
    note.save_as(tmp_path / "note.dcm")
    (tmp_path / "README").write_text("the scan of Tuesday")
    assert_same(read_volume(tmp_path), volume)


@settings(max_examples=40, deadline=None)
@given(
    spacing=st.floats(0.3, 6),
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    count=st.integers(4, 60),
    data=st.data(),
)
def test_positions_of_two_digits_are_even_and_a_missing_slice_is_not(spacing, angles, count, data):
    lps = LPS_TO_RAS @ oblique_affine((1.0, 1.0, spacing), angles)
    slices = [
        Slice(
            Path("a.dcm"),
            0,
            np.array([float(f"{v:.2f}") for v in lps[:3, 3] + k * lps[:3, 2]]),
            lps[:3, :2].T.ravel(),
            (1.0, 1.0),
            (4, 4),
            1.0,
        )
        for k in range(count)
    ]
    grid = grid_of(one_volume(data.draw(st.permutations(slices))))
    assert grid.spacing[2] == pytest.approx(spacing, abs=0.02 / (count - 1))
    del slices[data.draw(st.integers(1, count - 2))]
    with pytest.raises(InputError, match="evenly spaced"):
        one_volume(slices)


def test_a_path_of_a_file_stands_for_its_series_or_for_its_frames(tmp_path):
    first, second = whole(), whole(seed=1)
    write_series(first, tmp_path, SeriesNumber="4")
    write_series(second, tmp_path / "b", SeriesNumber="5")
    for path in (tmp_path / "b").iterdir():
        path.rename(tmp_path / f"b{path.name}")
    with pytest.raises(InputError, match=r"2 DICOM series: 4 \(t1_mprage, 6 files\), 5 "):
        read_volume(tmp_path)
    assert_same(read_volume(tmp_path / "003.dcm"), first)
    assert_same(read_volume(tmp_path / "b003.dcm"), second)
    assert_same(read_volume(tmp_path, Choice(series="5")), second)
    assert_same(read_volume(tmp_path, Choice(series=series_of(tmp_path / "b003.dcm").uid)), second)
    with pytest.raises(InputError, match="no DICOM series 7"):
        read_volume(tmp_path, Choice(series="7"))
    for name, volume in (("e", first), ("f", second)):
        write_enhanced(tmp_path / "many" / name, frames_of(volume), AFFINE)
    assert_same(read_volume(tmp_path / "many" / "f"), second)
    with pytest.raises(InputError, match=r"differ in file: 1 .file e, 6 slices., 2 .file f"):
        read_volume(tmp_path / "many")


def test_a_volume_in_several_multi_frame_files_is_put_together(tmp_path):
    volume = whole()
    frames = frames_of(volume)
    write_enhanced(tmp_path / "a.dcm", frames[:2], AFFINE)
    write_enhanced(tmp_path / "b.dcm", frames[2:], AFFINE)
    assert_same(read_volume(tmp_path), volume)


@settings(max_examples=15, deadline=None)
@given(
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
    angles=st.tuples(*[st.floats(-3, 3)] * 3),
    flip=st.booleans(),
)
def test_a_series_lies_where_itk_sees_it(tmp_path_factory, spacing, angles, flip):
    volume = whole((5, 4, 3), affine=oblique_affine(spacing, angles, flip=flip))
    folder = tmp_path_factory.mktemp("itk")
    write_series(volume, folder)
    seen = from_itk(sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))))
    read = read_volume(folder)
    np.testing.assert_allclose(read.corners, seen.corners, atol=0.01)
    np.testing.assert_array_equal(read.array, seen.array)


def test_what_a_simpler_reader_makes_wrong_is_told(tmp_path):
    frames = frames_of(whole())
    for order in (range(6), range(5, -1, -1)):
        assert misread(write_enhanced(tmp_path / "a", [frames[k] for k in order], AFFINE)) == ""
    assert "order of their places" in misread(
        write_enhanced(tmp_path / "b", [frames[k] for k in (0, 2, 1, 3, 4, 5)], AFFINE)
    )
    frames[3].slope = 2.0
    assert "scale of its own" in misread(write_enhanced(tmp_path / "c", frames, AFFINE))


def test_slices_of_different_sizes_are_refused(tmp_path):
    write_series(whole(), tmp_path)
    _changed(tmp_path / "002.dcm", PixelSpacing=["2", "2"])
    with pytest.raises(InputError, match="differ in matrix or pixel size"):
        read_volume(tmp_path)


def test_a_lone_slice_is_as_thick_as_its_header_says(tmp_path):
    volume = whole((12, 10, 1))
    write_series(volume, tmp_path)
    np.testing.assert_allclose(read_volume(tmp_path).affine, volume.affine @ np.eye(4), atol=1e-4)
