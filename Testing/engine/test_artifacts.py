"""Guard rails that see: artifacts made in scans of three contrasts are found, and clean ones let pass."""

import numpy as np
import pytest

from engine.conftest import DATA
from engine.trust_scans import head
from mrisr.evaluation.artifact_warnings import artifacts_of, looks_like_ct
from mrisr.evaluation.artifacts import alternation, ghost, spike
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
