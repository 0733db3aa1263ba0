import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.conftest import oblique_affine, phantom
from mrisr.errors import InputError
from mrisr.image.grid import Grid, Target
from mrisr.image.volume import Volume
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

factors = st.tuples(*[st.floats(1, 4)] * 3)


@given(factors, st.booleans())
def test_resampling_keeps_the_first_corner_and_covers_the_field_of_view(factor, flip):
    grid = Grid((9, 8, 7), oblique_affine((0.7, 1.1, 4.0), flip=flip))
    fine = grid.resampled(factor)
    np.testing.assert_allclose(
        fine.affine @ [-0.5, -0.5, -0.5, 1], grid.affine @ [-0.5, -0.5, -0.5, 1], atol=1e-9
    )
    np.testing.assert_allclose(grid.factor_to(fine), factor, rtol=1e-9)
    covered = np.array(fine.shape) / factor
    assert (covered >= np.array(grid.shape) - 1e-5).all()
    assert (covered < np.array(grid.shape) + 1).all()


def test_doubling_moves_the_origin_by_a_quarter_voxel():
    fine = Grid((4, 4, 4), np.diag([2.0, 2, 2, 1])).resampled((2, 2, 2))
    np.testing.assert_allclose(fine.affine[:3, 3], -0.5)
    assert fine.shape == (8, 8, 8)


def test_isotropic_takes_the_finest_spacing_on_all_axes():
    grid = Target.isotropic().grid(Grid((10, 12, 5), np.diag([0.9, 1.0, 4.5, 1])))
    np.testing.assert_allclose(grid.spacing, 0.9)


def test_isotropic_leaves_a_lone_slice_across_itself():
    grid = Target.isotropic().grid(Grid((10, 12, 1), np.diag([1.0, 2.0, 8.0, 1])))
    np.testing.assert_allclose(grid.spacing, (1, 1, 8))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (lambda: Target.factor(0.5), "coarser"),
        (lambda: Target.spacing(3), "coarser"),
        (lambda: Target.factor(0), "positive"),
        (lambda: Target.factor((1, 2)), "one or three"),
        (lambda: Target.factor(float("nan")), "positive"),
        (lambda: Target.factor(1000), "4096"),
    ],
)
def test_impossible_targets_are_refused_with_words(target, words):
    with pytest.raises(InputError, match=words):
        target().grid(Grid((10, 10, 10), np.eye(4)))


@pytest.mark.parametrize("factor", [(2, 2, 2), (1, 1, 4), (1.5, 1.5, 1.5)])
@pytest.mark.parametrize("flip", [False, True])
def test_a_point_stays_where_it_is(factor, flip):
    """The centre of mass of a bright spot, in RAS, before and after, to 0.01 voxel of the scan."""
    affine = oblique_affine((0.8, 1.0, 2.5), flip=flip)
    array = np.zeros((24, 22, 20), np.float32)
    index = np.stack(np.meshgrid(*map(np.arange, array.shape), indexing="ij"), -1)
    centre = np.array([11.3, 10.6, 9.2])
    array = np.exp(-((index - centre) ** 2).sum(-1) / (2 * 2.0**2)).astype(np.float32)
    result = enhance(Volume(array, affine), Settings(model="cubic", target=Target.factor(factor))).volume

    def mass_centre(volume):
        where = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1).reshape(-1, 3)
        weights = volume.array.reshape(-1).astype(np.float64)
        return volume.affine[:3, :3] @ (weights @ where / weights.sum()) + volume.affine[:3, 3]

    moved = np.linalg.inv(affine[:3, :3]) @ (mass_centre(result) - mass_centre(Volume(array, affine)))
    assert np.abs(moved).max() < 0.01


def test_grids_rotated_against_each_other_are_refused():
    with pytest.raises(InputError, match="rotated"):
        Grid((4, 4, 4), np.eye(4)).axis_positions(Grid((4, 4, 4), oblique_affine()))


def test_orientation_and_corners_follow_the_affine():
    volume = phantom(shape=(4, 5, 6), affine=np.diag([-1.0, 2, 3, 1]))
    assert volume.orientation == "LAS"
    np.testing.assert_allclose(volume.corners.min(0), [-3.5, -1, -1.5])
    np.testing.assert_allclose(volume.corners.max(0), [0.5, 9, 16.5])
