import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from engine.conftest import oblique_affine, phantom
from mrisr.errors import InputError
from mrisr.image.grid import Grid
from mrisr.image.itk import to_itk
from mrisr.physics.acquisition import Acquisition, rician
from mrisr.physics.interpolation import KINDS, interpolate, interpolator
from mrisr.physics.operators import cubic_rows, down_and_up, gaussian_rows, kspace_window

TARGET = Grid((13, 12, 11), oblique_affine((1, 1.2, 0.9)))

ACQUISITIONS = {
    "gaussian": (Acquisition(profile=("gaussian",) * 3), (0.5, 0.5, 0.5)),
    "one thick axis": (Acquisition(profile=("none", "gaussian", "none")), (1, 0.25, 1)),
    "rectangle with a gap": (
        Acquisition(profile=("none", "none", "rectangle"), width=(1, 1, 0.7)),
        (1, 1, 1 / 3),
    ),
    "non-integer factor": (Acquisition(profile=("gaussian",) * 3, width=(1.2,) * 3), (0.66, 0.4, 0.8)),
    "band-limited": (Acquisition(profile=("kspace",) * 3, width=(1, 1.3, 0.8)), (0.5, 0.5, 0.5)),
    "k-space": (Acquisition(kspace=(0.5, 0.5, 1)), (1, 1, 1)),
    "thick and truncated": (
        Acquisition(profile=("gaussian", "none", "none"), kspace=(1, 0.6, 1)),
        (0.5, 1, 1),
    ),
    "zoom": (Acquisition(profile=("zoom",) * 3, width=(2,) * 3), (1, 1, 1)),
    "spline": (Acquisition(profile=("spline",) * 3, width=(1.875,) * 3), (1, 1, 1)),
    "point samples": (Acquisition(), (0.5, 0.5, 0.5)),
}


