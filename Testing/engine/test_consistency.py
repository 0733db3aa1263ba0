from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.conftest import phantom
from engine.test_operators import ACQUISITIONS
from mrisr.image.grid import Grid
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.consistency import agreed, back_project, beyond_noise
from mrisr.physics.observation import Measurement, Observation


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_every_step_lowers_the_misfit(name):
    acquisition, factor = ACQUISITIONS[name]
    volume = phantom((13, 12, 11))
    grid = Grid(volume.shape, volume.affine)
    operator = acquisition.operator(grid, grid.resampled(factor))
    measured = operator.forward(volume.array)
    estimate = np.random.default_rng(0).random(volume.shape).astype(np.float32) * 500
    measurement = Measurement(measured, operator)
    misfits = [np.linalg.norm(measurement.residual(estimate))]
    for _ in range(12):
        estimate = back_project(estimate, measurement, 1)
        misfits.append(np.linalg.norm(measurement.residual(estimate)))
    # A projection is done after one step; from there on only rounding is left.
    floor = 1e-4 * misfits[0]
    assert all(after <= before + floor for before, after in pairwise(misfits))
    assert misfits[-1] < 0.6 * misfits[0]


def test_one_step_replaces_the_measured_samples_of_kspace_exactly():
    acquisition, _ = ACQUISITIONS["k-space"]
    volume = phantom((16, 15, 10))
    operator = acquisition.operator(volume.grid, volume.grid)
    measured = operator.forward(volume.array)
    estimate = np.random.default_rng(1).random(volume.shape).astype(np.float32) * 500
    result = back_project(estimate, Measurement(measured, operator), 1)
    scan, before, after = (np.fft.fftshift(np.fft.fftn(a)) for a in (measured, estimate, result))
    kept = np.abs(scan) > 1e-6 * np.abs(scan).max()
    tolerance = 1e-5 * np.abs(scan).max()
    np.testing.assert_allclose(after[kept], scan[kept], atol=tolerance)
    outside = np.ones(volume.shape, bool)
    outside[8 - 3 : 8 + 4, 7 - 3 : 7 + 4, :] = False
    np.testing.assert_allclose(after[outside], before[outside], atol=tolerance)


def test_no_steps_change_nothing():
    volume = phantom()
    operator = ACQUISITIONS["gaussian"][0].operator(volume.grid, volume.grid.resampled((0.5,) * 3))
    assert (
        back_project(volume.array, Measurement(operator.forward(volume.array), operator), 0) is volume.array
    )


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("least", [None, 250.0])
def test_what_goes_in_stays_as_it_is(kind, least):
    volume = phantom((12, 12, 12))
    acquisition, factor = ACQUISITIONS["gaussian"]
    operator = acquisition.operator(volume.grid, volume.grid.resampled(factor))
    measured = kind(operator.forward(volume.array))
    estimate = kind(np.full(volume.shape, 200, np.float32))
    found = back_project(estimate, Measurement(measured, operator), 3, least=least)
    assert float(abs(found - estimate).max()) > 10
    assert float(estimate.min()) == float(estimate.max()) == 200
    assert np.array_equal(measured, operator.forward(volume.array))


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_a_step_shrinks_every_part_of_the_misfit_and_overshoots_none(name):
    acquisition, factor = ACQUISITIONS[name]
    grid = Grid((13, 12, 11), np.eye(4))
    operator = acquisition.operator(grid, grid.resampled(factor))
    for forward, backward in zip(operator.matrices, operator.back_projector.matrices, strict=True):
        if forward is not None:
            eigenvalues = np.linalg.eigvals(forward.astype(np.float64) @ backward)
            assert np.abs(eigenvalues.imag).max() < 1e-6
            assert eigenvalues.real.min() > -1e-6
            assert eigenvalues.real.max() < 1 + 1e-6


def test_a_sample_beyond_the_field_of_view_does_not_slow_down_the_others():
    """13 voxels in samples of 4: the last sample sees one voxel only, and weighs it as much as others weigh four."""
    acquisition = Acquisition(profile=("gaussian", "none", "none"))
    steps = {}
    for n, samples in ((12, 3), (13, 4)):
        grid = Grid((n, 1, 1), np.eye(4))
        coarse = Grid((samples, 1, 1), grid.resampled((0.25, 1, 1)).affine)
        steps[n] = acquisition.operator(grid, coarse).back_projector.forward(
            np.ones((samples, 1, 1), np.float32)
        )
    np.testing.assert_allclose(steps[12], 1, rtol=1e-5)
    np.testing.assert_allclose(steps[13], 1, rtol=1e-5)


