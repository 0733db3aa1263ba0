"""What is no tissue, and numbers that were added to a scan: results are as without, and it is told."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from engine.conftest import oblique_affine, phantom
from engine.trust_dicom import write_series
from mrisr import Settings, Target, enhance, read_volume, write_volume
from mrisr.errors import FileError, InputError
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.normalization import Normalization, air_level
from mrisr.image.padding import prepared
from mrisr.image.volume import Volume, check_volume
from mrisr.jobs import enhancement
from mrisr.reports.dicom_export import export_dicom

HEAD = np.rint(phantom((40, 36, 20)).array + np.abs(np.random.default_rng(0).normal(0, 5, (40, 36, 20))))
EDGE = (slice(None, 3), slice(None), slice(None))


def padded(value, dtype=np.int16, add=0.0):
    array = (HEAD + add).astype(dtype)
    array[EDGE] = value
    return Volume(array, oblique_affine())


def enhanced(array, affine=None):
    wanted = Settings(model="gradient-filters-iso2", target=Target.factor(2), device="cpu")
    return enhance(Volume(array, oblique_affine()), wanted)


@pytest.mark.parametrize(
    ("value", "dtype", "add"),
    [
        (32767, np.int16, 0),
        (65535, np.uint16, 0),
        (255.0, np.float32, -1e6),
        (-32768, np.int16, 0),
        (32767, np.int16, 28000),  # tissue comes near it
        (-32768, np.int16, -28000),
        (np.nan, np.float32, 0),
        (np.nan, np.float64, 1000),
    ],
)
def test_padding_at_either_end_becomes_background_and_is_told(value, dtype, add):
    volume = padded(value, dtype, add)
    before = volume.array.copy()
    found = prepared(volume)
    np.testing.assert_array_equal(volume.array, before)
    assert found.array.dtype == dtype
    np.testing.assert_array_equal(found.array[3:], volume.array[3:])
    assert np.unique(found.array[EDGE]) == pytest.approx(air_level((HEAD + add).astype(np.float64)), abs=6)
    assert "which is no tissue" in found.notes[0]
    check_volume(found)
    assert found.notes[0] in [warning.sentence for warning in check_scan(volume)]
    assert prepared(found) is found


@pytest.mark.parametrize(
    "array",
    [
        HEAD,
        np.where(HEAD > 600, 600, HEAD),  # clipped, with nothing between
        np.where(np.arange(20) > 9, 100.0, 0.0) * np.ones((40, 36, 1)),  # a step of two values
        HEAD - 1024,
        np.where(HEAD > 100, HEAD, 0),  # without its air
        np.where(HEAD > 300, HEAD, 0),  # and with nothing between
        np.where(HEAD > 100, (HEAD - 500) / 100, -5),  # and scaled to its deviations
    ],
)
def test_a_scan_without_padding_stays_as_it_is(array):
    volume = Volume(array, np.eye(4))
    assert prepared(volume) is volume


def test_numbers_that_are_missing_inside_are_refused():
    array = HEAD.astype(np.float32)
    array[20, 18, 10] = np.nan
    with pytest.raises(InputError, match="1 voxels that are not finite"):
        enhance(Volume(array, np.eye(4)))
    array[20, 18, 10], array[0] = 5, np.inf
    with pytest.raises(InputError, match="not finite"):
        enhance(Volume(array, np.eye(4)))


@pytest.mark.parametrize("faces", [1, 6])
@pytest.mark.parametrize("add", [1000, 30000, 1e6])
def test_zeros_around_a_scan_that_a_number_was_added_to_are_padding(faces, add):
    array = HEAD + add
    edges = (
        [EDGE]
        if faces == 1
        else [(*[slice(None)] * n, part) for n in range(3) for part in (slice(3), slice(-3, None))]
    )
    for edge in edges:
        array[edge] = 0
    found = prepared(Volume(array, oblique_affine()))
    assert Normalization.of(found.array).offset == pytest.approx(add, abs=6)
    assert "are 0, which is no tissue" in found.notes[0]


def test_a_model_sees_the_tissue_whatever_surrounds_it_and_is_added_to_it():
    head = HEAD[6:34, 6:30, 3:17].astype(np.float32)
    head[EDGE] = 0
    plain = enhanced(head).volume.array
    for value, add in ((32767, 0), (np.nan, 5000)):
        array = head + np.float32(add)
        array[EDGE] = value
        result = enhanced(array)
        difference = (result.volume.array - add - plain)[16:]
        assert np.sqrt((difference**2).mean()) < 0.02 * plain[16:].std()
        assert result.provenance["scan_notes"]


def test_air_is_told_from_dark_tissue():
    middle = HEAD[12:28, 10:26, 5:15]  # nothing but tissue
    assert middle.min() > 100
    assert Normalization.of(middle).offset == 0
    assert Normalization.of(HEAD + 1000).offset == pytest.approx(1000, abs=2)
    assert Normalization.of(np.full((9, 9, 9), 70)).offset == 0


@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_values_near_a_billion_keep_their_digits(tmp_path, dtype):
    array = (HEAD[:, :, :8] + 1e9).astype(dtype)
    nib.save(nib.Nifti1Image(array, oblique_affine(), dtype=dtype), tmp_path / "far.nii")
    request = enhancement.Request(
        tmp_path / "far.nii", tmp_path / "out.nii", Settings(target=Target.factor(2))
    )
    record = enhancement.run(request).provenance
    plain = enhance(Volume(HEAD[:, :, :8], oblique_affine()), Settings(target=Target.factor(2)))
    np.testing.assert_allclose(read_volume(tmp_path / "out.nii").array - 1e9, plain.volume.array, atol=0.5)
    assert "brightness is counted from there" in record["scan_notes"][0]


@pytest.mark.parametrize("name", ["out.mgz", "out.mgh"])
def test_what_a_kind_of_file_would_round_away_is_refused_before_it_is_computed(tmp_path, monkeypatch, name):
    array = (HEAD[:, :, :8] + 1e9).astype(np.int64)
    nib.save(nib.Nifti1Image(array, oblique_affine(), dtype=np.int64), tmp_path / "far.nii")
    request = enhancement.Request(tmp_path / "far.nii", tmp_path / name, Settings(target=Target.factor(2)))
    with monkeypatch.context() as patch:
        patch.setattr(enhancement, "enhance", lambda *_a, **_k: pytest.fail("it was computed"))
        with pytest.raises(FileError, match=r"round values near 1e\+09 by 3\d; name the output"):
            enhancement.run(request)
    enhancement.run(replace(request, keep_type=True))
    kept = read_volume(tmp_path / name).array
    assert kept.dtype == np.int32
    assert 900 < np.ptp(kept) < 1200
    volume = Volume(array.astype(np.float64), oblique_affine())
    with pytest.raises(FileError, match="single precision"):
        write_volume(volume, tmp_path / name, np.float64)
    write_volume(volume.with_array(array), tmp_path / name, np.int64)
    np.testing.assert_array_equal(read_volume(tmp_path / name).array, array)
    write_volume(volume.with_array(array - 1e9), tmp_path / name, np.float64)


def test_a_derived_series_keeps_the_digits_of_values_far_from_0(tmp_path):
    source = Volume(HEAD[:12, :10, :6], oblique_affine())
    write_series(source, tmp_path / "source")
    for far in (0, 1e9, -1e9):
        out = tmp_path / f"{far:g}"
        export_dicom(source.with_array(source.array + far), tmp_path / "source", out, {"model": "cubic"})
        read = read_volume(out)
        np.testing.assert_allclose(
            np.sort(read.array.ravel()), np.sort((source.array + far).ravel()), atol=0.51
        )


def test_a_scan_that_is_never_negative_has_no_result_that_is():
    for model in ("cubic", "lanczos", "gradient-filters-iso2"):
        wanted = Settings(model=model, target=Target.factor(2), consistency=4)
        assert enhance(Volume(HEAD, np.eye(4)), wanted).volume.array.min() >= 0
    signed = enhance(Volume(HEAD - 300, np.eye(4)), Settings(target=Target.factor(2)))
    assert signed.volume.array.min() < -300


def test_label_maps_of_floating_point_are_refused_like_those_of_whole_numbers():
    labels = np.where(HEAD > 550, 41.0, np.where(HEAD > 300, 2.0, 0.0))
    for array in (labels, labels.astype(np.float32), labels.astype(np.int16)):
        with pytest.raises(InputError, match="label map"):
            check_volume(Volume(array, np.eye(4)))
    check_volume(Volume(HEAD.astype(np.float32), np.eye(4)))
