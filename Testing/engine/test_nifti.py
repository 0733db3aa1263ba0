"""NIfTI as the world writes it: where ITK and nibabel see scans and results, and headers that only some programs bear."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.conftest import oblique_affine, phantom
from mrisr import Settings, Target, enhance, read_volume, write_volume
from mrisr.errors import FileError, InputError, MrisrError
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.files import find_scans
from mrisr.image.grid import Grid
from mrisr.image.volume import Volume
from mrisr.jobs import enhancement, simulation

RAS = np.diag([-1.0, -1, 1, 1])
UNITS = {1: 1e3, 3: 1e-3}


def by_itk(path):
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Grid(image.GetSize(), RAS @ affine)


def by_nibabel(path):
    image = nib.load(path)
    return Grid(image.shape[:3], image.affine)


def apart(one, other, reader):
    return np.abs(reader(one).corners - reader(other).corners).max()


def written(path, array=None, qform=None, sform=None, codes=(1, 1), patches=()):
    """A file with these forms; patches are (offset, format, values) written over its header."""
    array = np.rint(phantom((12, 10, 6)).array).astype(np.int16) if array is None else array
    qform = oblique_affine((1, 1, 4)) if qform is None else qform
    image = nib.Nifti1Image(array, None)
    image.header.set_qform(qform, codes[0])
    image.header.set_sform(qform if sform is None else sform, codes[1])
    image.header.set_xyzt_units("mm")
    image.to_filename(path)
    content = bytearray(path.read_bytes())
    for at, kind, *values in patches:
        struct.pack_into(kind, content, at, *values)
    path.write_bytes(content)
    return path


def test_results_lie_where_their_scans_do_for_itk_and_for_nibabel(tmp_path):
    rng = np.random.default_rng(7)
    scan, result, other = (tmp_path / name for name in ("scan.nii", "result.nii.gz", "result.mha"))
    for codes in [(q, s) for q in range(5) for s in range(5) for _ in range(8)]:
        spacing = rng.choice([0.7, 1, 2, 3.5], 3)
        forms = [
            oblique_affine(spacing, rng.uniform(-3, 3, 3), rng.uniform(-150, 150, 3), rng.random() < 0.5)
            for _ in range(2)
        ]
        array = rng.random(rng.integers(3, 7, 3)).astype(np.float32)
        unit = int(rng.choice([0, 2, 1, 3]))
        written(scan, array, *forms, codes, [(123, "<B", unit)])
        factor = rng.choice([1.0, 2.0, 3.0], 3)
        volume = read_volume(scan)
        finer = volume.grid.resampled(factor)
        made = volume.on(finer, np.zeros(finer.shape, np.float32))
        write_volume(made, result)
        write_volume(made, other)
        header = nib.load(result).header
        assert (header["qform_code"], header["sform_code"]) == codes
        far = UNITS.get(unit, 1)
        assert apart(scan, result, by_nibabel) < 0.01
        if codes == (0, 0):
            assert apart(scan, result, by_itk) <= far * (max(spacing) / 2 + 1e-3)
        else:
            assert apart(scan, result, by_itk) < 0.01 * max(far, 1)
        assert apart(scan, other, by_itk) < 0.01 * max(far, 1)


FLOATS = st.floats(width=32) | st.floats(-2, 2, width=32)
FIELDS = st.lists(
    st.one_of(
        st.tuples(st.just(76), st.just("<f"), st.sampled_from([1.0, -1.0, 0.0, 2.0])),  # qfac
        st.tuples(st.sampled_from([80, 84, 88]), st.just("<f"), st.sampled_from([0.0, 1.0, 3.0]) | FLOATS),
        st.tuples(st.sampled_from([108, 112, 116]), st.just("<f"), st.sampled_from([0.0, 352.0]) | FLOATS),
        st.tuples(st.just(123), st.just("<B"), st.integers(0, 255)),
        st.tuples(st.sampled_from([252, 254]), st.just("<h"), st.integers(-1, 8)),
        st.tuples(st.sampled_from([256, 260, 264, 268, 272, 276]), st.just("<f"), FLOATS),
        st.tuples(st.integers(0, 11).map(lambda n: 280 + 4 * n), st.just("<f"), FLOATS),
        st.tuples(st.sampled_from([36, 39, 68, 72, 74, 120, 122, 344]), st.just("<h"), st.integers(0, 2000)),
        st.tuples(st.sampled_from([42, 44, 46, 48, 50]), st.just("<h"), st.integers(-1, 7)),
        st.tuples(st.just(40), st.just("<h"), st.integers(1, 5)),
        st.tuples(st.integers(92, 104), st.just("<f"), FLOATS),  # pixdim of time and beyond
    ),
    max_size=5,
)


def seen_alike(path):
    """Grid and values of a scan that ITK and nibabel read alike; None where they do not, or where it is no 3-D scan."""
    try:
        image, itk, grid = nib.load(path), sitk.ReadImage(str(path)), by_itk(path)
        values, other = np.asarray(image.dataobj, np.float64), sitk.GetArrayFromImage(itk).transpose()
        unit = UNITS.get(int(image.header["xyzt_units"]) & 7, 1.0)
        affine = np.diag([unit] * 3 + [1]) @ image.affine
    except (
        RuntimeError,
        OverflowError,
        ValueError,
        OSError,
        KeyError,
        nib.spatialimages.HeaderDataError,
        nib.filebasedimages.ImageFileError,
    ):
        return None
    alike = (
        values.ndim == 3
        and values.shape == other.shape
        and np.allclose(values, other, rtol=1e-5)
        and np.allclose(affine, grid.affine, rtol=1e-5, atol=1e-4)
        and all(1e-5 < size < 1e5 for size in grid.spacing)
        and np.abs(values).max() < 1e30
    )
    return (affine, values) if alike else None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patches=FIELDS, seed=st.integers(0, 5))
@example(patches=[(260, "<f", 2198226673336320.0)], seed=4)  # too long a quaternion for ITK
@example(patches=[(76, "<f", 1.0)], seed=4)  # forms that differ in the sense of an axis are alike to ITK
def test_no_header_that_itk_and_nibabel_read_alike_is_refused_or_read_otherwise(tmp_path, patches, seed):
    sitk.ProcessObject.GlobalWarningDisplayOff()
    path = written(
        tmp_path / "any.nii",
        np.random.default_rng(seed).integers(0, 900, (5, 4, 3)).astype(np.int16),
        oblique_affine((1, 1, 3), flip=seed % 2 == 0),
        codes=(seed % 3, seed // 2),
        patches=patches,
    )
    seen = seen_alike(path)
    try:
        volume = read_volume(path)
    except MrisrError as error:
        assert seen is None or not np.isfinite(seen[1]).all() or "label map" in str(error), error
        return
    if seen is not None:
        np.testing.assert_allclose(volume.affine, seen[0], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(volume.array, seen[1], rtol=1e-5)


VALUES = np.rint(phantom((12, 10, 6)).array)
SHEARED = [(284, "<f", 0.05)]
EMPTY = [(280, "<12f", *[0.0] * 12)]


@pytest.mark.parametrize(
    ("patches", "words"),
    [
        (EMPTY, "sheared or empty"),
        (SHEARED, "sheared or empty"),
        ([(256, "<3f", 0.0, 0.0, 1.0000005), (254, "<h", 0)], ""),
        ([(256, "<3f", 0.6, 0.0, 0.8001), (254, "<h", 0)], ""),
        ([(256, "<3f", 0.0, 1e20, 0.0)], "qform is absurd"),
        ([(123, "<B", 6)], "unit of length"),
        ([(108, "<f", 0.0)], ""),
        ([(108, "<f", float("nan"))], ""),
        ([(116, "<f", float("nan")), (112, "<f", 1.0)], "intercept"),
        ([(76, "<f", 0.0), (254, "<h", 0)], ""),
        ([(88, "<f", 3.0)], "two voxel sizes"),
        ([(88, "<f", 0.0)], "cannot be"),
        ([(252, "<hh", 0, 0)], "does not say where"),
    ],
)
def test_what_others_read_is_read_and_what_matters_is_told(tmp_path, patches, words):
    path = written(tmp_path / "odd.nii", VALUES.astype(np.int16), patches=patches)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array, VALUES)
    if patches != [(88, "<f", 0.0)]:  # ITK takes 1 mm there, and says nothing
        np.testing.assert_allclose(volume.affine, by_itk(path).affine, atol=1e-4)
    assert words in " ".join(volume.notes)
    assert bool(words) == bool(volume.notes)
    assert [w.sentence for w in check_scan(volume) if w.code == "file"] == list(volume.notes)


def test_a_result_repeats_no_empty_sform(tmp_path):
    scan = written(tmp_path / "empty.nii", patches=EMPTY)
    write_volume(read_volume(scan), tmp_path / "result.nii")
    assert apart(scan, tmp_path / "result.nii", by_itk) < 0.01
    np.testing.assert_allclose(nib.load(tmp_path / "result.nii").affine, by_itk(scan).affine, atol=1e-4)


def test_a_sheared_scan_that_no_form_describes_is_refused(tmp_path):
    with pytest.raises(InputError, match="sheared"):
        read_volume(written(tmp_path / "odd.nii", codes=(0, 1), patches=SHEARED))


def test_a_file_without_the_four_bytes_behind_its_header_is_read(tmp_path):
    path = written(tmp_path / "short.nii", VALUES.astype(np.int16), patches=[(108, "<f", 348.0)])
    path.write_bytes(path.read_bytes()[:348] + path.read_bytes()[352:])
    np.testing.assert_array_equal(read_volume(path).array, VALUES)


def test_compression_is_told_by_the_content(tmp_path):
    content = written(tmp_path / "scan.nii", VALUES.astype(np.int16)).read_bytes()
    (tmp_path / "plain.nii.gz").write_bytes(content)
    (tmp_path / "packed.nii").write_bytes(gzip.compress(content))
    write_volume(Volume(VALUES, np.eye(4)), tmp_path / "scan.mgz")
    (tmp_path / "plain.mgz").write_bytes(gzip.decompress((tmp_path / "scan.mgz").read_bytes()))
    for name in ("plain.nii.gz", "packed.nii", "plain.mgz"):
        volume = read_volume(tmp_path / name)
        np.testing.assert_array_equal(volume.array, VALUES)
        assert "compressed" in volume.notes[0]
    assert read_volume(tmp_path / "scan.nii").notes == read_volume(tmp_path / "scan.mgz").notes == ()


@pytest.mark.parametrize("ends", [("hdr", "img"), ("HDR", "IMG"), ("hdr.gz", "img.gz")])
def test_a_pair_is_read_by_either_name_and_listed_once(tmp_path, ends):
    image = nib.Nifti1Pair(VALUES.astype(np.int16), oblique_affine())
    nib.save(image, tmp_path / "pair.img")
    for kind, end in zip(("hdr", "img"), ends, strict=True):
        content = (tmp_path / f"pair.{kind}").read_bytes()
        (tmp_path / f"pair.{kind}").unlink()
        (tmp_path / f"pair.{end}").write_bytes(gzip.compress(content) if end.endswith("gz") else content)
    for end in ends:
        volume = read_volume(tmp_path / f"pair.{end}")
        np.testing.assert_array_equal(volume.array, VALUES)
        np.testing.assert_allclose(volume.affine, oblique_affine(), atol=1e-5)
    assert find_scans(tmp_path) == [tmp_path / f"pair.{ends[0]}"]
    (tmp_path / f"pair.{ends[1]}").unlink()
    with pytest.raises(FileError, match=r"pair\.img is missing"):
        read_volume(tmp_path / f"pair.{ends[0]}")


def test_analyze_has_values_and_voxel_sizes_but_no_place(tmp_path):
    nib.save(nib.Spm99AnalyzeImage(VALUES.astype(np.int16), np.diag([2.0, 2, 3, 1])), tmp_path / "old.img")
    (tmp_path / "old.mat").unlink(missing_ok=True)
    volume = read_volume(tmp_path / "old.img")
    np.testing.assert_array_equal(volume.array, VALUES)
    np.testing.assert_allclose(volume.spacing, [2, 2, 3])
    assert "does not say where" in volume.notes[0]


def test_the_second_version_of_nifti_is_read(tmp_path):
    nib.save(nib.Nifti2Image(VALUES.astype(np.int16), oblique_affine()), tmp_path / "two.nii.gz")
    volume = read_volume(tmp_path / "two.nii.gz")
    np.testing.assert_array_equal(volume.array, VALUES)
    np.testing.assert_allclose(volume.affine, oblique_affine(), atol=1e-5)


def test_every_output_of_a_run_keeps_both_forms_and_the_record_what_was_odd(tmp_path):
    qform, sform = oblique_affine((1, 1, 4)), oblique_affine((1, 1, 4), (0, 0, 0), (1, 2, 3))
    scan = written(tmp_path / "mni.nii.gz", None, qform, sform, codes=(1, 4))
    outputs = [tmp_path / f"{name}.nii" for name in ("result", "residual", "spread")]
    request = enhancement.Request(scan, outputs[0], Settings(), *outputs[1:])
    record = enhancement.run(request).provenance
    simulation.run(simulation.Request(scan, tmp_path / "coarse.nii", "iso2"))
    for path in [*outputs, tmp_path / "coarse.nii"]:
        header = nib.load(path).header
        assert (header["qform_code"], header["sform_code"]) == (1, 4)
        assert apart(scan, path, by_itk) < 0.01
        assert apart(scan, path, by_nibabel) < 0.01
    assert "by qform and by sform, up to" in record["scan_notes"][0]


def test_a_region_of_a_scan_without_a_place_lies_in_it_for_everybody(tmp_path):
    scan = written(tmp_path / "none.nii", codes=(0, 0))
    region = ((1, 2, 1), (6, 9, 4))
    made = enhance(read_volume(scan), Settings(target=Target.factor((1, 1, 2)), region=region))
    write_volume(made.volume, tmp_path / "part.nii")
    for reader in (by_itk, by_nibabel):
        wanted = reader(scan).cropped(*region).corners
        np.testing.assert_allclose(reader(tmp_path / "part.nii").corners, wanted, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
def test_mgz_is_written_with_its_values_and_place(tmp_path, dtype):
    volume = Volume(VALUES[:, :, :3].astype(dtype) * 50, oblique_affine((0.5, 1, 3), flip=True))
    write_volume(volume, tmp_path / "scan.mgz", dtype)
    image = nib.load(tmp_path / "scan.mgz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), volume.array)
    np.testing.assert_allclose(image.affine, volume.affine, atol=1e-4)


def test_scaled_values_are_double_where_single_would_round_them(tmp_path):
    path = written(tmp_path / "far.nii", VALUES.astype(np.int16), patches=[(112, "<ff", 0.5, 1e9)])
    np.testing.assert_array_equal(read_volume(path).array, VALUES.astype(np.float64) * 0.5 + 1e9)
    path = written(tmp_path / "near.nii", VALUES.astype(np.int16), patches=[(112, "<ff", 0.5, 10)])
    assert read_volume(path).array.dtype == np.float32
