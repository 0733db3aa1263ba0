"""Guard rails that see: artifacts made in scans of three contrasts are found, and clean ones let pass."""

import numpy as np
import pytest

from engine.conftest import DATA
from engine.trust_scans import head
from mrisr.evaluation.artifact_warnings import artifacts_of, looks_like_ct
from mrisr.evaluation.artifacts import alternation, falloff, ghost, spike
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume
from mrisr.physics.acquisition import Acquisition, rician

REAL = ("ljcs_p19_flair", "M2307_t2", "uih_t1_s1")
SIDE = 96


def sharp(number):
    """A head of one of three contrasts, in its middle; made up where there are no real ones."""
    if not DATA.is_dir():
        return head((80, 76, 72), seed=number)
    scan = read_volume(next((DATA / "val").glob(f"{REAL[number]}.nii*")))
    start = [max(0, (n - SIDE) // 2) for n in scan.shape]
    box = scan.cropped(tuple(start), tuple(min(n, a + SIDE) for n, a in zip(scan.shape, start, strict=True)))
    return box.with_array(box.array.astype(np.float32))


@pytest.fixture(scope="module", params=range(3))
def scan(request):
    return sharp(request.param)


@pytest.fixture(scope="module", params=range(3))
def whole(request):
    """A head with the air around it, every other voxel of it."""
    if not DATA.is_dir():
        return head((80, 76, 72), seed=request.param)
    scan = read_volume(next((DATA / "val").glob(f"{REAL[request.param]}.nii*")))
    return Volume(scan.array[::2, ::2, ::2].astype(np.float32), scan.affine @ np.diag([2, 2, 2, 1]))


@pytest.fixture(scope="module")
def thick(scan):
    """The same in slices four times thicker."""
    made = Acquisition(profile=("none", "none", "gaussian"))
    return made.simulate(scan, scan.grid.resampled((1, 1, 1 / 4)))


def codes(scan: Volume) -> list[str]:
    return [code for code, _ in artifacts_of(scan)]


def striped(scan: Volume, amplitude: float) -> Volume:
    """One sample of k-space is wrong: a wave runs through the whole scan."""
    i, j, k = np.indices(scan.shape, dtype=np.float32)
    wave = np.cos(2 * np.pi * (0.21 * i + 0.13 * j + 0.17 * k))
    top = float(np.percentile(scan.array, 99.9))
    return scan.with_array(np.abs(scan.array + amplitude * top * wave).astype(np.float32))


def test_clean_scans_pass_in_silence(scan, thick):
    assert codes(scan) == []
    assert codes(thick) == []


def test_odd_slices_that_are_brighter_are_named(thick):
    array = thick.array.copy()
    array[..., ::2] *= 1.08
    (found,) = artifacts_of(thick.with_array(array))
    assert found[0] == "steps"
    assert "brighter by" in found[1]
    assert alternation(thick.with_array(array)).step == pytest.approx(0.038, abs=0.012)


def test_odd_slices_that_are_shifted_are_named(thick):
    array = thick.array.copy()
    array[..., ::2] = np.roll(array[..., ::2], 1, axis=0)
    assert "shifts" in codes(thick.with_array(array))


def test_a_smooth_change_from_slice_to_slice_is_no_alternation(thick):
    ramp = np.linspace(1, 2, thick.shape[2], dtype=np.float32)
    assert codes(thick.with_array(thick.array * ramp)) == []


@pytest.mark.parametrize("axis", [0, 1])
def test_a_ghost_is_named(scan, axis):
    doubled = scan.array + 0.4 * np.roll(scan.array, scan.shape[axis] // 2, axis)
    assert "ghost" in codes(scan.with_array(doubled))
    assert ghost(scan) < 0.05


def test_a_spike_is_named(scan):
    assert "spike" in codes(striped(scan, 0.05))
    assert spike(striped(scan, 0.05)) > 10 * spike(scan)


def test_noise_beyond_training_is_named(scan):
    sigma = 0.1 * float(np.percentile(scan.array, 99.9))
    noisy = rician(scan.array, sigma, np.random.default_rng(0))
    assert "noise" in codes(scan.with_array(noisy))


def test_a_tomogram_without_a_tag_is_named():
    made = head()
    tissue = made.array > 100
    units = np.where(tissue, (made.array - 450) / 5, -1000 + made.array / 20).astype(np.int16)
    assert looks_like_ct(units)
    assert [w.code for w in check_scan(made.with_array(units))][:1] == ["modality"]
    assert not looks_like_ct(made.array)
    assert not looks_like_ct((made.array - 1000).astype(np.int16))


def test_a_tomogram_is_named_whatever_was_added_or_scaled(whole):
    bright = whole.array / np.percentile(whole.array, 99.9)
    units = np.where(bright > 0.1, 20 + 40 * bright.clip(0, 1), -1000) + np.random.default_rng(0).normal(
        0, 6, bright.shape
    )
    units[:, : units.shape[1] // 20] = 1100  # bone
    for made in (
        units.astype(np.int16),
        (units + 1024).clip(0).astype(np.int16),
        ((units + 1024) / 12).clip(0, 255).astype(np.uint8),
    ):
        assert codes(whole.with_array(made)) == ["modality"]


def test_a_negative_whose_air_is_dark_is_named(whole):
    if DATA.is_dir():  # as fine as it was measured: skin must be told from fat
        whole = Volume(whole.array, whole.affine @ np.diag([0.5, 0.5, 0.5, 1]))
    bright = (whole.array / np.percentile(whole.array, 99.9)).clip(0, 1)
    inverted = np.where(bright > 0.05, 1 - bright, bright).astype(np.float32)
    found = dict(artifacts_of(whole.with_array(inverted)))
    assert "use the original images" in found["negative"]
    assert "negative" not in codes(whole)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_brightness_that_falls_off_is_named_with_its_size(whole, axis):
    along = np.geomspace(6, 1, whole.shape[axis]).reshape([-1 if a == axis else 1 for a in range(3)])
    faded = whole.with_array((whole.array * along).astype(np.float32))
    assert "N4ITK" in dict(artifacts_of(faded))["falloff"]
    assert "falloff" not in codes(whole)


def test_the_falloff_of_a_known_field_is_measured():
    tissue = np.random.default_rng(1).uniform(0.6, 1, (96, 96, 96)).astype(np.float32)
    along = np.geomspace(1, 4, 96, dtype=np.float32)[:, None, None]
    # Between the middles of the first and the last of six blocks, of 15 voxels each.
    assert falloff(Volume(tissue * along, np.eye(4))) == pytest.approx(4 ** (75 / 95), rel=0.02)
    assert falloff(Volume(tissue, np.eye(4))) == pytest.approx(1, abs=0.05)
