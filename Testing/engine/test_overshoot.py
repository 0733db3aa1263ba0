"""What a result adds beyond the scan's range around a place: how much of it stays, and what its card decides."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mrisr.image.grid import Grid, Target
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.physics.overshoot import restrained
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

FINE = Grid((12, 10, 8), np.eye(4))


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A scan and an estimate on the same grid, which leaves the scan's range."""
    random = np.random.default_rng(seed)
    scan = random.random(FINE.shape, dtype=np.float32)
    return scan, (scan + random.normal(0, 0.6, FINE.shape)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), kept=st.floats(0, 1))
def test_of_what_lies_beyond_the_26_neighbors_a_share_stays_and_all_else_is_left(seed, kept):
    scan, estimate = made(seed)
    high, low = ndimage.maximum_filter(scan, 3), ndimage.minimum_filter(scan, 3)
    inside = np.clip(estimate, low, high)
    expected = inside + kept * (estimate - inside)
    before = estimate.copy(), scan.copy()
    np.testing.assert_allclose(restrained(estimate, scan, FINE, FINE, kept), expected, atol=1e-5)
    np.testing.assert_array_equal((estimate, scan), before)


def test_all_of_it_stays_where_a_card_says_nothing():
    scan, estimate = made(0)
    assert restrained(estimate, scan, FINE, FINE, 1.0) is estimate
    assert catalog.find("edsr3d-kspace").overshoot == 1.0


def test_tensors_as_arrays_and_between_voxels_the_range_is_interpolated():
    target = FINE.resampled((2, 1, 1))
    scan, _ = made(1)
    estimate = np.full(target.shape, 2, np.float32)
    here = restrained(estimate, scan, FINE, target, 0.0)
    there = restrained(torch.from_numpy(estimate), torch.from_numpy(scan), FINE, target, 0.0)
    np.testing.assert_allclose(there.numpy(), here, atol=1e-6)
    high = ndimage.maximum_filter(scan, 3)
    assert here.max() <= high.max() + 1e-6
    # The centers of the finer voxels lie a quarter of a voxel beside those of the scan.
    np.testing.assert_allclose(here[1:-1:2], 0.75 * high[:-1] + 0.25 * high[1:], atol=1e-5)


def test_a_flat_scan_stays_as_it_is():
    flat = np.ones(FINE.shape, np.float32)
    assert np.array_equal(restrained(flat, flat, FINE, FINE, 0.2), flat)


class Bright(torch.nn.Module):
    """Says that everything is twice as bright."""

    def forward(self, x):
        return 2 * x[:, :1]


@pytest.fixture
def step():
    """Two tissues, thick slices."""
    array = np.full((16, 16, 8), 300, np.float32)
    array[:, 8:] = 800
    array += np.random.default_rng(0).normal(0, 1, array.shape).astype(np.float32)
    return Volume(array, np.diag([1.0, 1, 4, 1]))


def test_a_run_follows_its_models_card_and_the_verdict_sees_what_the_network_said(step):
    model = catalog.load_model("edsr3d-thick")
    model.network = Bright()
    asked = Settings("edsr3d-thick", Target.isotropic(), acquisition="slices:4", consistency=0)
    runs = {}
    for kept in (1.0, 0.25):
        model.card = replace(model.card, overshoot=kept)
        runs[kept] = enhance(step, asked, model=model)
    bright, less = (runs[kept].volume.array.max() - step.array.max() for kept in runs)
    assert less == pytest.approx(0.25 * bright, rel=0.02)
    said = [run.provenance["trust"]["network"]["ratio"] for run in runs.values()]
    assert said[0] == said[1]
