import csv

import numpy as np
import pytest
from scipy import ndimage, special

from engine.conftest import DATA, phantom
from engine.trust_scans import degraded, oversampled, reference
from mrisr.image.files import read_volume
from mrisr.image.noise import _bessel, estimate_noise, measure_noise
from mrisr.image.spectrum import line_spectrum, resolved_fraction
from mrisr.physics.acquisition import rician

SMOOTH = ndimage.gaussian_filter(phantom((64, 64, 64)).array / 900, 2).astype(np.float32)
NEGATIVE = np.where(SMOOTH > 0.05, 1 - SMOOTH, 0).astype(np.float32)
RAMP = (np.ones((48, 64, 56)) * np.linspace(0.1, 1, 64)[:, None]).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("contrast", [SMOOTH, NEGATIVE, RAMP], ids=["phantom", "negative", "ramp"])
def test_known_noise_is_found(contrast, sigma):
    noisy = rician(contrast, sigma, np.random.default_rng(1)) * 700
    found = measure_noise(noisy)
    if found.bound:
        assert sigma < 0.01
        assert 0.9 * 700 * sigma < found.sigma < 2 * 700 * sigma
    else:
        assert found.sigma == pytest.approx(700 * sigma, rel=0.1 if sigma < 0.1 else 0.15)


@pytest.mark.parametrize("snr", [1.5, 2, 3, 6])
def test_rician_noise_of_low_signal_is_not_underestimated(snr):
    noisy = rician(np.full((48, 48, 48), 100, np.float32), 100 / snr, np.random.default_rng(2))
    assert estimate_noise(noisy) == pytest.approx(100 / snr, rel=0.1)


@pytest.mark.parametrize("contrast", ["t1", "t2"])
def test_noise_added_to_a_real_scan_adds_in_squares(contrast):
    clean = reference(contrast)
    own = estimate_noise(clean.array)
    noisy = estimate_noise(rician(clean.array, 0.08, np.random.default_rng(3)))
    assert noisy == pytest.approx(np.hypot(own, 0.08), rel=0.15)


def test_air_that_was_set_to_zero_does_not_count():
    noisy = rician(SMOOTH, 0.03, np.random.default_rng(1))
    masked = np.where(SMOOTH > 0.05, noisy, 0)
    assert estimate_noise(masked) == pytest.approx(0.03, rel=0.1)
    assert estimate_noise(np.zeros((20, 20, 20))) == 0
    assert estimate_noise(np.ones((1, 2, 3))) == 0


def test_zero_filling_does_not_hide_the_noise():
    scan, _ = degraded(reference("t1"), "iso2-noisy")
    before = estimate_noise(scan.array)
    filled = oversampled(oversampled(scan, 1), 2)
    assert estimate_noise(filled.array, filled.spacing, (1, 0.5, 0.5)) == pytest.approx(before, rel=0.25)
    assert estimate_noise(filled.array, filled.spacing) == pytest.approx(
        before, rel=0.25
    )  # the spectrum tells as well


def test_the_spectrum_shows_zero_filled_and_interpolated_axes():
    head = rician(phantom((64, 64, 64)).array / 900, 0.02, np.random.default_rng(0))
    assert [resolved_fraction(head, axis) for axis in range(3)] == [1, 1, 1]
    for axis in range(3):
        filled = oversampled(phantom((64, 64, 64)).with_array(head), axis).array
        fractions = [resolved_fraction(filled, a) for a in range(3)]
        assert fractions[axis] == pytest.approx(0.5, abs=0.06)
        assert all(f == 1 for a, f in enumerate(fractions) if a != axis)
        zoomed = ndimage.zoom(head, [2 if a == axis else 1 for a in range(3)], order=3)
        assert resolved_fraction(zoomed, axis) < 0.75
    assert resolved_fraction(head[:20], 0) == 1


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared scans")
def test_the_spectrum_of_real_scans_agrees_with_what_is_known_of_them():
    """Axes that are clearly interpolated (true size half again the voxel or more) and axes that are not at all."""
    rows = {row["id"]: row for row in csv.DictReader((DATA / "index.csv").open())}
    names = [
        "ds2748_sub-71_t1",
        "ds2748_sub-64_t1",
        "M2307_t2",
        "ljcs_p19_flair",
        "ds011_sub-10_t1",
        "fruit_irspgr",
    ]
    for name in names:
        row = rows[name]
        scan = read_volume(DATA / row["split"] / f"{name}.nii.gz").array
        for axis, (voxel, true) in enumerate(
            zip(row["voxel_mm"].split("x"), row["true_mm"].split("x"), strict=True)
        ):
            known, seen = float(voxel) / float(true), resolved_fraction(scan, axis)
            if known < 0.67:
                assert seen == pytest.approx(known, abs=0.08), (name, axis)
            elif known > 0.95:
                assert seen == 1, (name, axis)


@pytest.mark.parametrize("order", [0, 1])
def test_the_bessel_function_is_scipys(order):
    for z in (0.0, 1e-3, 0.7, 12.0, 100.0):
        assert _bessel(order, z) == pytest.approx(special.ive(order, z), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_line_is_the_mean_of_the_voxels_in_its_footprint(dtype):
    scan = np.random.default_rng(0).integers(200, 800, (60, 12, 12)).astype(dtype)
    apart = np.arange(2 * 3).reshape(1, 2, 3)  # what is added to all lines alike is no part of a spectrum
    wider = np.kron(scan, np.ones_like(apart)) + np.tile(apart, scan.shape)
    expected = line_spectrum(scan.astype(np.float32), 0, (1, 1, 1))
    found = line_spectrum(wider.astype(dtype), 0, (1, 2, 3))
    np.testing.assert_allclose(found.power, expected.power, rtol=1e-3)