def test_what_noise_explains_is_left_alone_and_what_it_does_not_is_drawn_to_the_scan():
    acquisition, factor = ACQUISITIONS["gaussian"]
    volume = phantom((26, 24, 22))
    operator = acquisition.operator(volume.grid, volume.grid.resampled(factor))
    clean = operator.forward(volume.array)
    sigma = 0.02 * float(clean.max())
    measured = clean + sigma * np.random.default_rng(2).standard_normal(clean.shape).astype(np.float32)
    truth, measurement = volume.array, Measurement(measured, operator)
    moved = {
        n: np.abs(back_project(truth, measurement, 5, noise=n) - truth) for n in (0.0, sigma, 1.5 * sigma)
    }
    assert moved[sigma].mean() < 0.25 * moved[0.0].mean()
    assert moved[1.5 * sigma].max() < 0.1 * moved[0.0].max()
    invented = truth.copy()
    invented[12:16, 10:14, 9:13] += 30 * sigma
    rests = [
        np.abs(measurement.residual(x)[4:10, 4:9, 3:8]).max()
        for x in (invented, back_project(invented, measurement, 5, noise=sigma))
    ]
    assert rests[0] > 8 * sigma
    assert rests[1] < 0.5 * rests[0]


def test_the_part_beyond_noise_of_noise_alone_is_small_and_of_a_strong_misfit_all():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((30, 30, 30)).astype(np.float32)
    assert np.std(beyond_noise(noise, 1.0)) < 0.15
    np.testing.assert_allclose(beyond_noise(100 * noise, 1.0), 100 * noise, rtol=1e-3)
    np.testing.assert_array_equal(beyond_noise(noise, 0.0), noise)


def test_steps_that_another_acquisition_would_undo_are_told():
    volume = phantom((24, 22, 20))
    grid, coarse = volume.grid, volume.grid.resampled((1, 1, 0.25))
    sharp, soft = (
        Observation(
            Acquisition(("none", "none", "gaussian"), (1, 1, width)).simulate(volume, coarse),
            Acquisition(("none", "none", "gaussian"), (1, 1, width)),
        )
        for width in (0.5, 1.1)
    )
    assumed = replace(sharp, acquisition=soft.acquisition)  # a sharp scan, taken for a soft one
    start = volume.array
    drawn = back_project(start, assumed.of(grid), 10)
    assert not agreed(start, drawn, [sharp.of(grid)])
    assert agreed(start, drawn, [assumed.of(grid)])
    assert agreed(start, drawn, [sharp.of(grid)], noise=float(volume.array.max()))


def magnitude_case():
    """A magnitude scan whose windows in k-space leave negative lobes, and a volume that explains it."""
    acquisition = Acquisition(kspace=(0.3, 0.3, 1.0))
    volume = phantom((20, 22, 10))
    scan = acquisition.simulate(volume, volume.grid)
    return Observation(scan, acquisition).of(volume.grid), volume


def test_of_a_magnitude_scan_the_truth_leaves_no_residual_although_it_was_seen_with_negative_lobes():
    measurement, volume = magnitude_case()
    seen = measurement.operator.forward(volume.array)
    assert seen.min() < -0.01 * seen.max()
    peak = measurement.measured.max()
    assert np.abs(measurement.residual(volume.array)).max() < 1e-5 * peak
    assert np.abs(measurement.misfit(volume.array)).max() < 1e-5 * peak
    assert np.abs(seen - measurement.measured).max() > 0.01 * peak  # what the sign would be held against it


def test_back_projection_leaves_the_truth_behind_a_magnitude_alone_and_draws_others_to_the_scan():
    measurement, volume = magnitude_case()
    peak = measurement.measured.max()
    assert np.abs(back_project(volume.array, measurement, 5) - volume.array).max() < 1e-4 * peak
    start = measurement.measured
    rests = [
        np.linalg.norm(measurement.residual(back_project(start, measurement, steps))) for steps in (0, 1, 5)
    ]
    assert rests[2] <= rests[1] <= rests[0]
