"""Operators of scans that lie anywhere: exact adjoints, exact where nothing moves, right where something does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform, gaussian_filter

from mrisr import Acquisition, Grid, Volume
from mrisr.physics.moved import MovedOperator, moved_operator, slice_by_slice
from mrisr.physics.observation import Observation
from mrisr.physics.resampling import rigid

FINE = Grid((18, 20, 16), np.diag([1.0, 1.0, 1.0, 1.0]))
THICK = Acquisition.of_factor((1, 1, 4))
MEASURED = FINE.resampled((1, 1, 0.25))
MOTION = rigid((9, 10, 8), (4, -3, 5), (0.6, -1.2, 0.4))


def smooth(shape=FINE.shape, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(shape)
    return gaussian_filter(noise, 1.5).astype(np.float32) * 5


def agree(operator, shape, measured) -> None:
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩."""
    rng = np.random.default_rng(3)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in (shape, measured))
    left = float((operator.forward(x).astype(np.float64) * y).sum())
    right = float((x.astype(np.float64) * operator.adjoint(y)).sum())
    assert left == pytest.approx(right, abs=3e-6 * float(np.linalg.norm(x) * np.linalg.norm(y)))


@settings(max_examples=15, deadline=None)
@given(
    turn=st.tuples(*[st.floats(-170, 170)] * 3),
    shift=st.tuples(*[st.floats(-9, 9)] * 3),
    axis=st.integers(0, 2),
)
def test_the_adjoint_is_exact_for_any_motion(turn, shift, axis):
    factor = [4.0 if a == axis else 1.0 for a in range(3)]
    measured = FINE.resampled([1 / f for f in factor])
    operator = moved_operator(FINE, measured, Acquisition.of_factor(factor), rigid((9, 10, 8), turn, shift))
    agree(operator, FINE.shape, measured.shape)


def test_where_nothing_moves_it_is_the_separable_operator():
    still = THICK.operator(FINE, MEASURED)
    moved = moved_operator(FINE, MEASURED, THICK, np.eye(4))
    np.testing.assert_allclose(moved.forward(smooth()), still.forward(smooth()), atol=1e-4)


def test_axes_in_any_order_and_sense_are_no_other_scan():
    array = smooth()
    turned = np.ascontiguousarray(THICK.operator(FINE, MEASURED).forward(array).transpose(2, 0, 1)[::-1])
    affine = MEASURED.affine[:, [2, 0, 1, 3]].copy()
    affine[:3, 3] += affine[:3, 0] * (turned.shape[0] - 1)
    affine[:3, 0] *= -1
    acquisition = Acquisition(("gaussian", "none", "none"))
    scan = Observation(Volume(turned, affine), acquisition).of(FINE)
    np.testing.assert_allclose(scan.seen(array), turned, atol=1e-4)


def test_a_moved_scan_is_that_of_a_volume_that_splines_move():
    array = smooth((40, 40, 40))
    fine = Grid(array.shape, np.eye(4))
    measured, motion = fine.resampled((1, 1, 0.25)), rigid((20, 20, 20), (3, 2, -4), (1.3, 0.4, -0.8))
    expected = THICK.operator(fine, measured).forward(
        affine_transform(array, motion[:3, :3], motion[:3, 3], order=5).astype(np.float32)
    )
    error = moved_operator(fine, measured, THICK, motion).forward(array) - expected
    middle = error[6:-6, 6:-6, 2:-2]
    assert np.sqrt((middle**2).mean()) < 0.01 * expected.std()


def test_slices_that_share_a_place_are_the_whole_scan():
    whole = moved_operator(FINE, MEASURED, THICK, MOTION)
    slices = slice_by_slice(whole, MEASURED, [MOTION] * MEASURED.shape[2])
    np.testing.assert_allclose(slices.forward(smooth()), whole.forward(smooth()), atol=2e-3)
    places = [rigid((9, 10, 8), (n, 0, -n), (0, 0.5 * n, 0)) for n in range(MEASURED.shape[2])]
    agree(slice_by_slice(whole, MEASURED, places), FINE.shape, MEASURED.shape)


def test_back_projection_does_not_overshoot():
    operator = moved_operator(FINE, MEASURED, THICK, MOTION)
    y = smooth(MEASURED.shape, 1)
    for _ in range(30):
        y = y / np.linalg.norm(y)
        grown = operator.forward(operator.back_projector.forward(y))
        y = grown
    assert 0.5 < np.linalg.norm(grown) <= 1.0


def test_a_tensor_stays_a_tensor():
    operator = moved_operator(FINE, MEASURED, THICK, MOTION)
    assert isinstance(operator, MovedOperator)
    x = torch.from_numpy(smooth())
    np.testing.assert_allclose(operator.forward(x).numpy(), operator.forward(smooth()), atol=1e-5)