def _check_adjoint(operator, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(TARGET.shape).astype(np.float32)
    y = rng.standard_normal(operator.forward(x).shape).astype(np.float32)
    left, right = np.vdot(operator.forward(x), y), np.vdot(x, operator.adjoint(y))
    assert left == pytest.approx(right, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("name", ACQUISITIONS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_every_acquisition_has_its_adjoint(name, seed):
    acquisition, factor = ACQUISITIONS[name]
    _check_adjoint(acquisition.operator(TARGET, TARGET.resampled(factor)), seed)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(factor=st.tuples(*[st.floats(1, 3)] * 3), seed=st.integers(0, 2**31))
def test_every_interpolation_has_its_adjoint(kind, factor, seed):
    _check_adjoint(interpolator(TARGET, TARGET.resampled(factor), kind), seed)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_the_norm_bounds_every_answer_and_is_reached(name):
    acquisition, factor = ACQUISITIONS[name]
    operator = acquisition.operator(TARGET, TARGET.resampled(factor))
    x = np.random.default_rng(0).standard_normal(TARGET.shape).astype(np.float32)
    for _ in range(300):
        x = operator.adjoint(operator.forward(x))
        x /= np.linalg.norm(x)
    assert np.linalg.norm(operator.forward(x)) == pytest.approx(operator.norm, rel=1e-2)


@pytest.mark.parametrize("name", [n for n in ACQUISITIONS if n != "zoom"])
def test_a_constant_stays_constant(name):
    acquisition, factor = ACQUISITIONS[name]
    scan = acquisition.operator(TARGET, TARGET.resampled(factor)).forward(
        np.full(TARGET.shape, 7, np.float32)
    )
    np.testing.assert_allclose(scan, 7, rtol=1e-4)


def test_gaussian_rows_have_the_asked_width():
    row = gaussian_rows(np.array([50.0]), 101, fwhm=8.0)[0]
    assert row[46] / row[50] == pytest.approx(0.5, rel=1e-5)
    assert row.sum() == pytest.approx(1, rel=1e-6)


def test_the_rectangle_is_the_mean_of_the_block():
    acquisition = Acquisition(profile=("none", "rectangle", "none"))
    array = np.random.default_rng(1).random(TARGET.shape).astype(np.float32)
    scan = acquisition.operator(TARGET, TARGET.resampled((1, 1 / 3, 1))).forward(array)
    np.testing.assert_allclose(scan, array.reshape(13, 4, 3, 11).mean(2), rtol=1e-5)


def test_the_kspace_window_is_numpys_fft_with_the_outside_zeroed():
    array = np.random.default_rng(2).random((16, 15, 8)).astype(np.float32)
    grid = Grid(array.shape, np.eye(4))
    scan = Acquisition(kspace=(0.5, 0.6, 1)).operator(grid, grid).forward(array)
    spectrum = np.fft.fftshift(np.fft.fftn(array))
    keep = np.zeros(array.shape, bool)
    keep[8 - 3 : 8 + 4, 7 - 4 : 7 + 5, :] = True
    expected = np.fft.ifftn(np.fft.ifftshift(spectrum * keep))
    assert np.abs(expected.imag).max() < 1e-6
    np.testing.assert_allclose(scan, expected.real, atol=1e-5)


def test_the_kspace_window_is_an_orthogonal_projection():
    window = kspace_window(20, 0.4)
    np.testing.assert_allclose(window @ window, window, atol=1e-6)
    np.testing.assert_allclose(window, window.T, atol=1e-6)


@pytest.mark.parametrize(("order", "prefilter"), [(2, False), (3, True)])
def test_zooming_axis_by_axis_is_scipys_zoom(order, prefilter):
    array = phantom((20, 16, 12)).array
    expected = ndimage.zoom(
        ndimage.zoom(array, 0.5, order=order, prefilter=prefilter), 2, order=order, prefilter=prefilter
    )
    matrices = [down_and_up(n, 2, order, prefilter) for n in array.shape]
    np.testing.assert_allclose(
        np.einsum("ai,bj,ck,ijk", *matrices, array), expected, atol=2e-3 * array.max() / 500
    )


def test_cubic_is_simpleitks_bspline():
    volume = phantom(affine=oblique_affine((1, 1.5, 3)))
    target = volume.grid.resampled((1.5, 2, 3))
    ours = interpolate(volume.array, volume.grid, target, "cubic")
    like = to_itk(np.zeros(target.shape, np.float32), target.affine)
    theirs = sitk.Resample(to_itk(volume.array, volume.affine), like, sitk.Transform(), sitk.sitkBSpline3)
    expected = sitk.GetArrayFromImage(theirs).transpose()
    inner = tuple(slice(4, -4) for _ in range(3))
    np.testing.assert_allclose(ours[inner], expected[inner], atol=1e-3 * volume.array.max())


def test_linear_is_simpleitks_linear():
    volume = phantom(affine=oblique_affine((1, 1.5, 3)))
    target = volume.grid.resampled((2, 2, 2))
    like = to_itk(np.zeros(target.shape, np.float32), target.affine)
    theirs = sitk.Resample(to_itk(volume.array, volume.affine), like, sitk.Transform(), sitk.sitkLinear)
    inner = tuple(slice(1, -1) for _ in range(3))
    ours = interpolate(volume.array, volume.grid, target, "linear")
    np.testing.assert_allclose(ours[inner], sitk.GetArrayFromImage(theirs).transpose()[inner], atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_interpolation_passes_through_the_measured_voxels(kind):
    volume = phantom((10, 11, 12))
    target = volume.grid.resampled((3, 3, 3))
    fine = interpolate(volume.array, volume.grid, target, kind)
    np.testing.assert_allclose(fine[1::3, 1::3, 1::3], volume.array, atol=2e-3 * volume.array.max())


@pytest.mark.parametrize("kind", KINDS)
def test_interpolation_reproduces_a_ramp_inside(kind):
    ramp = np.broadcast_to(np.arange(30, dtype=np.float32)[:, None, None], (30, 6, 6))
    grid = Grid(ramp.shape, np.eye(4))
    fine = interpolate(ramp, grid, grid.resampled((2, 1, 1)), kind)[:, 0, 0]
    expected = (np.arange(60) + 0.5) / 2 - 0.5
    # A windowed sinc reproduces a ramp only to a percent of its slope.
    np.testing.assert_allclose(fine[16:-16], expected[16:-16], atol=0.02 if kind == "lanczos" else 1e-4)


def test_rician_noise_has_the_moments_of_its_distribution():
    """Far above the noise the mean is sqrt(A² + σ²) to first order; in air it is Rayleigh's σ sqrt(π/2)."""
    rng = np.random.default_rng(3)
    air = rician(np.zeros((60, 60, 60), np.float32), 0.5, rng)
    assert air.mean() == pytest.approx(0.5 * np.sqrt(np.pi / 2), rel=0.01)
    bright = rician(np.full((60, 60, 60), 10, np.float32), 0.5, rng)
    assert (bright**2).mean() == pytest.approx(100 + 2 * 0.25, rel=1e-3)
    assert bright.std() == pytest.approx(0.5, rel=0.01)


def test_the_seed_fixes_the_noise_and_another_changes_it():
    volume, acquisition = phantom(), Acquisition(noise=0.05)
    first, again, other = (acquisition.simulate(volume, volume.grid, seed).array for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1


@pytest.mark.parametrize("wrong", [{"width": (0, 1, 1)}, {"kspace": (1.5, 1, 1)}, {"noise": -1}])
def test_impossible_acquisitions_are_refused(wrong):
    with pytest.raises(InputError, match="positive widths"):
        Acquisition(**wrong)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.lists(st.floats(-50, 90), min_size=1, max_size=12))
def test_cubic_interpolation_is_scipys(n, positions):
    at = np.array(positions)
    units = [ndimage.map_coordinates(unit, at[None], order=3, mode="mirror") for unit in np.eye(n)]
    np.testing.assert_allclose(cubic_rows(at, n), np.stack(units, axis=1), atol=2e-7)
