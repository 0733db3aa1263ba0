import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from mrisr.image.filters import greatest, smoothed

VOLUMES = arrays(
    np.float32,
    st.tuples(*[st.integers(1, 9)] * 3),
    elements=st.floats(-100, 100, width=32),
)
WIDTHS = st.tuples(*[st.sampled_from([0.0, 0.1, 0.4, 1.0, 1.7])] * 3)


@settings(max_examples=40, deadline=None)
@given(VOLUMES, WIDTHS)
def test_a_gaussian_is_that_of_scipy(volume, sigma):
    before = volume.copy()
    expected = ndimage.gaussian_filter(volume.astype(np.float64), sigma, mode="nearest")
    np.testing.assert_allclose(smoothed(volume, sigma), expected, atol=1e-4)
    np.testing.assert_array_equal(volume, before)


@settings(max_examples=40, deadline=None)
@given(VOLUMES)
def test_the_greatest_of_a_neighborhood_is_that_of_scipy(volume):
    np.testing.assert_array_equal(greatest(volume), ndimage.maximum_filter(volume, 3))
