"""Whether the spread is high in a region: shares that can be counted by hand, and spread that follows the error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrisr.errors import InputError
from mrisr.trust.spread_verdict import HIGH, SHARE, high_share, judge_spread


def spread_with(count, value, shape=(10, 10, 10)):
    """A spread of half the threshold at brightness 200, `value` in the first `count` voxels."""
    array = np.full(shape, 100 * HIGH, np.float32)
    array.ravel()[:count] = value
    return array


def test_a_region_is_warned_about_from_a_tenth_of_its_voxels_on():
    mask = np.zeros((10, 10, 10), bool)
    mask.ravel()[:500] = True
    for count, warn in ((0, False), (49, False), (50, True), (500, True)):
        found = judge_spread(spread_with(count, 400 * HIGH), 200, mask)
        assert (found.warn, found.voxels) == (warn, 500)
        assert found.share == pytest.approx(count / 500)
    assert pytest.approx(0.1) == SHARE
    assert "not sure of what it shows here (the spread is high): in 100 % of" in found.sentence


def test_a_region_like_the_rest_of_a_head_with_much_spread_is_ordinary():
    head = spread_with(200, 400 * HIGH)
    usual = high_share(head, 200)
    assert usual == pytest.approx(0.2)
    found = judge_spread(spread_with(230, 400 * HIGH), 200, usual=usual)
    assert not found.warn
    assert "23 % of the region's voxels" in found.sentence
    assert "20 % of the whole head" in found.sentence
    assert judge_spread(spread_with(400, 400 * HIGH), 200, usual=usual).warn
    assert judge_spread(spread_with(1000, 400 * HIGH), 200, usual=0.9).warn  # all of it is high


def test_the_same_spread_elsewhere_does_not_count():
    mask = np.zeros((10, 10, 10), bool)
    mask[5:] = True
    found = judge_spread(spread_with(500, 90), 200, mask)
    assert not found.warn
    assert found.share == 0
    assert found.median == pytest.approx(50 * HIGH)
    assert judge_spread(spread_with(500, 90), 200).share == pytest.approx(0.5)


@given(st.floats(0.01, 1e4), st.integers(0, 1000))
def test_the_unit_of_the_scan_does_not_matter(unit, count):
    array = spread_with(count, 37)
    one, other = judge_spread(array, 200), judge_spread(array * np.float32(unit), 200 * unit)
    assert (one.warn, one.share) == (other.warn, other.share)
    assert one.median == pytest.approx(other.median, rel=1e-4)


def test_another_threshold_can_be_asked_for():
    array = spread_with(300, 8)
    assert not judge_spread(array, 200, high=0.05).warn
    found = judge_spread(array, 200, high=0.03)
    assert found.warn
    assert found.threshold == pytest.approx(3)


def test_a_region_beside_the_result_and_samples_that_are_all_the_same_are_said():
    assert "outside" in judge_spread(spread_with(0, 0), 200, np.zeros((10, 10, 10), bool)).sentence
    rounding = np.full((4, 4, 4), 1e-4, np.float32)
    found = judge_spread(rounding, 200, high=0)
    assert not found.warn
    assert "says nothing" in found.sentence


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="voxels"):
        judge_spread(spread_with(0, 0), 200, np.zeros((2, 2, 2), bool))
    with pytest.raises(InputError, match="positive"):
        judge_spread(spread_with(0, 0), 0)
