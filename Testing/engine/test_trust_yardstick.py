"""What results are held against: limits, allowances, and the smallest spot that turns them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from engine.test_enhance import Network
from engine.trust_scans import degraded, head, reference, with_lesion
from mrisr.image.filters import smoothing_rows, weight
from mrisr.image.volume import Volume
from mrisr.physics.acquisition import Acquisition, rician
from mrisr.physics.estimation import Estimate
from mrisr.physics.interpolation import interpolate
from mrisr.physics.observation import Observation
from mrisr.pipeline.allowed import allowed_by
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.knowledge import Known
from mrisr.pipeline.planning import plan
from mrisr.pipeline.settings import Settings
from mrisr.trust.smallest import smallest_spots
from mrisr.trust.yardstick import ALARMS, WORST, Yardstick

TWICE = Acquisition.of_factor((2, 2, 2))


def yardstick(scan, target, acquisition=TWICE, noise=0.0):
    return Yardstick(scan, Observation(scan, acquisition).of(target), target, noise)


@pytest.mark.parametrize("name", ["iso2", "thick4", "kspace-2x2"])
def test_what_interpolation_leaves_is_the_same_by_way_of_the_target_and_at_once(name):
    truth = reference("t2")
    scan, acquisition = degraded(truth, name)
    held = yardstick(scan, truth.grid, acquisition, 0.01)
    plain = interpolate(scan.array, scan.grid, truth.grid, "cubic")
    np.testing.assert_allclose(held.plain_rest, held.residual(plain), atol=2e-6)
    assert held.agreement(plain).worst == pytest.approx(0, abs=1e-3)


def test_the_mean_of_a_noisy_magnitude_is_held_against_it():
    """In air, where Rayleigh noise has a mean of 1.25 of its standard deviation, nothing may look like a disagreement."""
    dark = np.zeros((20, 20, 20), np.float32)
    noise = 0.05
    scan = Volume(rician(dark, noise, np.random.default_rng(0)), np.eye(4))
    target = scan.grid.resampled((2, 2, 2))
    held = yardstick(scan, target, noise=noise)
    rest = held.residual(np.zeros(target.shape, np.float32))
    assert abs(float(rest.mean())) < 0.3 * noise
    assert held.agreement(np.zeros(target.shape, np.float32)).color == "green"


@given(st.floats(0.3, 3.0))
def test_the_weight_of_noise_under_a_gaussian_is_that_of_its_kernel(sigma):
    impulse = np.zeros(61)
    impulse[30] = 1
    kernel = ndimage.gaussian_filter1d(impulse, sigma)
    assert weight(sigma) == pytest.approx(float(np.linalg.norm(kernel)), rel=1e-5)
    np.testing.assert_allclose(smoothing_rows(61, sigma)[30], kernel, atol=1e-6)


def test_noise_alone_passes_the_limits_as_often_as_they_say():
    """Two hundred scans of one bright block: at most a handful may pass a limit that one in a hundred should."""
    block = np.full((16, 16, 16), 0.5, np.float32)
    target = Volume(block, np.eye(4)).grid
    rng, noise, passed = np.random.default_rng(1), 0.05, 0
    fine = target.resampled((2, 2, 2))
    for _ in range(200):
        scan = Volume((block + noise * rng.standard_normal(block.shape)).astype(np.float32), np.eye(4))
        held = yardstick(scan, fine, noise=noise)
        held.__dict__["allowed"] = 0.0
        assert held.chance == pytest.approx(_noise_limits(block.size))
        passed += held.agreement(np.full(fine.shape, 0.5, np.float32), (0.0, 0.0), rim=3).color != "green"
    assert passed <= 7  # 2 expected at most


def _noise_limits(places):
    from scipy.stats import norm

    return [weight(1.0) ** 3 * norm.isf(alarms / (2 * places)) for alarms in ALARMS]


def test_the_limit_of_the_worst_place_grows_with_the_scan_and_never_falls_below_its_least():
    limits = []
    for side in (8, 48):
        scan = Volume(np.full((side, side, 4 * side), 0.5, np.float32), np.diag([1.0, 1, 4, 1]))
        held = yardstick(scan, scan.grid.resampled((1, 1, 4)), Acquisition.of_factor((1, 1, 4)), noise=0.03)
        limits.append(held.chance)
    quiet = yardstick(scan, scan.grid.resampled((1, 1, 4)), Acquisition.of_factor((1, 1, 4)))
    assert limits[0][0] < limits[1][0]
    assert limits[0][1] < limits[1][1]
    assert quiet.limits() == WORST
    assert held.limits((0.1, 0.2)) == limits[1]


@pytest.mark.parametrize("size", [3.0, 6.0])
@pytest.mark.parametrize(("factor", "spacing"), [((2, 2, 2), (2.0, 2, 2)), ((1, 1, 4), (1.0, 1, 4))])
def test_a_spot_as_faint_as_told_is_just_noticed_wherever_it_lies(size, factor, spacing):
    """Against spots that are made, on a flat scan without noise."""
    scan = Volume(np.full((24, 24, 16), 0.5, np.float32), np.diag([*spacing, 1]))
    target, acquisition = scan.grid.resampled(factor), Acquisition.of_factor(factor)
    held = yardstick(scan, target, acquisition)
    told = dict(
        smallest_spots(
            scan, acquisition.operator(target, scan.grid), target, held.limits()[0] * held.tolerance
        )
    )
    seen = []
    middle = np.array(target.shape) // 2
    for shift in np.random.default_rng(0).uniform(-2, 2, (12, 3)):
        squares = sum(
            (((np.arange(n) - c - d) * s) ** 2).reshape([-1 if a == axis else 1 for a in range(3)])
            for axis, (n, c, d, s) in enumerate(zip(target.shape, middle, shift, target.spacing, strict=True))
        )
        spot = told[size] / 100 * np.exp(-4 * np.log(2) * squares / size**2)
        seen.append(held.agreement((0.5 + spot).astype(np.float32)).worst)
    assert min(seen) > 0.97 * held.limits()[0]
    assert min(seen) < 1.25 * held.limits()[0]


def test_what_a_network_invents_is_not_green_because_steps_passed_over_it():
    truth = reference("t2")
    scan, acquisition = degraded(truth, "iso2")
    plain = interpolate(scan.array, scan.grid, truth.grid, "cubic")
    spot = with_lesion(truth.with_array(plain), truth.array, 0.2, sigma=2.0)[0].array - plain

    class Inventor(Network):
        def restore(self, initial, context):
            return initial.numpy() + spot

    asked = Settings(target=truth.grid, acquisition=acquisition, consistency=30)
    trust = enhance(scan, asked, model=Inventor(None)).provenance["trust"]
    faithful = enhance(scan, asked, model=Network(lambda window: window)).provenance["trust"]
    assert trust["result"]["worst"] < 0.5 * trust["network"]["worst"]
    assert trust["result"]["color"] == "green"
    assert trust["network"]["color"] != "green"
    assert trust["color"] == trust["network"]["color"]
    assert trust["sentence"].startswith("What the network ")
    assert " your scan in one place" in trust["sentence"]
    assert faithful["network"]["color"] == "green"


@pytest.mark.parametrize(("stated", "word"), [(1.3, "sharper"), (0.75, ""), (0.3, "softer")])
def test_a_statement_that_the_scan_contradicts_is_not_green(stated, word):
    scan = head((48, 48, 48))
    known = Known(None, Estimate(width=(0.75,) * 3, error=(0.08,) * 3))
    target = scan.grid.resampled((2, 2, 2))
    made = replace(TWICE, width=(stated,) * 3)
    judged = allowed_by(plan(scan.grid, target, made, known=known), known)
    trust = enhance(scan, Settings(target=target, acquisition=made, known=known)).provenance["trust"]
    assert bool(word) == bool(judged.outside)
    assert trust["outside"] == judged.outside
    assert (trust["color"] == "green") == (not word)
    if word:
        assert word in trust["sentence"]
        low, high = 0.75 - 5 * 0.08, 0.75 + 2.5 * 0.08
        assert judged.acquisition.width == pytest.approx((low if stated < 0.75 else high,) * 3)
    else:
        assert judged.acquisition == made
