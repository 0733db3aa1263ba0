import numpy as np
import pytest
from scipy import ndimage, signal

from engine.conftest import oblique_affine, phantom
from mrisr.errors import InputError
from mrisr.jobs.simulation import simulate
from mrisr.physics.protocols import PROTOCOLS, prepare_reference, protocol_named

NAMES = [
    "iso2",
    "iso2-noisy",
    "thick4",
    "thick6",
    "iso2-kspace",
    "iso2-rect",
    "thick4-rect",
    "thick4-gap",
    "thick4-thin",
    "kspace-2x2",
    "kspace-5x5",
    "zoom2",
    "zoom4",
    "spline-1p6-3",
    "blur",
]


def test_the_protocols_are_those_of_the_yardstick():
    assert sorted(PROTOCOLS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_protocol_keeps_the_field_of_view(name):
    volume = prepare_reference(phantom((24, 24, 24), affine=oblique_affine()))
    scan = PROTOCOLS[name].simulate(volume)
    np.testing.assert_allclose(
        sorted(map(tuple, scan.corners)), sorted(map(tuple, volume.corners)), atol=1e-6
    )
    assert (scan.shape == volume.shape) == PROTOCOLS[name].same_matrix


def test_iso2_is_a_gaussian_of_two_voxels_sampled_at_block_centres():
    """Against SciPy's Gaussian on a grid eight times finer, read where the blocks' centres lie."""
    fine = 8
    line = np.random.default_rng(0).random(20)
    weights = np.exp(-0.5 * ((np.arange(-40, 41) / fine) / (2 / np.sqrt(8 * np.log(2)))) ** 2)
    volume = phantom((20, 20, 20)).with_array(
        np.broadcast_to(line[:, None, None], (20, 20, 20)).astype(np.float32)
    )
    scan = PROTOCOLS["iso2"].simulate(volume).array[:, 5, 5]
    for block in range(2, 8):
        centre = 2 * block + 0.5
        at = np.arange(20)
        distance = np.rint((at - centre) * fine).astype(int)
        near = np.abs(distance) <= 40
        expected = (weights[distance[near] + 40] * line[near]).sum() / weights[distance[near] + 40].sum()
        assert scan[block] == pytest.approx(expected, rel=1e-3)


def test_blur_is_scipys_gaussian_filter():
    volume = prepare_reference(phantom((30, 30, 30)))
    ours = PROTOCOLS["blur"].simulate(volume).array
    inner = tuple(slice(7, -7) for _ in range(3))
    np.testing.assert_allclose(
        ours[inner], ndimage.gaussian_filter(volume.array, 1.5, truncate=8)[inner], atol=1e-4
    )


def test_zoom_keeps_the_background_at_zero():
    volume = prepare_reference(phantom((24, 24, 24)))
    assert (PROTOCOLS["zoom2"].simulate(volume).array[volume.array == 0] == 0).all()


def test_thick_slices_are_stacked_along_the_anterior_posterior_axis_unless_told_otherwise():
    permuted = np.zeros((4, 4))
    permuted[0, 2], permuted[1, 0], permuted[2, 1], permuted[3, 3] = 1, 1, -1, 1
    volume = prepare_reference(phantom((24, 24, 24), affine=permuted))
    assert volume.orientation == "AIR"
    assert PROTOCOLS["thick4"].simulate(volume).shape == (6, 24, 24)
    assert PROTOCOLS["thick4"].simulate(volume, axis=2).shape == (24, 24, 6)


def test_kspace_truncation_leaves_the_superior_inferior_axis_whole():
    assert PROTOCOLS["kspace-2x2"].affected("RAS") == (True, True, False)
    assert PROTOCOLS["kspace-2x2"].affected("RAS", axis=0) == (False, True, True)


def test_the_reference_is_clipped_at_its_percentile_and_scaled_to_one():
    volume = phantom((32, 32, 32))
    reference = prepare_reference(volume).array
    top = np.percentile(volume.array, 99.9)
    np.testing.assert_allclose(reference, np.clip(volume.array / top, 0, 1), atol=1e-5)


def test_simulation_keeps_the_units():
    volume = phantom((24, 24, 24))
    scan = simulate(volume, "blur")
    inner = tuple(slice(10, 14) for _ in range(3))
    assert scan.array[inner].mean() == pytest.approx(volume.array[inner].mean(), rel=0.2)


def test_a_lone_slice_is_degraded_in_its_plane_only():
    slice_ = prepare_reference(phantom((24, 24, 9)).cropped((0, 0, 4), (24, 24, 5)))
    scan = PROTOCOLS["iso2"].simulate(slice_)
    assert scan.shape == (12, 12, 1)
    np.testing.assert_allclose(scan.spacing, (2, 2, 1))


def test_an_unknown_protocol_is_answered_with_the_list():
    with pytest.raises(InputError, match="iso2-noisy"):
        protocol_named("iso3")
    with pytest.raises(InputError, match="axis"):
        PROTOCOLS["thick4"].affected("RAS", axis=3)


def test_iso2_kspace_is_the_cropped_dft_on_half_the_grid_a_quarter_of_its_voxel_on():
    """Against numpy's FFT: the central half of k-space under SciPy's Tukey window, moved by half a fine voxel by a phase."""
    rng = np.random.default_rng(0)
    volume = phantom((20, 24, 16)).with_array(rng.random((20, 24, 16)).astype(np.float32))
    spectrum = np.fft.fftn(volume.array.astype(np.float64))
    for axis, n in enumerate(volume.shape):
        k = np.fft.fftfreq(n, 1 / n)
        fine = signal.windows.tukey(4001, 0.3)  # over the whole band, from one edge to the other
        window = np.where(np.abs(k) < n / 4, np.interp(k / (n / 4), np.linspace(-1, 1, 4001), fine), 0)
        shape = [-1 if a == axis else 1 for a in range(3)]
        spectrum = spectrum * (window * np.exp(2j * np.pi * k * 0.5 / n)).reshape(shape)
    expected = np.abs(np.fft.ifftn(spectrum).real)[::2, ::2, ::2]
    scan = PROTOCOLS["iso2-kspace"].simulate(volume)
    np.testing.assert_allclose(scan.array, expected, atol=1e-5)


def test_iso2_rect_is_the_mean_of_blocks_and_the_slices_with_a_gap_leave_it_out():
    volume = prepare_reference(phantom((12, 16, 20)))
    blocks = volume.array.reshape(6, 2, 8, 2, 10, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(PROTOCOLS["iso2-rect"].simulate(volume).array, blocks, atol=1e-5)
    whole = volume.array.reshape(12, 4, 4, 20).mean(axis=2)
    np.testing.assert_allclose(PROTOCOLS["thick4-rect"].simulate(volume, axis=1).array, whole, atol=1e-5)
    slabs = volume.array.reshape(12, 4, 4, 20)
    weights = np.array([0.4, 1, 1, 0.4]) / 2.8
    seen = np.einsum("ijsk,s->ijk", slabs, weights)
    np.testing.assert_allclose(PROTOCOLS["thick4-gap"].simulate(volume, axis=1).array, seen, atol=1e-5)


def test_the_thin_slices_never_see_half_of_the_tissue():
    volume = prepare_reference(phantom((8, 24, 8)))
    between = volume.array.copy()
    between[:, 4 * np.arange(6)] += 1  # the voxels at the slices' borders
    thin, whole = (
        np.abs(
            PROTOCOLS[name].simulate(volume.with_array(between), axis=1).array
            - PROTOCOLS[name].simulate(volume, axis=1).array
        ).mean()
        for name in ("thick4-thin", "thick4")
    )
    assert thin < 0.5 * whole
