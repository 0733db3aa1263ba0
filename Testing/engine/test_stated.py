import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrisr.errors import InputError
from mrisr.image.grid import Grid
from mrisr.physics.stated import KINDS, LIMITS, Stated

AXIAL = Grid((64, 64, 20), np.diag([1.0, 1.0, 4.0, 1.0]))
SAGITTAL = Grid((20, 64, 64), np.array([[-4.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]]))
CUBE = Grid((64, 64, 64), np.diag([1.0, 1.0, 1.0, 1.0]))


STATEMENTS = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), st.floats(*LIMITS[kind])))


@given(STATEMENTS, st.sampled_from(["", "R", "SA", "RAS"]))
def test_what_is_stated_is_read_back_from_its_text(said, axes):
    kind, value = said
    again = Stated.of(Stated(kind, value, axes).text)
    assert (again.kind, again.axes) == (kind, axes)
    assert again.value == pytest.approx(value, rel=1e-11)


def test_slices_have_their_thickness_where_the_scan_was_cut_and_nowhere_else():
    made = Stated.of("slices:3").acquisition(AXIAL, (1, 1, 4))
    assert (made.profile, made.width, made.kspace) == (("none", "none", "gaussian"), (1, 1, 0.75), (1, 1, 1))
    made = Stated.of("slices:5").acquisition(SAGITTAL, (4, 1, 1))
    assert (made.profile, made.width) == (("gaussian", "none", "none"), (1.25, 1, 1))
    made = Stated.of("slices:3").acquisition(AXIAL, (2, 2, 4))  # in the plane the usual guess stays
    assert (made.profile, made.width) == (("gaussian",) * 3, (1, 1, 0.75))
    assert Stated.of("slices:0.8@A").acquisition(CUBE, (2, 2, 2)).width == (1, 0.8, 1)


@pytest.mark.parametrize(
    ("text", "grid", "kept"),
    [
        ("kspace:0.5", CUBE, (0.5, 0.5, 1)),  # as the protocols cut it: all but head–foot
        ("kspace:0.5", AXIAL, (0.5, 0.5, 1)),
        ("kspace:0.4", SAGITTAL, (1, 0.4, 0.4)),  # in the plane of the slices
        ("kspace:0.4@S", SAGITTAL, (1, 0.4, 1)),  # the second axis of this scan runs from head to foot
        ("kspace:0.2@RAS", CUBE, (0.2, 0.2, 0.2)),
    ],
)
def test_k_space_is_cut_in_the_plane_unless_axes_are_named(text, grid, kept):
    made = Stated.of(text).acquisition(grid, (1, 1, 1))
    assert (made.kspace, made.profile) == (kept, ("none",) * 3)


def test_blur_is_stated_in_mm_and_interpolation_as_a_factor():
    made = Stated.of("blur:2").acquisition(AXIAL, (1, 1, 1))
    assert (made.profile, made.width) == (("gaussian",) * 3, (2, 2, 0.5))
    assert Stated.of("interpolated:2").acquisition(CUBE, (1, 1, 1)).profile == ("zoom",) * 3
    made = Stated.of("spline:1.875@RA").acquisition(CUBE, (1, 1, 1))
    assert (made.profile, made.width) == (("spline", "spline", "none"), (1.875, 1.875, 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slices", "number"),
        ("slices:thick", "number"),
        ("slices:nan", "between"),
        ("slices:-3", "between"),
        ("kspace:1.5", "between"),
        ("kspace:0.5@X", "R, A and S"),
        ("kspace:0.5@RR", "each once"),
        ("sharp:1", "does not say"),
        ("", "does not say"),
    ],
)
def test_what_states_nothing_is_refused_with_the_way_to_write_it(text, words):
    with pytest.raises(InputError, match=words):
        Stated.of(text)


def test_a_thickness_in_the_wrong_unit_is_noticed():
    with pytest.raises(InputError, match="slices:4"):
        Stated.of("slices:80").acquisition(AXIAL, (1, 1, 4))
