"""NRRD and MetaImage headers whose places are missing, absurd or of another unit: a sentence each, and never a silent guess."""

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.errors import MrisrError
from mrisr.image.files import read_volume

VOXELS = np.rint(phantom((12, 10, 8)).array).astype("<i2")

NRRD = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "12 10 8",
    "space directions": "(1,0,0) (0,1,0) (0,0,3)",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(1,2,3)",
}
META = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "1 2 3",
    "ElementSpacing": "1 1 3",
    "DimSize": "12 10 8",
    "ElementType": "MET_SHORT",
}


def write(folder, kind, **changed):
    """A scan of that kind, with entries of its header changed, added or, if None, left out."""
    fields = {
        **(NRRD if kind == "nrrd" else META),
        **{name.replace("_", " "): text for name, text in changed.items()},
    }
    lines = [(name, text) for name, text in fields.items() if text is not None]
    if kind == "nrrd":
        header = "NRRD0004\n" + "".join(f"{name}: {text}\n" for name, text in lines) + "\n"
    else:
        header = "".join(f"{name} = {text}\n" for name, text in (*lines, ("ElementDataFile", "LOCAL")))
    path = folder / f"a.{kind}"
    path.write_bytes(header.encode() + VOXELS.tobytes(order="F"))
    return path


@pytest.mark.parametrize("kind", ["nrrd", "mha"])
def test_a_sound_header_is_read_without_a_word(tmp_path, kind):
    read = read_volume(write(tmp_path, kind))
    np.testing.assert_array_equal(read.affine, [[-1, 0, 0, -1], [0, -1, 0, -2], [0, 0, 3, 3], [0, 0, 0, 1]])
    np.testing.assert_array_equal(read.array, VOXELS)
    assert read.notes == ()


REFUSED = {
    "nrrd": [
        ("space_directions", "(0,0,0) (0,1,0) (0,0,3)", "direction has no length"),
        ("space_directions", "(1e-300,0,0) (0,1,0) (0,0,3)", "direction has no length"),
        ("space_directions", "(1e300,0,0) (0,1,0) (0,0,3)", "beyond reason"),
        ("space_directions", "(1e7,0,0) (0,1,0) (0,0,3)", "beyond reason"),
        ("space_directions", "(inf,0,0) (0,1,0) (0,0,3)", "beyond reason"),
        ("space_directions", "(nan,0,0) (0,1,0) (0,0,3)", "cannot be read"),
        ("space_directions", "(1,0,0) (1,0,0) (0,0,3)", "lie in one plane"),
        ("space_directions", "(1,0,0) (0.01,1,0) (0,0,3)", "not perpendicular"),
        ("space_directions", "(1,0,0) (0,1,0)", "cannot be read"),
        ("space_origin", "(1e300,0,0)", "beyond reason"),
        ("space_origin", "(0,-1e7,0)", "farther away"),
        ("measurement_frame", "(1e300,0,0) (0,1,0) (0,0,1)", "beyond reason"),
    ],
    "mha": [
        ("TransformMatrix", "0 0 0 0 0 0 0 0 0", "direction has no length"),
        ("TransformMatrix", "1 0 0 1 0 0 0 0 1", "lie in one plane"),
        ("TransformMatrix", "nan 0 0 0 1 0 0 0 1", "beyond reason"),
        ("TransformMatrix", "1 0 0 0.01 1 0 0 0 1", "not perpendicular"),
        ("ElementSpacing", "0 1 3", "voxel size is 0"),
        ("ElementSpacing", "1e-300 1 3", "beyond reason"),
        ("ElementSpacing", "1e300 1 3", "beyond reason"),
        ("ElementSpacing", "nan 1 3", "beyond reason"),
        ("Offset", "1e7 0 0", "farther away"),
        ("Offset", "nan 0 0", "beyond reason"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "name", "text", "words"), [(kind, *case) for kind, cases in REFUSED.items() for case in cases]
)
def test_what_is_no_place_is_refused(tmp_path, kind, name, text, words):
    with pytest.raises(MrisrError, match=words):
        read_volume(write(tmp_path, kind, **{name: text}))


NO_SPACE = {"space": None, "space_directions": None, "space_origin": None}
OPEN = {
    "nrrd": [
        ({"space_directions": "none (0,1,0) (0,0,3)"}, "along axis 1: 1 mm is taken"),
        ({"space_directions": "none none none"}, "along axis 1, 2, 3"),
        ({**NO_SPACE, "spacings": "1 nan 3"}, "along axis 2"),
        ({**NO_SPACE, "spacings": "1 1 3"}, "does not say where left and right"),
        ({"space": "scanner-xyz"}, "does not say where left and right"),
        ({"space_units": '"um" "um" "um"'}, "lengths are in um"),
    ],
    "mha": [
        ({"ElementSpacing": None}, "along axis 1, 2, 3"),
        ({"TransformMatrix": "2 0 0 0 2 0 0 0 2"}, "not of length 1"),
        ({"DistanceUnits": "cm"}, "lengths are in cm"),
        ({"ElementToIntensityFunctionSlope": "2.5"}, "scales the voxels' values"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "changed", "words"), [(kind, *case) for kind, cases in OPEN.items() for case in cases]
)
def test_what_a_header_leaves_open_is_told(tmp_path, kind, changed, words):
    assert words in read_volume(write(tmp_path, kind, **changed)).notes[0]


def test_axes_of_one_voxel_and_missing_turns_leave_nothing_open(tmp_path):
    four = {
        "dimension": "4",
        "sizes": "12 10 8 1",
        "space_directions": "(1,0,0) (0,1,0) (0,0,3) none",
        "kinds": "domain domain domain list",
    }
    assert read_volume(write(tmp_path, "nrrd", **four)).notes == ()
    assert read_volume(write(tmp_path, "mha", TransformMatrix=None, Offset=None)).notes == ()
    assert read_volume(write(tmp_path, "mha", ElementSpacing=None, ElementSize="1 1 3")).notes == ()
