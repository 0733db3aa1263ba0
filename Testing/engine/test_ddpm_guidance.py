"""The nearest volume that the scan allows, against dense linear algebra."""

import numpy as np
import pytest

from mrisr.families.ddpm.guidance import Guide
from mrisr.image.grid import Grid
from mrisr.physics.acquisition import Acquisition

SHAPE = (8, 6, 10)


@pytest.fixture
def problem():
    """An operator, its dense matrix, an estimate and a scan."""
    target = Grid(SHAPE, np.eye(4))
    operator = Acquisition.of_factor((2, 2, 1.0)).operator(target, target.resampled([0.5, 0.5, 1.0]))
    dense = np.stack(
        [operator.forward(unit.reshape(SHAPE).astype(np.float32)).ravel() for unit in np.eye(480)], axis=1
    )
    rng = np.random.default_rng(1)
    truth = rng.random(SHAPE, dtype=np.float32)
    measured = operator.forward(truth)
    estimate = truth + 0.2 * rng.standard_normal(SHAPE, dtype=np.float32)
    return operator, dense.astype(np.float64), estimate, measured


def test_without_noise_it_is_the_pseudo_inverse(problem):
    operator, dense, estimate, measured = problem
    expected = estimate.ravel() - np.linalg.pinv(dense) @ (dense @ estimate.ravel() - measured.ravel())
    assert np.allclose(Guide(operator, measured)(estimate).ravel(), expected, atol=1e-4)
    half = Guide(operator, measured, strength=0.5)(estimate).ravel()
    assert np.allclose(half, 0.5 * (estimate.ravel() + expected), atol=1e-4)


def test_with_noise_it_goes_to_the_edge_of_the_ball_and_straight(problem):
    operator, dense, estimate, measured = problem
    guide = Guide(operator, measured, sigma=0.03)
    found = guide(estimate)
    rest = operator.forward(found) - measured
    assert np.linalg.norm(rest) == pytest.approx(0.03 * np.sqrt(measured.size), rel=1e-3)
    moved, slope = (found - estimate).ravel().astype(np.float64), dense.T @ rest.ravel()
    assert -moved @ slope == pytest.approx(
        np.linalg.norm(moved) * np.linalg.norm(slope), rel=1e-4
    )  # Karush, Kuhn and Tucker


def test_what_the_scan_allows_is_left_alone(problem):
    operator, _, estimate, measured = problem
    assert np.array_equal(Guide(operator, measured, sigma=5.0)(estimate), estimate)
    assert np.array_equal(Guide(operator, measured, strength=0)(estimate), estimate)


def test_what_the_scan_does_not_see_is_left_alone(problem):
    operator, dense, estimate, measured = problem
    unseen = np.eye(480) - np.linalg.pinv(dense) @ dense
    moved = (Guide(operator, measured)(estimate) - estimate).ravel()
    assert np.abs(unseen @ moved).max() < 1e-4
    assert np.abs(moved).max() > 0.05


def test_a_scan_cut_in_kspace_is_met_where_it_was_measured():
    grid = Grid((12, 12, 6), np.eye(4))
    operator = Acquisition(kspace=(0.5, 0.5, 1.0)).operator(grid, grid)
    rng = np.random.default_rng(2)
    measured = operator.forward(rng.random((12, 12, 6), dtype=np.float32))
    estimate = rng.random((12, 12, 6), dtype=np.float32)
    found = Guide(operator, measured)(estimate)
    assert np.allclose(operator.forward(found), measured, atol=1e-5)
    rest = estimate - operator.forward(estimate)
    assert np.allclose(found - operator.forward(found), rest, atol=1e-5)
