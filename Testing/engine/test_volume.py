import numpy as np
import pytest

from engine.conftest import oblique_affine, phantom
from mrisr.errors import InputError
from mrisr.image.volume import Volume, check_volume

SHEARED = np.eye(4)
SHEARED[0, 1] = 0.3

FLAT = np.diag([1.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("array", "affine", "words"),
    [
        (np.zeros((4, 4, 4, 2), np.float32), np.eye(4), "4 dimensions"),
        (np.zeros((4, 0, 4), np.float32), np.eye(4), "no voxels"),
        (np.zeros((4, 4, 4), np.complex64), np.eye(4), "magnitude"),
        (np.full((4, 4, 4), np.nan, np.float32), np.eye(4), "64 voxels that are not finite"),
        (np.full((4, 4, 4), np.inf, np.float32), np.eye(4), "not finite"),
        (np.ones((4, 4, 4), np.float32), SHEARED, "sheared"),
        (np.ones((4, 4, 4), np.float32), FLAT, "voxel size of zero"),
        (np.ones((4, 4, 4), np.float32), np.full((4, 4), np.nan), "finite 4x4"),
        (np.arange(20 * 20 * 20).reshape(20, 20, 20) % 5, np.eye(4), "label map"),
        (np.zeros((4, 4, 4), bool), np.eye(4), "label map"),
        (np.repeat(np.arange(45), 900).reshape(45, 30, 30).astype(np.int16), np.eye(4), "label map"),
        (np.full((4, 4, 4), 1e300), np.eye(4), "1e30"),
    ],
)
def test_what_cannot_be_enhanced_is_refused_with_words(array, affine, words):
    with pytest.raises(InputError, match=words):
        check_volume(Volume(array, affine))


def test_an_integer_scan_is_no_label_map():
    check_volume(Volume(phantom().array.astype(np.int16), oblique_affine()))


def test_a_scan_of_few_gray_levels_is_no_label_map():
    coarse = np.rint(phantom((40, 40, 40)).array / 60).astype(np.uint8)
    assert len(np.unique(coarse)) < 20
    check_volume(Volume(coarse, np.eye(4)))


def test_each_anatomical_axis_is_named_once_however_oblique_the_scan():
    for x, y, z in np.random.default_rng(0).uniform(-np.pi, np.pi, (300, 3)):
        orientation = phantom((3, 3, 3), affine=oblique_affine(angles=(x, y, z))).orientation
        assert sorted("RL" if c in "RL" else "AP" if c in "AP" else "SI" for c in orientation) == [
            "AP",
            "RL",
            "SI",
        ]


def test_a_constant_integer_volume_is_no_label_map():
    check_volume(Volume(np.full((30, 30, 30), 7, np.int16), np.eye(4)))


def test_cropping_keeps_every_voxel_in_its_place():
    volume = phantom(affine=oblique_affine((0.5, 1, 2)))
    part = volume.cropped((3, 4, 5), (10, 12, 15))
    assert part.shape == (7, 8, 10)
    np.testing.assert_array_equal(part.array[1, 2, 3], volume.array[4, 6, 8])
    np.testing.assert_allclose(part.affine @ [1, 2, 3, 1], volume.affine @ [4, 6, 8, 1])


def test_a_padding_value_is_refused_and_other_negative_values_are_not():
    """GE's scanners pad with -32768; CT has -1024 for air, and differences of scans are negative in half of their voxels."""
    anatomy = np.random.default_rng(0).uniform(0, 1000, (12, 12, 12)).astype(np.float32)
    padded = anatomy.copy()
    padded[:, :, 0] = -32768
    with pytest.raises(InputError, match="padding"):
        check_volume(Volume(padded, np.eye(4)))
    for offset in (-1024, -500, -1):
        check_volume(Volume(anatomy + offset, np.eye(4)))
    check_volume(Volume(anatomy, np.eye(4)))
